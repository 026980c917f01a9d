/** The page of a viewer: follows a link, in a language of the reader's choice. */

import { Follow } from "../captions/follow.js";
import { EventStream, linkOf } from "../reading/stream.js";
import { Passages } from "../reading/passages.js";
import { label, servedLanguages } from "./languages.js";
import { stayAwake } from "./wake.js";

const STATES = {
  connecting: "Connecting",
  live: "Live",
  waiting: "Connecting again",
  ended: "The session is over",
  failed: "Not connected",
};
const LANGUAGE = "dragoman.view.language";
const $ = (id) => document.getElementById(id);

const link = linkOf(location.hash);
const passages = new Passages($("rows"));
const follow = new Follow($("captions"), $("rows"), $("latest"));
const names = new Map();
let stream = null;

function connect() {
  stream?.close();
  passages.clear();
  follow.resume();
  tellProblem(null);
  show("connecting");
  if (!link) {
    fail({ title: "This is not a whole link", mend: "Open the link as it was given to you." });
    return;
  }
  const target = $("language").value;
  stream = new EventStream(
    `v1/sessions/${encodeURIComponent(link.id)}/events`,
    { token: link.token, ...(target && { target }) },
    { onEvent: note, onState: (name, problem) => (problem ? fail(problem) : show(name)) },
  );
}

function note(event) {
  if (event.type === "viewer.joined") {
    if (!event.resumed) passages.clear();
    offer(event.targets);
  }
  passages.note(event);
  $("welcome").hidden ||= !passages.isEmpty;
  if (event.type === "session.closed") {
    stream.close();
    passages.settle();
    stayAwake(false);
    show("ended");
  }
}

/** What the session has comes first; the server may be asked for more. */
function offer(targets) {
  for (const code of targets) {
    if (!names.has(code)) names.set(code, label({ code, name: code }));
  }
  const chosen = $("language").value;
  const others = [...names].filter(([code]) => !targets.includes(code));
  const first = [...names].filter(([code]) => targets.includes(code));
  const options = [...first, ...others].map(([code, name]) => new Option(name, code));
  $("language").replaceChildren($("language").options[0], ...options);
  $("language").value = chosen;
}

async function begin() {
  try {
    const { target } = await servedLanguages("");
    for (const one of target) names.set(one.code, label(one));
  } catch {
    // A server that wants keys tells viewers no languages; those of the session come with it.
  }
  offer([]);
  const remembered = localStorage.getItem(LANGUAGE);
  if (names.has(remembered)) $("language").value = remembered;
  connect();
}

function fail(problem) {
  tellProblem(problem);
  show("failed");
}

function show(name) {
  $("status").dataset.state = name;
  $("status-text").textContent = STATES[name];
}

function tellProblem(problem) {
  $("problem").hidden = !problem;
  $("problem-title").textContent = problem?.title ?? "";
  $("problem-mend").textContent = problem?.mend ?? "";
}

$("language").addEventListener("change", () => {
  localStorage.setItem(LANGUAGE, $("language").value);
  connect();
});
$("size").addEventListener("change", () => (document.documentElement.dataset.size = $("size").value));
document.documentElement.dataset.size = $("size").value;
addEventListener("hashchange", () => location.reload());
stayAwake(true);
begin();
