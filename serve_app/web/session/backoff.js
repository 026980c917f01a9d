/** How long to wait before the next try: twice as long each time, never all clients at once. */

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

export class Backoff {
  #tries = 0;
  #random;

  constructor(random = Math.random) {
    this.#random = random;
  }

  /** Waiting time before the next try, in ms. */
  next() {
    const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#tries++);
    return full * (0.75 + this.#random() / 4);
  }

  /** It works again. */
  reset() {
    this.#tries = 0;
  }
}
