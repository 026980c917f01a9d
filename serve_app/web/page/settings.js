/** The dialog of settings; what is chosen is kept, but for the key. */

import { microphones } from "../audio/microphone.js";

const KEPT = ["device", "delay", "hotwords", "size"];

export class Settings {
  #dialog;
  #fields;
  #preferences;

  /** `fields`: elements by name; `onChange()` is told after each change. */
  constructor({ dialog, fields, preferences, onChange }) {
    this.#dialog = dialog;
    this.#fields = fields;
    this.#preferences = preferences;
    for (const name of KEPT) fields[name].value = preferences[name];
    fields.aloud.checked = preferences.aloud;
    dialog.addEventListener("change", () => {
      this.#keep();
      onChange();
    });
    this.#keep();
  }

  /** The API key, or nothing. */
  get secret() {
    return this.#fields.secret.value.trim();
  }

  async open() {
    this.#dialog.showModal();
    const found = (await microphones()).filter(({ label }) => label);
    const [first] = this.#fields.device.options;
    this.#fields.device.replaceChildren(first, ...found.map(({ id, label }) => new Option(label, id)));
    this.#fields.device.value = found.some(({ id }) => id === this.#preferences.device)
      ? this.#preferences.device
      : "";
  }

  #keep() {
    for (const name of KEPT) {
      if (name !== "device" || this.#dialog.open) this.#preferences[name] = this.#fields[name].value;
    }
    this.#preferences.aloud = this.#fields.aloud.checked;
    document.documentElement.dataset.size = this.#preferences.size;
  }
}
