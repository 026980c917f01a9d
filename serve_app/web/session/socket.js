/** Where the server is, and how a page shows its key: the one place that knows. */

/** Browsers send no headers with a WebSocket; OpenAI's clients put the secret here. */
const SECRET_PROTOCOL = "openai-insecure-api-key.";
const REALTIME_PROTOCOL = "realtime";

/** A URL below the page's own, so that the server may live under any path. */
export function serverUrl(path) {
  return new URL(path, document.baseURI);
}

/**
 * `secret`: an API key or a client secret; empty where the server wants none. `keys`: of the
 * config message, where what lets a client in must be known before the first message.
 */
export function openSocket(secret, keys = {}) {
  const url = serverUrl("v1/stream");
  url.search = new URLSearchParams(keys);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const protocols = secret ? [REALTIME_PROTOCOL, SECRET_PROTOCOL + secret] : [];
  const socket = new WebSocket(url, protocols);
  socket.binaryType = "arraybuffer";
  return socket;
}

/** A socket that does not open does not say why; other doors of the server may. */
export async function whyNot(secret) {
  try {
    const health = await fetch(serverUrl("health/ready"), { cache: "no-store" });
    if (health.ok) return await whyRefused(secret);
    const { stages } = await health.json();
    const reasons = Object.entries(stages).filter(([, reason]) => reason !== "ready");
    return { code: "not_ready", detail: reasons.map((pair) => pair.join(": ")).join("; ") };
  } catch {
    return { code: "unreachable" };
  }
}

async function whyRefused(secret) {
  const headers = secret ? { authorization: `Bearer ${secret}` } : {};
  const answer = await fetch(serverUrl("v1/models"), { headers });
  if (answer.status !== 401) return { code: "full" };
  const { error } = await answer.json();
  return { code: "unauthorized", detail: error.message };
}
