import assert from "node:assert/strict";
import { test } from "node:test";

import { asJson, asSrt, asText, asVtt, ORIGINAL } from "../../serve_app/web/captions/export.js";
import { clock, timestamp } from "../../serve_app/web/captions/time.js";
import { Transcript } from "../../serve_app/web/captions/transcript.js";

function said(segment_id, text, start_ms, end_ms) {
  return { type: "transcript.committed", segment_id, text, start_ms, end_ms, language: "en" };
}

function meant(segment_id, target, text) {
  return { type: "translation.committed", segment_id, target, text };
}

function transcript() {
  const told = new Transcript();
  told.begin();
  const events = [
    said("a", "Where is", 352, 900),
    { type: "transcript.partial", utterance_id: "u", text: " the nation" },
    said("a", " the station?", 352, 1_792),
    meant("a", "de", "Wo ist"),
    meant("a", "ar", "أين المحطة؟"),
    { type: "translation.partial", segment_id: "a", target: "de", text: " der" },
    meant("a", "de", " der Bahnhof?"),
    said("b", "A < B & C.", 2_000, 3_000),
  ];
  for (const event of events) told.note(event);
  return told;
}

test("text holds every segment with its translations", () => {
  assert.equal(
    asText(transcript()),
    "[0:00] Where is the station?\n  de: Wo ist der Bahnhof?\n  ar: أين المحطة؟\n\n[0:02] A < B & C.\n",
  );
});

test("subtitles hold one language, and only what was said in it", () => {
  assert.equal(
    asSrt(transcript(), ORIGINAL),
    "1\n00:00:00,352 --> 00:00:01,792\nWhere is the station?\n\n" +
      "2\n00:00:02,000 --> 00:00:03,000\nA < B & C.\n\n",
  );
  assert.equal(
    asSrt(transcript(), "de"),
    "1\n00:00:00,352 --> 00:00:01,792\nWo ist der Bahnhof?\n\n",
  );
  assert.equal(
    asVtt(transcript(), ORIGINAL),
    "WEBVTT\n\n00:00:00.352 --> 00:00:01.792\nWhere is the station?\n\n" +
      "00:00:02.000 --> 00:00:03.000\nA &lt; B &amp; C.\n\n",
  );
});

test("JSON holds all of it", () => {
  assert.deepEqual(JSON.parse(asJson(transcript())), {
    segments: [
      {
        start_ms: 352,
        end_ms: 1_792,
        language: "en",
        text: "Where is the station?",
        translations: { de: "Wo ist der Bahnhof?", ar: "أين المحطة؟" },
      },
      { start_ms: 2_000, end_ms: 3_000, language: "en", text: "A < B & C.", translations: {} },
    ],
  });
});

test("a second session goes on behind the first", () => {
  const told = transcript();
  told.begin();
  told.note(said("a", "Again.", 100, 600));
  told.note(meant("b", "de", "unbekannt"));
  assert.deepEqual(told.targets, ["de", "ar"]);
  const [first, , last] = told.segments;
  assert.equal(first.text, "Where is the station?");
  assert.deepEqual([last.text, last.startMs, last.endMs], ["Again.", 3_100, 3_600]);
  told.clear();
  assert.ok(told.isEmpty);
});

test("times for people and for files", () => {
  assert.deepEqual([0, 59_999, 60_000, 3_723_000].map(clock), ["0:00", "0:59", "1:00", "1:02:03"]);
  assert.equal(timestamp(3_723_045, ","), "01:02:03,045");
  assert.equal(timestamp(359_999.6, "."), "00:06:00.000");
});
