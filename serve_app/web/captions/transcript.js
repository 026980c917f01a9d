/** What was said for good, as data: what is saved, and what other pages may show. */

export class Transcript {
  /** Segments in the order in which they were begun. */
  segments = [];
  #byId = new Map();
  #offsetMs = 0;

  /** A session begins; its times go on behind those of the session before. */
  begin() {
    this.#offsetMs = this.durationMs;
    this.#byId.clear();
  }

  get isEmpty() {
    return this.segments.length === 0;
  }

  get durationMs() {
    return this.segments.reduce((latest, { endMs }) => Math.max(latest, endMs), 0);
  }

  /** Where the session that is running began. */
  get offsetMs() {
    return this.#offsetMs;
  }

  /** Languages that something was translated into, in the order of their coming. */
  get targets() {
    return [...new Set(this.segments.flatMap(({ translations }) => Object.keys(translations)))];
  }

  /** The next event of the session that is running. */
  note(event) {
    if (event.type === "transcript.committed") this.#grow(event);
    if (event.type === "translation.committed") this.#translate(event);
  }

  /** Forget all of it. */
  clear() {
    this.segments = [];
    this.#byId.clear();
    this.#offsetMs = 0;
  }

  #grow({ segment_id, text, start_ms, end_ms, language }) {
    let segment = this.#byId.get(segment_id);
    if (!segment) {
      segment = { startMs: start_ms + this.#offsetMs, endMs: 0, language, text: "", translations: {} };
      this.#byId.set(segment_id, segment);
      this.segments.push(segment);
    }
    segment.text += text;
    segment.endMs = end_ms + this.#offsetMs;
  }

  #translate({ segment_id, target, text }) {
    const translations = this.#byId.get(segment_id)?.translations;
    if (translations) translations[target] = (translations[target] ?? "") + text;
  }
}
