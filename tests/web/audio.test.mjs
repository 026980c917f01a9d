import assert from "node:assert/strict";
import { test } from "node:test";

import { loudness } from "../../serve_app/web/audio/level.js";
import { toPcm16 } from "../../serve_app/web/audio/pcm.js";
import { AudioRing } from "../../serve_app/web/audio/ring.js";
import { Quiet } from "../../serve_app/web/page/quiet.js";

test("samples become 16 bits, and what is too loud is clipped", () => {
  assert.deepEqual(
    [...toPcm16(Float32Array.of(0, 0.5, 1, -1, 1.5, -1.5))],
    [0, 16_384, 32_767, -32_767, 32_767, -32_768],
  );
});

test("loudness goes from 0 at -60 dB to 1 at full scale", () => {
  assert.equal(loudness(new Int16Array(100)), 0);
  assert.equal(loudness(new Int16Array(100).fill(-32_768)), 1);
  assert.ok(Math.abs(loudness(new Int16Array(100).fill(1_036)) - 0.5) < 0.001);
});

test("a long quiet is noticed once, and again after a sound", () => {
  let noticed = 0;
  const quiet = new Quiet(() => noticed++);
  const hear = (seconds, level) => {
    for (let i = 0; i < seconds * 10; i++) quiet.note(new Int16Array(1_600).fill(level));
  };
  hear(7, 0);
  hear(1, 500);
  hear(7, 10);
  assert.equal(noticed, 0);
  hear(20, 10);
  assert.equal(noticed, 1);
  hear(1, 500);
  hear(8, 0);
  assert.equal(noticed, 2);
});

function numbered(from, to) {
  return Int16Array.from({ length: to - from }, (_, i) => from + i);
}

test("a ring gives any part back until it is let go", () => {
  const ring = new AudioRing(100);
  for (const [from, to] of [[0, 10], [10, 11], [11, 11], [11, 60]]) {
    assert.equal(ring.push(numbered(from, to)), true);
  }
  assert.deepEqual(ring.slice(0, 60), numbered(0, 60));
  assert.deepEqual(ring.slice(9, 12), numbered(9, 12));
  ring.forget(30);
  assert.deepEqual(ring.slice(30, 60), numbered(30, 60));
  assert.throws(() => ring.slice(29, 31), RangeError);
  assert.throws(() => ring.slice(59, 61), RangeError);
  assert.deepEqual([ring.start, ring.end], [30, 60]);
});

test("a full ring takes nothing, and does again once it has let go", () => {
  const ring = new AudioRing(100);
  ring.push(numbered(0, 90));
  assert.equal(ring.push(numbered(90, 101)), false);
  assert.equal(ring.end, 90);
  ring.forget(1);
  assert.equal(ring.push(numbered(90, 101)), true);
  assert.deepEqual(ring.slice(1, 101), numbered(1, 101));
});

test("a ring is not let go of beyond its end, nor backwards", () => {
  const ring = new AudioRing(100);
  ring.push(numbered(0, 10));
  ring.forget(50);
  assert.deepEqual([ring.start, ring.end], [10, 10]);
  ring.forget(3);
  assert.equal(ring.start, 10);
});
