// Events on stdin, one a line; after each, what would be sent to take the session up again.
import { createInterface } from "node:readline";

import { Memory } from "../../serve_app/web/session/memory.js";

const memory = new Memory();
for await (const line of createInterface({ input: process.stdin })) {
  memory.note(JSON.parse(line));
  console.log(JSON.stringify({ acked_ms: memory.ackedMs, ...memory.message() }));
}
