/** Runs on the audio thread: hands mono samples over in pieces of about 20 ms. */

const PIECE_S = 0.02;

class Capture extends AudioWorkletProcessor {
  #piece = new Float32Array(Math.round(sampleRate * PIECE_S));
  #filled = 0;

  process([input]) {
    const samples = input[0];
    if (!samples) return true;
    let taken = 0;
    while (taken < samples.length) {
      const count = Math.min(samples.length - taken, this.#piece.length - this.#filled);
      this.#piece.set(samples.subarray(taken, taken + count), this.#filled);
      taken += count;
      this.#filled += count;
      if (this.#filled === this.#piece.length) this.#handOver();
    }
    return true;
  }

  #handOver() {
    this.port.postMessage(this.#piece, [this.#piece.buffer]);
    this.#piece = new Float32Array(Math.round(sampleRate * PIECE_S));
    this.#filled = 0;
  }
}

registerProcessor("capture", Capture);
