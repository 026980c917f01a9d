/** The dialog that saves committed text as files. */

import { FORMATS, ORIGINAL } from "../captions/export.js";

export class SaveDialog {
  #dialog;
  #choice;
  #transcript;
  #nameOf;
  #onSaved;

  constructor({ dialog, choice, transcript, nameOf, onSaved }) {
    this.#dialog = dialog;
    this.#choice = choice;
    this.#transcript = transcript;
    this.#nameOf = nameOf;
    this.#onSaved = onSaved;
    for (const button of dialog.querySelectorAll("[data-format]")) {
      button.addEventListener("click", () => this.#save(button.dataset.format));
    }
  }

  open() {
    const chosen = this.#choice.value;
    this.#choice.replaceChildren(
      new Option("As spoken", ORIGINAL),
      ...this.#transcript.targets.map((code) => new Option(this.#nameOf(code), code)),
    );
    if (this.#transcript.targets.includes(chosen)) this.#choice.value = chosen;
    this.#dialog.showModal();
  }

  #save(name) {
    const { mediaType, write, single } = FORMATS[name];
    const language = this.#choice.value;
    const blob = new Blob([write(this.#transcript, language)], { type: mediaType });
    download(blob, single ? `captions.${language}.${name}` : `captions.${name}`);
    this.#onSaved();
  }
}

function download(blob, fileName) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = fileName;
  link.click();
  // Some browsers read the blob only after the click has returned.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
