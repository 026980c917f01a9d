/** Which languages may be chosen, and what they are called. */

import { serverUrl } from "../session/socket.js";

/** Offered first to somebody who never chose: what most people can use, if it is served. */
const COMMON = ["en", "de", "es", "fr", "zh", "ar", "pt", "ja", "hi", "ru"];

/** `{source: [{code, name}], target: [...]}`; rejects where the server does not answer. */
export async function servedLanguages() {
  const answer = await fetch(serverUrl("v1/languages"));
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

/** Two targets for somebody who speaks `spoken`. */
export function firstTargets(codes, spoken) {
  const known = COMMON.filter((code) => codes.includes(code));
  const others = [...new Set([...known, ...codes])].filter((code) => code !== spoken);
  return [others[0] ?? "", others[1] ?? ""];
}

/** `German · Deutsch`: found by those who read English and by those who do not. */
export function label({ code, name }) {
  const own = ownName(code);
  return own && own.toLowerCase() !== name.toLowerCase() ? `${name} · ${own}` : name;
}

function ownName(code) {
  try {
    return new Intl.DisplayNames([code], { type: "language", fallback: "none" }).of(code);
  } catch {
    return undefined;
  }
}
