/** A dialog that shows a link, as text to copy and as a QR code to scan. */

import { drawQr } from "./qr.js";

export class ShareDialog {
  #dialog;
  #link;
  #code;
  #copied;

  constructor(dialog) {
    this.#dialog = dialog;
    this.#link = dialog.querySelector("[data-link]");
    this.#code = dialog.querySelector("svg.qr");
    this.#copied = dialog.querySelector("[data-copied]");
    dialog.querySelector("[data-copy]").addEventListener("click", () => this.#copy());
  }

  open() {
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** The link to show, once it is known. */
  show(link) {
    if (this.#link.value === link) return;
    this.#link.value = link;
    this.#copied.textContent = "";
    drawQr(this.#code, link).catch(() => {
      this.#copied.textContent = "The code could not be drawn. Copy the link instead.";
    });
  }

  async #copy() {
    this.#link.select();
    try {
      await navigator.clipboard.writeText(this.#link.value);
      this.#copied.textContent = "Copied.";
    } catch {
      // Browsers keep the clipboard to secure pages; the text is selected.
      this.#copied.textContent = "Press Ctrl+C to copy it.";
    }
  }
}
