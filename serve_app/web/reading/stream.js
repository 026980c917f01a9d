/** Server-sent events that a link lets in; browsers connect again by themselves, and go on. */

import { serverUrl } from "../session/socket.js";

/** `{id, token}` of `#id.token`; null where the address has none. */
export function linkOf(hash) {
  const [, id, token] = hash.match(/^#([^.]+)\.(.+)$/) ?? [];
  return token ? { id, token } : null;
}

export class EventStream {
  #source;

  /** `onState` is told `live`, `waiting`, `ended` or `failed`, and why. */
  constructor(path, keys, { onEvent, onState }) {
    const url = serverUrl(path);
    url.search = new URLSearchParams(keys);
    this.#source = new EventSource(url);
    this.#source.onopen = () => onState("live");
    this.#source.onerror = () => {
      if (this.#source.readyState !== EventSource.CLOSED) onState("waiting");
      else whyClosed(url).then((problem) => onState("failed", problem));
    };
    for (const type of TYPES) {
      this.#source.addEventListener(type, ({ data }) => {
        const event = JSON.parse(data);
        if (type === "viewer.left" && event.reason !== "renew") {
          this.close();
          onState("failed", LEFT[event.reason]);
        }
        onEvent(event);
      });
    }
  }

  close() {
    this.#source.close();
  }
}

const TYPES = [
  "viewer.joined",
  "viewer.left",
  "conversation.updated",
  "transcript.committed",
  "transcript.partial",
  "translation.committed",
  "translation.partial",
  "speech.started",
  "speech.stopped",
  "session.closed",
  "warning",
];

const LEFT = {
  link_expired: { title: "This link has expired", mend: "Ask for a new one." },
  session_lost: {
    title: "Nothing was heard of the session for a while",
    mend: "Ask whoever speaks whether it goes on, and reload the page.",
  },
};

/** An EventSource does not say why it was refused; the same request does. */
async function whyClosed(url) {
  const cut = new AbortController();
  try {
    const answer = await fetch(url, { signal: cut.signal, cache: "no-store" });
    if (answer.ok) return { title: "The connection was closed", mend: "Reload the page." };
    const { error } = await answer.json();
    return { title: "This link does not work", mend: error.message };
  } catch {
    return { title: "The server cannot be reached", mend: "Check your network, and reload the page." };
  } finally {
    cut.abort();
  }
}
