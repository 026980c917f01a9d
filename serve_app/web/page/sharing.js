/** Lets others read along: a link for them, as long as whoever speaks wants that. */

import { ShareDialog } from "../reading/share.js";

export class Sharing {
  #dialog;
  #button;
  #configure;
  #shared = false;
  #sessionId = "";

  /** `configure(changes)` tells the session, where there is one. */
  constructor({ dialog, button, configure }) {
    this.#dialog = new ShareDialog(dialog);
    this.#button = button;
    this.#configure = configure;
    button.addEventListener("click", () => this.#open());
    dialog.addEventListener("close", () => {
      if (dialog.returnValue === "stop") this.#set(false);
      dialog.returnValue = "";
    });
  }

  /** Keys for a session that begins. */
  get config() {
    return { viewers: this.#shared };
  }

  /** The next event of the session. */
  note({ type, session_id, viewer_token }) {
    if (type === "session.created") this.#sessionId = session_id;
    if (viewer_token) this.#dialog.show(`${new URL("view", document.baseURI)}#${this.#sessionId}.${viewer_token}`);
  }

  #open() {
    this.#set(true);
    this.#dialog.open();
  }

  #set(shared) {
    if (this.#shared === shared) return;
    this.#shared = shared;
    this.#button.toggleAttribute("data-on", shared);
    this.#configure({ viewers: shared });
  }
}
