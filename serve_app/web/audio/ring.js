/** Audio that may have to be sent again, by its place in the session. */

export class AudioRing {
  #pieces = [];
  #start = 0;
  #end = 0;
  #limit;

  /** `limit`: samples that are kept at most. */
  constructor(limit) {
    this.#limit = limit;
  }

  /** First sample that is kept. */
  get start() {
    return this.#start;
  }

  /** One after the last. */
  get end() {
    return this.#end;
  }

  /** Add at the end; false, and nothing is added, where there is no room. */
  push(samples) {
    if (this.#end + samples.length - this.#start > this.#limit) return false;
    if (samples.length > 0) this.#pieces.push({ at: this.#end, samples });
    this.#end += samples.length;
    return true;
  }

  /** Let go of what lies before sample `place`. */
  forget(place) {
    this.#start = Math.max(this.#start, Math.min(place, this.#end));
    let whole = 0;
    while (whole < this.#pieces.length && endOf(this.#pieces[whole]) <= this.#start) whole++;
    this.#pieces.splice(0, whole);
  }

  /** A copy of samples `from` to `to`, which must be kept. */
  slice(from, to) {
    if (from < this.#start || to > this.#end) {
      throw new RangeError(`samples ${from} to ${to} are not kept: ${this.#start} to ${this.#end}`);
    }
    const copy = new Int16Array(to - from);
    for (const piece of this.#pieces) {
      if (endOf(piece) <= from) continue;
      if (piece.at >= to) break;
      const begin = Math.max(from, piece.at);
      const end = Math.min(to, endOf(piece));
      copy.set(piece.samples.subarray(begin - piece.at, end - piece.at), begin - from);
    }
    return copy;
  }
}

function endOf(piece) {
  return piece.at + piece.samples.length;
}
