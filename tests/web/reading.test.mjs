import assert from "node:assert/strict";
import { test } from "node:test";

import { linkOf } from "../../serve_app/web/reading/stream.js";

test("a link says which session and what lets one in", () => {
  assert.deepEqual(linkOf("#s12.v1.abc.def"), { id: "s12", token: "v1.abc.def" });
  assert.equal(linkOf(""), null);
  assert.equal(linkOf("#s12"), null);
  assert.equal(linkOf("#s12."), null);
});
