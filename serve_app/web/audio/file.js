/** A file as a source of 16 kHz PCM: decoded here, so that it can be sent again from anywhere. */

import { SAMPLE_RATE_HZ, SAMPLES_PER_MS, toPcm16 } from "./pcm.js";

const TICK_MS = 100;
const PIECE_SAMPLES = 100 * SAMPLES_PER_MS;
/** Where it is not played: how much may be on its way to the server. */
const MAX_AHEAD_SAMPLES = 20_000 * SAMPLES_PER_MS;
/** Nearly two hours of MP3 at 128 kbit/s, which take over 1 GB decoded. */
export const MAX_FILE_BYTES = 100 * 1024 * 1024;

export class UnreadableFileError extends Error {}

export class AudioFile {
  #buffer;
  #samples;
  #timer;
  #speaker;
  #end;
  ended = new Promise((resolve) => {
    this.#end = resolve;
  });

  /** Decode; UnreadableFileError, with a text for the user, where that cannot be done. */
  static async open(file) {
    if (file.size > MAX_FILE_BYTES) {
      throw new UnreadableFileError(
        `${file.name} is larger than ${MAX_FILE_BYTES >> 20} MiB, more than a browser can hold ` +
          `decoded. Take its sound alone: ffmpeg -i "${file.name}" -vn -ac 1 speech.ogg. ` +
          "Or send it with: dragoman translate FILE --to de",
      );
    }
    // A context's own rate is what it decodes to.
    const context = new OfflineAudioContext(1, 1, SAMPLE_RATE_HZ);
    try {
      return new AudioFile(await context.decodeAudioData(await file.arrayBuffer()));
    } catch {
      throw new UnreadableFileError(
        `This browser cannot read ${file.name} as audio. Convert it, for instance with: ` +
          `ffmpeg -i "${file.name}" -ac 1 speech.wav`,
      );
    }
  }

  constructor(buffer) {
    this.#buffer = buffer;
    this.#samples = mixed(buffer);
  }

  /**
   * `aloud`: at the pace of speech, to be heard by the user as well; otherwise as fast as the
   * server keeps up. `waiting()`: samples that it has not dealt with.
   */
  start(push, { aloud, waiting }) {
    if (aloud) this.#play();
    const startedMs = performance.now();
    let sent = 0;
    const tick = () => {
      // By the clock and not by counting ticks: a page in the background gets one a second.
      const due = aloud ? (performance.now() - startedMs) * SAMPLES_PER_MS : this.#samples.length;
      while (sent < Math.min(due, this.#samples.length) && (aloud || waiting() < MAX_AHEAD_SAMPLES)) {
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
    this.#speaker?.close();
    this.#speaker = undefined;
    this.#end();
  }

  #play() {
    this.#speaker = new AudioContext();
    const playing = new AudioBufferSourceNode(this.#speaker, { buffer: this.#buffer });
    playing.connect(this.#speaker.destination);
    playing.start();
  }
}

/** All channels as one. */
function mixed(buffer) {
  const count = buffer.numberOfChannels;
  if (count === 1) return buffer.getChannelData(0);
  const mono = new Float32Array(buffer.length);
  for (let channel = 0; channel < count; channel++) {
    const samples = buffer.getChannelData(channel);
    for (let i = 0; i < mono.length; i++) mono[i] += samples[i] / count;
  }
  return mono;
}
