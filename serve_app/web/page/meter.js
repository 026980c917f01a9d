/** The level of the sound, as bars that pass by; one bar where motion is not wanted. */

import { loudness } from "../audio/level.js";

const BAR_PX = 3;
const GAP_PX = 2;
const STEP_MS = 60;
const TOLD_MS = 500;

export class Meter {
  #canvas;
  #levels = [];
  #loudest = 0;
  #timer;
  #toldMs = 0;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(canvas) {
    this.#canvas = canvas;
  }

  start() {
    this.#levels = [];
    this.#timer = setInterval(() => this.#step(), STEP_MS);
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** The next samples that were heard. */
  note(pcm) {
    this.#loudest = Math.max(this.#loudest, loudness(pcm));
  }

  #step() {
    this.#levels.push(this.#loudest);
    this.#loudest = 0;
    const count = Math.floor(this.#canvas.clientWidth / (BAR_PX + GAP_PX));
    this.#levels = this.#levels.slice(-count);
    this.#draw();
    if (performance.now() - this.#toldMs > TOLD_MS) this.#tell();
  }

  #tell() {
    this.#toldMs = performance.now();
    this.#canvas.setAttribute("aria-valuenow", Math.round(this.#levels.at(-1) * 100));
  }

  #draw() {
    const { clientWidth, clientHeight } = this.#canvas;
    const scale = devicePixelRatio;
    this.#canvas.width = clientWidth * scale;
    this.#canvas.height = clientHeight * scale;
    const context = this.#canvas.getContext("2d");
    context.scale(scale, scale);
    context.fillStyle = getComputedStyle(this.#canvas).color;
    if (this.#calm.matches) {
      context.fillRect(0, clientHeight / 2 - 3, Math.max(2, clientWidth * this.#levels.at(-1)), 6);
      return;
    }
    this.#levels.forEach((level, i) => {
      const height = Math.max(2, level * clientHeight);
      const left = clientWidth - (this.#levels.length - i) * (BAR_PX + GAP_PX);
      context.beginPath();
      context.roundRect(left, (clientHeight - height) / 2, BAR_PX, height, BAR_PX / 2);
      context.fill();
    });
  }
}
