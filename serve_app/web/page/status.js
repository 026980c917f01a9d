/** How the session stands, in one calm line. */

const TEXTS = {
  idle: "Ready",
  asking: "Waiting for the microphone",
  reading: "Reading the file",
  connecting: "Connecting",
  live: "Live",
  finishing: "Finishing the last words",
  ended: "Ended",
  failed: "Stopped",
};
const LOST = "Connection lost, all that is said is kept.";
const NOT_YET = "Not connected yet, all that is said is kept.";

export class Status {
  #box;
  #text;
  #countdown;
  #retry;
  #timer;

  constructor({ box, text, countdown, retry }) {
    this.#box = box;
    this.#text = text;
    this.#countdown = countdown;
    this.#retry = retry;
  }

  /** A state of `Session`, or one of the page's own: idle, asking, reading. */
  show({ name, retryMs, again, begun }) {
    clearInterval(this.#timer);
    this.#box.dataset.state = name;
    this.#retry.hidden = name !== "waiting";
    this.#countdown.textContent = "";
    if (name === "waiting") {
      this.#text.textContent = begun ? LOST : NOT_YET;
      this.#count(performance.now() + retryMs);
    } else {
      this.#text.textContent = again ? "Reconnecting" : TEXTS[name];
    }
  }

  #count(untilMs) {
    const tell = () => {
      const left = Math.max(0, Math.ceil((untilMs - performance.now()) / 1000));
      this.#countdown.textContent = `Next try in ${left} s.`;
    };
    this.#timer = setInterval(tell, 250);
    tell();
  }
}
