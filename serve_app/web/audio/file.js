/** A file as a source of 16 kHz PCM: decoded by the browser, so that it can be sent again from anywhere. */

import { SAMPLE_RATE_HZ, SAMPLES_PER_MS, toPcm16 } from "./pcm.js";

const TICK_MS = 100;
const PIECE_SAMPLES = 100 * SAMPLES_PER_MS;
/** Where not paced: how much may be on its way to the server. */
const MAX_AHEAD_SAMPLES = 20_000 * SAMPLES_PER_MS;
/** Decoded, a file takes up to 100 times its size. */
export const MAX_FILE_BYTES = 300 * 1024 * 1024;

export class UnreadableFileError extends Error {}

export class AudioFile {
  #samples;
  #timer;
  #end;
  ended = new Promise((resolve) => {
    this.#end = resolve;
  });

  /** Decode; UnreadableFileError, with a text for the user, where that cannot be done. */
  static async open(file) {
    if (file.size > MAX_FILE_BYTES) {
      throw new UnreadableFileError(
        `${file.name} is larger than ${MAX_FILE_BYTES >> 20} MiB, more than a browser can hold ` +
          "decoded. Cut it, or send it with: dragoman translate FILE --to de",
      );
    }
    // A context's own rate is what it decodes to.
    const context = new OfflineAudioContext(1, 1, SAMPLE_RATE_HZ);
    try {
      return new AudioFile(mixed(await context.decodeAudioData(await file.arrayBuffer())));
    } catch {
      throw new UnreadableFileError(
        `This browser cannot read ${file.name} as audio. Convert it, for instance with: ` +
          `ffmpeg -i "${file.name}" -ac 1 speech.wav`,
      );
    }
  }

  constructor(samples) {
    this.#samples = samples;
  }

  get durationMs() {
    return this.#samples.length / SAMPLES_PER_MS;
  }

  /** `waiting()`: samples that the server has not dealt with; `paced`: as fast as it was spoken. */
  start(push, { paced, waiting }) {
    const startedMs = performance.now();
    let sent = 0;
    const tick = () => {
      // By the clock and not by counting ticks: a page in the background gets one a second.
      const due = paced ? (performance.now() - startedMs) * SAMPLES_PER_MS : this.#samples.length;
      while (sent < Math.min(due, this.#samples.length) && (paced || waiting() < MAX_AHEAD_SAMPLES)) {
        push(toPcm16(this.#samples.subarray(sent, sent + PIECE_SAMPLES)));
        sent += PIECE_SAMPLES;
      }
      if (sent >= this.#samples.length) this.stop();
    };
    this.#timer = setInterval(tick, TICK_MS);
    tick();
  }

  stop() {
    clearInterval(this.#timer);
    this.#end();
  }
}

/** All channels as one. */
function mixed(buffer) {
  const mono = buffer.getChannelData(0);
  for (let channel = 1; channel < buffer.numberOfChannels; channel++) {
    const other = buffer.getChannelData(channel);
    for (let i = 0; i < mono.length; i++) mono[i] += other[i];
  }
  if (buffer.numberOfChannels > 1) {
    for (let i = 0; i < mono.length; i++) mono[i] /= buffer.numberOfChannels;
  }
  return mono;
}
