/** Notices that nothing at all is heard, which a muted microphone never says. */

import { loudness } from "../audio/level.js";
import { SAMPLE_RATE_HZ } from "../audio/pcm.js";

const QUIET = 0.05;
const LONG_S = 8;

export class Quiet {
  #onQuiet;
  #samples = 0;

  /** `onQuiet()` is told once for each long quiet. */
  constructor(onQuiet) {
    this.#onQuiet = onQuiet;
  }

  reset() {
    this.#samples = 0;
  }

  /** The next samples that were heard. */
  note(pcm) {
    const before = this.#samples;
    this.#samples = loudness(pcm) < QUIET ? before + pcm.length : 0;
    const long = LONG_S * SAMPLE_RATE_HZ;
    if (before < long && this.#samples >= long) this.#onQuiet();
  }
}
