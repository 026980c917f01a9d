/** The three language choices: what is spoken, and two targets of which each may be off. */

import { firstTargets, label } from "./languages.js";

export class Choices {
  #source;
  #targets;
  #form;
  #names = new Map();
  /** The targets before the change that comes next. */
  #chosen = ["", ""];

  /** `onChange({source, targets})` is told of the user's choices; an empty target is off. */
  constructor({ form, source, targets, onChange }) {
    this.#form = form;
    this.#source = source;
    this.#targets = targets;
    source.addEventListener("change", () => onChange(this.value));
    targets.forEach((select, i) => {
      select.addEventListener("change", () => {
        // The same twice makes no sense: the other one takes what this one had.
        const other = targets[1 - i];
        if (select.value && other.value === select.value) other.value = this.#chosen[i];
        this.#mark();
        onChange(this.value);
      });
    });
  }

  get value() {
    return { source: this.#source.value, targets: this.#targets.map(({ value }) => value) };
  }

  /** English name of a language. */
  nameOf(code) {
    return this.#names.get(code) ?? code;
  }

  /** What the server knows, and what was chosen last time where it still does. */
  fill(served, { source, targets }) {
    for (const { code, name } of [...served.source, ...served.target]) this.#names.set(code, name);
    offer(this.#source, served.source, source, "auto");
    const codes = served.target.map(({ code }) => code);
    const wanted = targets ?? firstTargets(codes, navigator.language.split("-")[0]);
    this.#targets.forEach((select, i) => offer(select, served.target, wanted[i], ""));
    this.#mark();
  }

  #mark() {
    this.#chosen = this.value.targets;
    const off = this.#targets.flatMap(({ value }, i) => (value ? [] : [i]));
    for (const grid of [this.#form, document.getElementById("captions")]) {
      grid.dataset.off = off.join(" ");
    }
  }
}

function offer(select, languages, wanted, otherwise) {
  const [first] = select.options;
  select.replaceChildren(first, ...languages.map((one) => new Option(label(one), one.code)));
  select.value = languages.some(({ code }) => code === wanted) ? wanted : otherwise;
}
