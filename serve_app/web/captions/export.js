/** Committed text as files. `language` is a target, or ORIGINAL. */

import { clock, timestamp } from "./time.js";

export const ORIGINAL = "original";

/** Format by name: what it is called, its media type, whether it holds one language or all. */
export const FORMATS = {
  txt: { label: "Text", mediaType: "text/plain", write: asText, single: false },
  srt: { label: "SubRip", mediaType: "application/x-subrip", write: asSrt, single: true },
  vtt: { label: "WebVTT", mediaType: "text/vtt", write: asVtt, single: true },
  json: { label: "JSON", mediaType: "application/json", write: asJson, single: false },
};

/** Every segment with its translations below it. */
export function asText({ segments }) {
  const blocks = segments.map(({ startMs, text, translations }) =>
    [
      `[${clock(startMs)}] ${text.trim()}`,
      ...Object.entries(translations).map(([target, said]) => `  ${target}: ${said.trim()}`),
    ].join("\n"),
  );
  return blocks.map((block) => `${block}\n`).join("\n");
}

export function asSrt(transcript, language) {
  return cues(transcript, language)
    .map(
      ({ startMs, endMs, text }, i) =>
        `${i + 1}\n${timestamp(startMs, ",")} --> ${timestamp(endMs, ",")}\n${text}\n\n`,
    )
    .join("");
}

export function asVtt(transcript, language) {
  const body = cues(transcript, language).map(
    ({ startMs, endMs, text }) =>
      `${timestamp(startMs, ".")} --> ${timestamp(endMs, ".")}\n${escaped(text)}\n\n`,
  );
  return `WEBVTT\n\n${body.join("")}`;
}

/** With the times in ms, as the server told them. */
export function asJson({ segments }) {
  const told = segments.map(({ startMs, endMs, language, text, translations }) => ({
    start_ms: startMs,
    end_ms: endMs,
    language,
    text: text.trim(),
    translations: Object.fromEntries(
      Object.entries(translations).map(([target, said]) => [target, said.trim()]),
    ),
  }));
  return `${JSON.stringify({ segments: told }, null, 2)}\n`;
}

function cues({ segments }, language) {
  return segments
    .map((segment) => ({
      startMs: segment.startMs,
      endMs: segment.endMs,
      text: (language === ORIGINAL ? segment.text : (segment.translations[language] ?? "")).trim(),
    }))
    .filter(({ text }) => text);
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
