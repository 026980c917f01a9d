/**
 * One live session that outlives its connections: audio in, events out.
 *
 * Audio is kept until the server acknowledges it. After a lost connection the session is taken up
 * again with the last token, and the audio sent again from where it was dealt with.
 */

import { SAMPLES_PER_MS } from "../audio/pcm.js";
import { AudioRing } from "../audio/ring.js";
import { Backoff } from "./backoff.js";
import { Memory } from "./memory.js";

/** 20 minutes away, 38 MB. */
const KEPT_SAMPLES = 20 * 60_000 * SAMPLES_PER_MS;
/** Not yet acknowledged on one connection; the server holds four times as much. */
const WINDOW_SAMPLES = 120_000 * SAMPLES_PER_MS;
const CHUNK_SAMPLES = 200 * SAMPLES_PER_MS;
const MAX_BUFFERED_BYTES = 256 * 1024;
const PUMP_MS = 200;
const SLOW_DOWN_MS = 2_000;
/** A connection that says nothing for so long while it is sent audio is dead. */
const SILENT_MS = 30_000;
const REFUSED = 1008;
const RESTART = 1012;

export class Session {
  #open;
  #whyNot;
  #now;
  #onEvent;
  #onState;
  #config;
  #memory = new Memory();
  #ring = new AudioRing(KEPT_SAMPLES);
  #backoff = new Backoff();
  #socket = null;
  #state = "new";
  #ready = false;
  #sent = 0;
  #ending = false;
  #endSent = false;
  #error = null;
  #closed = null;
  #retryTimer;
  #pumpTimer;
  #watchTimer;
  /** When audio was first sent that nothing was said to yet. */
  #askedMs = null;
  #flushAt = null;
  #pausedUntilMs = 0;

  /**
   * `open()` gives a WebSocket, `whyNot()` the reason why one did not open, `now()` a time in ms.
   * `onState` is told `{name, ...}`: connecting {again}, live, waiting {retryMs, problem, begun},
   * finishing, ended, failed {problem}.
   */
  constructor({ open, whyNot, onEvent, onState, now = () => performance.now() }) {
    this.#open = open;
    this.#whyNot = whyNot;
    this.#now = now;
    this.#onEvent = onEvent;
    this.#onState = onState;
  }

  /** Samples that the server has not dealt with yet. */
  get waitingSamples() {
    return this.#ring.end - this.#ring.start;
  }

  /** Length of the session so far, in ms. */
  get durationMs() {
    return this.#ring.end / SAMPLES_PER_MS;
  }

  get isOver() {
    return this.#state === "ended" || this.#state === "failed";
  }

  /** `config`: keys of the protocol's config message, but for the audio's. */
  start(config) {
    this.#config = config;
    this.#connect();
  }

  /** The next samples, 16 kHz mono. */
  push(pcm) {
    if (this.isOver || this.#ending) return;
    if (!this.#ring.push(pcm)) {
      this.#finish("failed", { problem: { code: "away_too_long" } });
      return;
    }
    this.#pump();
  }

  /** Other languages from here on. */
  configure(changes) {
    this.#config = { ...this.#config, ...changes };
    if (this.#ready && !this.#endSent) this.#say({ type: "config", ...changes });
  }

  /** The turn ends here: what was said so far is committed without waiting for a pause. */
  flush() {
    if (this.isOver || this.#ending) return;
    this.#flushAt = this.#ring.end;
    this.#pump();
  }

  /** No more audio comes; what was said is still committed and translated. */
  end() {
    if (this.isOver || this.#ending) return;
    this.#ending = true;
    if (this.#ready) this.#tell("finishing");
    this.#pump();
  }

  /** Try to connect at once instead of later. */
  retry() {
    if (this.#state === "waiting") this.#connect();
  }

  /** Give up; nothing more is told. */
  abandon() {
    this.#onEvent = () => {};
    this.#onState = () => {};
    this.#finish("ended");
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.#ready = false;
    this.#endSent = false;
    this.#error = null;
    this.#closed = null;
    this.#tell("connecting", { again: this.#memory.resumeToken !== null });
    const socket = this.#open();
    let opened = false;
    this.#socket = socket;
    socket.onopen = () => {
      opened = true;
      this.#askedMs = null;
      this.#say(this.#opening());
    };
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    socket.onclose = ({ code }) => this.#lose(socket, code, opened);
    clearInterval(this.#watchTimer);
    this.#watchTimer = setInterval(() => this.#watch(socket, opened), 1_000);
  }

  #opening() {
    if (this.#memory.resumeToken !== null) return this.#memory.message();
    return { type: "config", format: "pcm_s16le", ...this.#config };
  }

  #hear(event) {
    this.#askedMs = null;
    this.#memory.note(event);
    switch (event.type) {
      case "session.created":
        this.#begin(event);
        break;
      case "ack":
        this.#backoff.reset();
        this.#ring.forget(event.acked_ms * SAMPLES_PER_MS);
        this.#say({ type: "received", seq: event.seq });
        break;
      case "slow_down":
        this.#pausedUntilMs = this.#now() + SLOW_DOWN_MS;
        break;
      case "error":
        this.#error = event;
        break;
      case "session.closed":
        this.#closed = event.reason;
        break;
    }
    this.#onEvent(event);
    this.#pump();
  }

  #begin({ acked_ms, config }) {
    this.#ready = true;
    this.#sent = acked_ms * SAMPLES_PER_MS;
    this.#ring.forget(this.#sent);
    this.#pausedUntilMs = 0;
    this.#tell(this.#ending ? "finishing" : "live");
    const changed = Object.entries(this.#config).filter(
      ([key, value]) => key in config && String(config[key]) !== String(value),
    );
    if (changed.length > 0) this.#say({ type: "config", ...Object.fromEntries(changed) });
  }

  #pump() {
    clearTimeout(this.#pumpTimer);
    if (!this.#ready) return;
    const until = Math.min(this.#ring.end, this.#ring.start + WINDOW_SAMPLES);
    while (this.#sent < until && this.#maySend()) {
      const next = Math.min(this.#sent + CHUNK_SAMPLES, until);
      this.#socket.send(this.#ring.slice(this.#sent, next));
      this.#sent = next;
      this.#askedMs ??= this.#now();
    }
    if (this.#flushAt !== null && this.#sent >= this.#flushAt) {
      this.#flushAt = null;
      this.#say({ type: "flush" });
    }
    if (this.#sent < this.#ring.end) {
      this.#pumpTimer = setTimeout(() => this.#pump(), PUMP_MS);
    } else if (this.#ending && !this.#endSent) {
      this.#endSent = true;
      this.#say({ type: "end" });
    }
  }

  #maySend() {
    return (
      this.#socket.bufferedAmount < MAX_BUFFERED_BYTES && this.#now() >= this.#pausedUntilMs
    );
  }

  #watch(socket, opened) {
    const waits = this.#sent > this.#ring.start && this.#askedMs !== null;
    const expects = socket.readyState === socket.OPEN && waits;
    if (!expects || this.#now() - this.#askedMs < SILENT_MS) return;
    this.#lose(socket, 1006, opened);
    socket.close();
  }

  async #lose(socket, code, opened) {
    if (socket !== this.#socket || this.isOver) return;
    this.#drop();
    if (this.#closed === "completed") {
      this.#finish("ended");
    } else if (code === REFUSED || this.#error?.retryable === false) {
      this.#finish("failed", { problem: this.#error ?? { code: "refused" } });
    } else {
      await this.#wait(code, opened);
    }
  }

  async #wait(code, opened) {
    const begun = this.#memory.resumeToken !== null;
    const problem = opened ? (this.#error ?? { code: "lost" }) : await this.#whyNot();
    if (this.isOver || this.#socket) return;
    if (!begun && problem.code === "unauthorized") {
      this.#finish("failed", { problem });
      return;
    }
    const retryMs = code === RESTART ? 0 : this.#backoff.next();
    this.#retryTimer = setTimeout(() => this.#connect(), retryMs);
    this.#tell("waiting", { retryMs, problem, begun });
  }

  #drop() {
    this.#socket = null;
    this.#ready = false;
    clearTimeout(this.#pumpTimer);
    clearInterval(this.#watchTimer);
  }

  #finish(name, more = {}) {
    const socket = this.#socket;
    this.#drop();
    clearTimeout(this.#retryTimer);
    socket?.close();
    this.#tell(name, more);
  }

  #say(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #tell(name, more = {}) {
    this.#state = name;
    this.#onState({ name, ...more });
  }
}
