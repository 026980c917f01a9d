// A session on sockets that the test holds in its hand, and a clock that it turns.
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Backoff } from "../../serve_app/web/session/backoff.js";
import { Session } from "../../serve_app/web/session/session.js";

const SECOND = 16_000;

class FakeSocket {
  OPEN = 1;
  readyState = 0;
  bufferedAmount = 0;
  said = [];
  samples = [];

  send(data) {
    if (typeof data === "string") this.said.push(JSON.parse(data));
    else this.samples.push(...data);
  }

  close() {
    this.readyState = 3;
  }

  open() {
    this.readyState = 1;
    this.onopen();
  }

  tell(event) {
    this.onmessage({ data: JSON.stringify(event) });
  }

  lose(code = 1006) {
    this.readyState = 3;
    this.onclose({ code });
  }
}

let sockets;
let states;
let now;
let reason;

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  [sockets, states, now, reason] = [[], [], 0, { code: "unreachable" }];
});

function session() {
  const made = new Session({
    open: () => {
      sockets.push(new FakeSocket());
      return sockets.at(-1);
    },
    whyNot: async () => reason,
    onEvent: () => {},
    onState: (state) => states.push(state),
    now: () => now,
  });
  made.start({ source: "auto", target: ["de", "es"] });
  return made;
}

function pass(ms) {
  for (let left = ms; left > 0; left -= 100) {
    now += 100;
    mock.timers.tick(100);
  }
}

/** Promises that wait for nothing but their turn. */
function turn() {
  return new Promise((resolve) => setImmediate(resolve));
}

function created(acked_ms = 0, config = { source: "auto", target: ["de", "es"] }) {
  return { type: "session.created", session_id: "s", acked_ms, resume_token: `t${acked_ms}`, config };
}

function ack(acked_ms) {
  return { type: "ack", acked_ms, resume_token: `t${acked_ms}` };
}

function committed(segment_id, text, start_ms, end_ms, closed = true) {
  const about = { segment_id, utterance_id: "u", text, start_ms, end_ms, language: "en", closed };
  return { type: "transcript.committed", ...about };
}

function ramp(from, to) {
  return Int16Array.from({ length: to - from }, (_, i) => (from + i) % 30_000);
}

function begun() {
  const made = session();
  sockets[0].open();
  sockets[0].tell(created());
  return made;
}

test("audio that comes before the server is ready is kept, and sent from the beginning", () => {
  const made = session();
  made.push(ramp(0, 500));
  sockets[0].open();
  made.push(ramp(500, 900));
  const config = { type: "config", format: "pcm_s16le", source: "auto", target: ["de", "es"] };
  assert.deepEqual(sockets[0].said, [config]);
  assert.deepEqual(sockets[0].samples, []);
  sockets[0].tell(created());
  assert.deepEqual(sockets[0].samples, [...ramp(0, 900)]);
  assert.deepEqual(states.map(({ name }) => name), ["connecting", "live"]);
});

test("a session that was cut is taken up with what is held, and its audio sent again", async () => {
  const made = begun();
  made.push(ramp(0, 2 * SECOND));
  sockets[0].tell(committed("a", "Where", 0, 400, false));
  sockets[0].tell({ type: "translation.committed", segment_id: "a", target: "de", text: "Wo", closed: false });
  sockets[0].tell(committed("old", "Well.", 0, 250));
  sockets[0].tell(ack(300));
  sockets[0].lose();
  await turn();
  made.push(ramp(2 * SECOND, 3 * SECOND));
  assert.equal(states.at(-1).name, "waiting");
  assert.equal(states.at(-1).begun, true);
  pass(600);
  sockets[1].open();
  assert.deepEqual(sockets[1].said, [
    {
      type: "config",
      resume_token: "t300",
      segments: [
        {
          segment_id: "a",
          utterance_id: "u",
          text: "Where",
          start_ms: 0,
          end_ms: 400,
          language: "en",
          closed: false,
          translations: [{ target: "de", text: "Wo", closed: false }],
        },
      ],
    },
  ]);
  sockets[1].tell(created(300));
  assert.deepEqual(sockets[1].samples, [...ramp(4_800, 3 * SECOND)]);
  assert.equal(states.at(-1).name, "live");
});

test("languages that were changed while away are told once the session goes on", async () => {
  const made = begun();
  sockets[0].lose();
  await turn();
  made.configure({ target: ["es"] });
  pass(600);
  sockets[1].open();
  sockets[1].tell(created(0));
  assert.deepEqual(sockets[1].said.at(-1), { type: "config", target: ["es"] });
});

test("the end is told after all audio, and again where the connection was lost before it", async () => {
  const made = begun();
  made.push(ramp(0, 100));
  made.end();
  made.push(ramp(100, 200));
  assert.deepEqual(sockets[0].said.at(-1), { type: "end" });
  sockets[0].lose(1012);
  await turn();
  pass(100);
  sockets[1].open();
  sockets[1].tell(created(0));
  assert.deepEqual(sockets[1].samples, [...ramp(0, 100)]);
  assert.deepEqual(sockets[1].said.at(-1), { type: "end" });
  assert.equal(states.at(-1).name, "finishing");
  sockets[1].tell({ type: "session.closed", reason: "completed" });
  sockets[1].lose(1000);
  await turn();
  assert.equal(states.at(-1).name, "ended");
  pass(60_000);
  assert.equal(sockets.length, 2);
});

test("what cannot be is told and not tried again", async () => {
  begun();
  const error = { type: "error", code: "expired_resume_token", message: "Too old.", retryable: false };
  sockets[0].tell(error);
  sockets[0].lose(1008);
  await turn();
  assert.deepEqual(states.at(-1), { name: "failed", problem: error });
  pass(60_000);
  assert.equal(sockets.length, 1);
});

test("a server that fails is asked again, later each time", async () => {
  begun();
  const waits = [];
  for (let i = 0; i < 8; i++) {
    const socket = sockets.at(-1);
    socket.lose(1011);
    await turn();
    waits.push(states.at(-1).retryMs);
    pass(15_100);
    sockets.at(-1).open();
    sockets.at(-1).tell(created());
  }
  assert.ok(waits.every((wait, i) => i === 0 || i > 5 || wait > 1.4 * waits[i - 1]), String(waits));
  assert.ok(waits.at(-1) <= 15_000 && waits.at(-1) > 11_000);
});

test("a server that wants a key is not asked again without one, one that is away is", async () => {
  session();
  sockets[0].lose();
  await turn();
  assert.deepEqual(states.at(-1).problem, { code: "unreachable" });
  assert.deepEqual([states.at(-1).name, states.at(-1).begun], ["waiting", false]);
  reason = { code: "unauthorized" };
  pass(600);
  sockets[1].lose();
  await turn();
  assert.deepEqual(states.at(-1), { name: "failed", problem: { code: "unauthorized" } });
});

test("no more than two minutes are under way, and acks make room", () => {
  const made = begun();
  for (let second = 0; second < 130; second++) made.push(new Int16Array(SECOND));
  assert.equal(sockets[0].samples.length, 120 * SECOND);
  sockets[0].tell(ack(4_000));
  assert.equal(sockets[0].samples.length, 124 * SECOND);
  assert.equal(made.waitingSamples, 126 * SECOND);
});

test("slow_down holds the audio back for a while", () => {
  const made = begun();
  sockets[0].tell({ type: "slow_down", waiting_bytes: 1, limit_bytes: 2 });
  made.push(ramp(0, 100));
  assert.equal(sockets[0].samples.length, 0);
  pass(2_200);
  assert.equal(sockets[0].samples.length, 100);
});

test("a full socket is not filled further", () => {
  const made = begun();
  sockets[0].bufferedAmount = 1 << 20;
  made.push(ramp(0, 100));
  assert.equal(sockets[0].samples.length, 0);
  sockets[0].bufferedAmount = 0;
  pass(200);
  assert.equal(sockets[0].samples.length, 100);
});

test("a connection that is dead without saying so is given up after half a minute", async () => {
  const made = begun();
  pass(60_000);
  assert.equal(sockets.length, 1);
  sockets[0].tell(ack(0));
  made.push(ramp(0, 100));
  pass(29_000);
  assert.equal(sockets.length, 1);
  pass(2_000);
  await turn();
  pass(1_000);
  assert.equal(sockets.length, 2);
  assert.equal(sockets[0].readyState, 3);
});

test("more than twenty minutes away end the session", async () => {
  const made = begun();
  sockets[0].lose();
  await turn();
  for (let second = 0; second < 1_200; second++) made.push(new Int16Array(SECOND));
  assert.equal(states.at(-1).name, "waiting");
  made.push(new Int16Array(1));
  assert.deepEqual(states.at(-1), { name: "failed", problem: { code: "away_too_long" } });
});

test("trying at once does not wait", async () => {
  const made = begun();
  made.retry();
  assert.equal(sockets.length, 1);
  sockets[0].lose();
  await turn();
  made.retry();
  assert.equal(sockets.length, 2);
  pass(20_000);
  assert.equal(sockets.length, 2);
});

test("waits double up to a quarter of a minute, and begin anew", () => {
  const backoff = new Backoff(() => 1);
  const waits = Array.from({ length: 7 }, () => backoff.next());
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  backoff.reset();
  assert.equal(backoff.next(), 500);
  assert.equal(new Backoff(() => 0).next(), 375);
});
