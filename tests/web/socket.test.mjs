import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { openSocket, whyNot } from "../../serve_app/web/session/socket.js";

class Recorded {
  constructor(url, protocols) {
    this.url = String(url);
    this.protocols = protocols;
  }
}

beforeEach(() => {
  globalThis.WebSocket = Recorded;
  globalThis.document = { baseURI: "https://captions.example/live/" };
});

/** `answers`: status and body by path. */
function answering(answers) {
  globalThis.fetch = async (url, { headers = {} } = {}) => {
    const [status, body] = answers[url.pathname](headers);
    return new Response(JSON.stringify(body), { status });
  };
}

test("the socket is below the page, and as secure", () => {
  assert.equal(openSocket("").url, "wss://captions.example/live/v1/stream");
  globalThis.document = { baseURI: "http://127.0.0.1:8000/" };
  assert.equal(openSocket("").url, "ws://127.0.0.1:8000/v1/stream");
});

test("a secret goes where OpenAI's clients put it, and nothing where there is none", () => {
  assert.deepEqual(openSocket("sk-1").protocols, ["realtime", "openai-insecure-api-key.sk-1"]);
  assert.deepEqual(openSocket("").protocols, []);
});

test("other doors say why a socket did not open", async () => {
  const error = { message: "No such key." };
  const models = ({ authorization }) =>
    authorization === "Bearer good" ? [200, {}] : [401, { error }];
  answering({ "/live/health/ready": () => [200, {}], "/live/v1/models": models });
  assert.deepEqual(await whyNot("good"), { code: "full" });
  assert.deepEqual(await whyNot("bad"), { code: "unauthorized", detail: "No such key." });
  assert.equal((await whyNot("")).code, "unauthorized");
  const stages = { vad: "ready", asr: "no replica", mt: "no answer within 2 s" };
  answering({ "/live/health/ready": () => [503, { stages }] });
  const detail = "asr: no replica; mt: no answer within 2 s";
  assert.deepEqual(await whyNot(""), { code: "not_ready", detail });
  globalThis.fetch = async () => {
    throw new TypeError("Failed to fetch");
  };
  assert.deepEqual(await whyNot(""), { code: "unreachable" });
});
