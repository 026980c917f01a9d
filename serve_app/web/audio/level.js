/** How loud it is, for people: quiet is 0, full scale is 1. */

const FLOOR_DB = -60;

/** Of 16-bit samples, on a scale of decibels. */
export function loudness(pcm) {
  let sum = 0;
  for (const sample of pcm) sum += sample * sample;
  const rms = Math.sqrt(sum / Math.max(1, pcm.length)) / 32_768;
  const decibels = 20 * Math.log10(Math.max(rms, 1e-6));
  return Math.max(0, 1 - decibels / FLOOR_DB);
}
