// Against the mathematics: a sine's samples are known at every rate.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Resampler } from "../../serve_app/web/audio/resampler.js";

const TO_HZ = 16_000;
const RATES_HZ = [48_000, 44_100, 96_000, 32_000, 22_050, 11_025, 8_000];

function sine(hz, rateHz, seconds) {
  return Float32Array.from({ length: rateHz * seconds }, (_, i) =>
    Math.sin((2 * Math.PI * hz * i) / rateHz),
  );
}

function resampled(input, fromHz, pieceSamples = input.length) {
  const resampler = new Resampler(fromHz, TO_HZ);
  const pieces = [];
  for (let at = 0; at < input.length; at += pieceSamples) {
    pieces.push(resampler.process(input.subarray(at, at + pieceSamples)));
  }
  pieces.push(resampler.flush());
  return Float32Array.from(pieces.flatMap((piece) => [...piece]));
}

function decibels(samples) {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return 10 * Math.log10(2 * power);
}

/** Without the ends, where a sine that begins out of nothing is no pure tone. */
function middle(samples) {
  return samples.subarray(1_600, samples.length - 1_600);
}

for (const rateHz of RATES_HZ) {
  test(`${rateHz} Hz: a tone that is speech comes out sample for sample`, () => {
    for (const hz of [100, 1_000, 3_000, Math.min(6_900, rateHz * 0.42)]) {
      const out = middle(resampled(sine(hz, rateHz, 1), rateHz));
      const wanted = middle(sine(hz, TO_HZ, 1));
      const worst = Math.max(...out.map((sample, i) => Math.abs(sample - wanted[i])));
      assert.ok(worst < 1e-3, `${hz} Hz is off by ${worst}`);
    }
  });

  test(`${rateHz} Hz: the number of samples is exact`, () => {
    for (const length of [0, 1, 440, 441, rateHz + 7]) {
      const out = resampled(new Float32Array(length), rateHz);
      assert.equal(out.length, Math.ceil((length * TO_HZ) / rateHz));
    }
  });

  test(`${rateHz} Hz: the pieces that it comes in make no difference`, () => {
    const input = sine(440, rateHz, 0.25);
    const whole = resampled(input, rateHz);
    for (const pieceSamples of [1, 128, 1_023]) {
      assert.deepEqual(resampled(input, rateHz, pieceSamples), whole);
    }
  });
}

for (const rateHz of RATES_HZ.filter((hz) => hz > TO_HZ)) {
  test(`${rateHz} Hz: what lies above 8 kHz is gone, not folded back`, () => {
    for (const hz of [8_000, 9_000, 10_500].filter((tone) => tone < rateHz / 2)) {
      const level = decibels(middle(resampled(sine(hz, rateHz, 1), rateHz)));
      assert.ok(level < -75, `${hz} Hz is left at ${level} dB`);
    }
  });
}

test("a constant stays what it is", () => {
  for (const rateHz of RATES_HZ) {
    const out = middle(resampled(new Float32Array(rateHz).fill(0.5), rateHz));
    assert.ok(out.every((sample) => Math.abs(sample - 0.5) < 1e-6));
  }
});

test("five minutes at 44.1 kHz do not drift by a sample", () => {
  const resampler = new Resampler(44_100, TO_HZ);
  const piece = new Float32Array(44_100);
  let count = 0;
  for (let second = 0; second < 300; second++) {
    piece.fill(0);
    if (second === 299) piece[22_050] = 1;
    const out = resampler.process(piece);
    const peak = out.indexOf(Math.max(...out));
    if (second === 299) assert.equal(count + peak, 299 * TO_HZ + TO_HZ / 2);
    count += out.length;
  }
  assert.equal(count + resampler.flush().length, 300 * TO_HZ);
});
