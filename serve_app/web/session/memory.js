/** What must be remembered of a session to take it up again; see docs/protocol.md. */

export class Memory {
  /** Audio from here on must be kept, and sent again. */
  ackedMs = 0;
  resumeToken = null;
  #held = new Map();

  /** The next event that came in. */
  note(event) {
    switch (event.type) {
      case "session.created":
        this.ackedMs = event.acked_ms ?? 0;
        this.resumeToken = event.resume_token;
        break;
      case "session.updated":
        this.resumeToken = event.resume_token;
        break;
      case "transcript.committed":
        this.#grow(event);
        break;
      case "translation.committed":
        this.#translate(event);
        break;
      case "ack":
        this.#forget(event.acked_ms);
        this.resumeToken = event.resume_token;
        break;
    }
  }

  /** What to send first on the new connection; then the audio from `ackedMs` on. */
  message() {
    const segments = [...this.#held.values()].map(({ translations, ...segment }) => ({
      ...segment,
      translations: [...translations.values()],
    }));
    return { type: "config", resume_token: this.resumeToken, segments };
  }

  #grow({ segment_id, utterance_id, text, start_ms, end_ms, language, closed }) {
    const held = this.#held.get(segment_id);
    this.#held.set(segment_id, {
      segment_id,
      utterance_id,
      text: (held?.text ?? "") + text,
      start_ms: held?.start_ms ?? start_ms,
      end_ms,
      language: held?.language ?? language,
      closed,
      translations: held?.translations ?? new Map(),
    });
  }

  #translate({ segment_id, target, text, closed }) {
    const translations = this.#held.get(segment_id)?.translations;
    const before = translations?.get(target)?.text ?? "";
    translations?.set(target, { target, text: before + text, closed });
  }

  #forget(ackedMs) {
    this.ackedMs = ackedMs;
    for (const [id, { end_ms }] of this.#held) if (end_ms <= ackedMs) this.#held.delete(id);
  }
}
