/**
 * A list that may grow for hours, in stretches of some rows each. The browser lays out those in view
 * and no others, so that a word costs at the end what it did at the beginning.
 */

const ROWS = 50;

export class Stretches {
  #box;
  #tag;
  #last = null;

  /** `box`: an empty element; `tag`: of the elements that it is filled with. */
  constructor(box, tag) {
    this.#box = box;
    this.#tag = tag;
  }

  /** The next row. */
  append(row) {
    if (!this.#last || this.#last.childElementCount >= ROWS) {
      this.#last = document.createElement(this.#tag);
      this.#last.className = "stretch";
      this.#box.append(this.#last);
    }
    this.#last.append(row);
  }

  clear() {
    this.#box.replaceChildren();
    this.#last = null;
  }
}
