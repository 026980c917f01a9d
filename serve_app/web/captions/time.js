/** Places in the audio, for people and for files. */

/** `1:02`, from the hour on `1:01:02`. */
export function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `00:01:02,345`, with the mark that the file format wants. */
export function timestamp(ms, mark) {
  const whole = Math.round(ms);
  const seconds = Math.floor(whole / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${two(h)}:${two(m)}:${two(s)}${mark}${String(whole % 1000).padStart(3, "0")}`;
}

function two(number) {
  return String(number).padStart(2, "0");
}
