/** Text as it is read: committed segments in order, and behind them what may still change. */

import { Stretches } from "../captions/stretches.js";

export class Passages {
  #box;
  #stretches;
  #passages = new Map();
  #tails = new Map();
  #open = new Map();

  /** `box`: an empty element; each segment becomes a `p` in it, marked with its side if it has one. */
  constructor(box) {
    this.#box = box;
    this.#stretches = new Stretches(box, "div");
  }

  get isEmpty() {
    return this.#passages.size === 0;
  }

  clear() {
    this.#passages.clear();
    this.#tails.clear();
    this.#open.clear();
    this.#stretches.clear();
  }

  /** What one of several sessions has said, and all that is volatile, is told anew. */
  forget(sessionId) {
    this.settle();
    for (const [segmentId, passage] of this.#passages) {
      if (!segmentId.startsWith(`${sessionId}.`)) continue;
      passage.remove();
      this.#passages.delete(segmentId);
      for (const [side, open] of this.#open) if (open === passage) this.#open.set(side, null);
    }
  }

  /** The next event; those that are no text are passed over. */
  note(event) {
    switch (event.type) {
      case "transcript.committed":
      case "translation.committed":
        this.#grow(event);
        break;
      case "transcript.partial":
      case "translation.partial":
        this.#show(event.side ?? "", event.text);
        break;
    }
  }

  /** What is volatile is never said any more. */
  settle() {
    for (const side of [...this.#tails.keys()]) this.#show(side, "");
  }

  #grow({ segment_id, text, side = "", said_at_ms = 0, closed }) {
    let passage = this.#passages.get(segment_id);
    if (!passage) {
      passage = paragraph(side);
      passage.dataset.at = said_at_ms;
      this.#passages.set(segment_id, passage);
      this.#place(passage, said_at_ms);
    }
    passage.firstChild.textContent += text;
    this.#open.set(side, closed ? null : passage);
    // What is volatile belongs behind the newest text.
    const tail = this.#tails.get(side);
    if (tail) this.#show(side, tail.textContent);
  }

  /** Two sides may be told out of order: the one that spoke first stands first. */
  #place(passage, at) {
    // Nearly every one belongs to the end.
    const lines = this.#box.getElementsByTagName("p");
    let place = lines.length;
    while (place > 0 && Number(lines[place - 1].dataset.at) > at) place--;
    if (place < lines.length) lines[place].before(passage);
    else this.#stretches.append(passage);
  }

  #show(side, text) {
    const before = this.#tails.get(side);
    const alone = before?.parentElement;
    before?.remove();
    if (alone && !alone.textContent) alone.remove();
    this.#tails.delete(side);
    if (!text) return;
    const tail = document.createElement("span");
    tail.className = "tentative";
    tail.textContent = text;
    this.#tails.set(side, tail);
    const open = this.#open.get(side);
    if (open) {
      open.append(tail);
      return;
    }
    const line = paragraph(side);
    line.dataset.at = Infinity;
    line.append(tail);
    this.#stretches.append(line);
  }
}

function paragraph(side) {
  const line = document.createElement("p");
  const committed = document.createElement("span");
  committed.className = "committed";
  line.dir = "auto";
  if (side) line.dataset.side = side;
  line.append(committed);
  return line;
}
