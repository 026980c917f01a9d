/**
 * Captions in the page: a row for each segment, a cell for each language.
 *
 * Committed text is only ever added, as text nodes that nothing touches again; the tails that may
 * still change are elements of their own, marked as tentative and hidden from screen readers.
 */

import { Stretches } from "./stretches.js";
import { clock } from "./time.js";

export class Captions {
  #box;
  #stretches;
  #nameOf;
  #targets = [];
  #offsetMs = 0;
  #rows = new Map();
  /** The row of speech of which nothing is committed yet. */
  #pending = null;
  #last = null;

  /** `box`: an empty element; `nameOf(code)`: a language's name. */
  constructor(box, nameOf) {
    this.#box = box;
    this.#stretches = new Stretches(box, "ol");
    this.#nameOf = nameOf;
  }

  /** A session begins whose times are shown from `offsetMs` on. */
  begin(offsetMs) {
    this.settle();
    this.#rows.clear();
    this.#last = null;
    this.#offsetMs = offsetMs;
  }

  /** Languages of the cells of rows to come; an empty one leaves its place free. */
  setTargets(targets) {
    this.#targets = targets;
  }

  /** The next event of the session. */
  note(event) {
    switch (event.type) {
      case "transcript.partial":
        this.#showTail(event);
        break;
      case "transcript.committed":
        this.#commit(event);
        break;
      case "translation.partial":
        this.#suggest(event);
        break;
      case "translation.committed":
        this.#translate(event);
        break;
      case "warning":
        this.remark(event.message);
        break;
    }
  }

  /** Nothing tentative is left: the connection that told it is gone. */
  settle() {
    this.#dropPending();
    for (const tail of this.#box.querySelectorAll(".tail")) tail.replaceChildren();
  }

  /** A line between the rows that was not said by anybody. */
  remark(text) {
    const remark = element("li", "remark");
    remark.append(element("p", "", text));
    if (this.#pending) this.#pending.element.before(remark);
    else this.#stretches.append(remark);
  }

  clear() {
    this.#stretches.clear();
    this.#rows.clear();
    this.#pending = this.#last = null;
  }

  #showTail({ utterance_id, text }) {
    const open = this.#last?.utteranceId === utterance_id && !this.#last.closed ? this.#last : null;
    if (!open && !this.#pending && text) this.#pending = this.#addRow();
    const row = open ?? this.#pending;
    if (row) setTail(row.source, text);
    if (!text) this.#dropPending();
  }

  #commit({ segment_id, utterance_id, text, start_ms, language, closed }) {
    const row = this.#rows.get(segment_id) ?? this.#begun(segment_id, utterance_id, start_ms);
    row.source.lang = language;
    row.closed = closed;
    setTail(row.source, "");
    append(row.source, text);
    row.element.classList.toggle("closed", closed);
  }

  #begun(segmentId, utteranceId, startMs) {
    const row = this.#pending ?? this.#addRow();
    this.#pending = null;
    row.utteranceId = utteranceId;
    row.element.dataset.segment = segmentId;
    row.time.textContent = clock(startMs + this.#offsetMs);
    this.#rows.set(segmentId, row);
    this.#last = row;
    return row;
  }

  #suggest({ segment_id, target, text }) {
    const row = this.#rows.get(segment_id);
    if (row) setTail(this.#cell(row, target), text);
  }

  #translate({ segment_id, target, text, closed }) {
    const row = this.#rows.get(segment_id);
    if (!row) return;
    const cell = this.#cell(row, target);
    setTail(cell, "");
    append(cell, text);
    cell.classList.toggle("complete", closed);
  }

  #cell(row, target) {
    // One that is missing: the languages were changed while the segment was being spoken.
    return row.cells.find(({ lang }) => lang === target) ?? this.#addCell(row, target);
  }

  #dropPending() {
    this.#pending?.element.remove();
    this.#pending = null;
  }

  #addRow() {
    const row = { element: element("li", "row columns"), cells: [], closed: false, utteranceId: "" };
    row.time = element("time", "at");
    row.source = cellOf("source");
    if (this.#targets.some(Boolean)) row.source.setAttribute("aria-live", "off");
    row.element.append(row.time, row.source);
    for (const target of this.#targets.filter(Boolean)) this.#addCell(row, target);
    this.#stretches.append(row.element);
    return row;
  }

  #addCell(row, target) {
    const cell = cellOf("translation");
    cell.lang = target;
    cell.dataset.language = this.#nameOf(target);
    cell.dataset.slot = this.#targets.indexOf(target);
    row.cells.push(cell);
    row.element.append(cell);
    return cell;
  }
}

function cellOf(kind) {
  const cell = element("p", `cell ${kind}`);
  cell.dir = "auto";
  const tail = element("span", "tail");
  tail.setAttribute("aria-hidden", "true");
  cell.append(element("span", "committed"), tail);
  return cell;
}

function append(cell, text) {
  if (text) cell.firstChild.append(text);
}

function setTail(cell, text) {
  // The space before it is not marked: it belongs to nobody.
  const space = text.slice(0, text.length - text.trimStart().length);
  cell.lastChild.replaceChildren(space, element("span", "tentative", text.trimStart()));
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
