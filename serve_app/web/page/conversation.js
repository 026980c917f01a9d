/** The page of one side of a conversation: creates one, or joins by its link. */

import { Microphone } from "../audio/microphone.js";
import { Follow } from "../captions/follow.js";
import { EventStream, linkOf } from "../reading/stream.js";
import { Passages } from "../reading/passages.js";
import { ShareDialog } from "../reading/share.js";
import { Session } from "../session/session.js";
import { openSocket, serverUrl, whyNot } from "../session/socket.js";
import { label, servedLanguages } from "./languages.js";
import { microphoneProblem, sessionProblem } from "./problems.js";
import { stayAwake } from "./wake.js";

const LANGUAGE = "dragoman.conversation.language";
const GUEST = "dragoman.conversation.guest.";
const STATES = { idle: "Ready", live: "Connected", waiting: "Connecting again", failed: "Not connected" };
const $ = (id) => document.getElementById(id);

const link = linkOf(location.hash);
const passages = new Passages($("rows"));
const follow = new Follow($("captions"), $("rows"), $("latest"));
const share = new ShareDialog($("share"));
let stream = null;
let talk = null;
let you = "";
let pressed = false;

const path = (what) => `v1/conversations/${encodeURIComponent(link.id)}/${what}`;

async function create() {
  const secret = $("secret").value.trim();
  const headers = secret ? { authorization: `Bearer ${secret}` } : {};
  const answer = await fetch(serverUrl("v1/conversations"), { method: "POST", headers });
  if (!answer.ok) {
    const { error } = await answer.json();
    $("key-field").hidden = answer.status !== 401;
    tellProblem({ title: "No conversation could be started", mend: error.message });
    return;
  }
  const { id, host, guest } = await answer.json();
  sessionStorage.setItem(GUEST + id, guest.token);
  location.hash = `#${id}.${host.token}`;
  location.reload();
}

function join() {
  stream?.close();
  passages.clear();
  stream = new EventStream(
    path("events"),
    { token: link.token, language: $("language").value },
    {
      onEvent: note,
      onState: (name, problem) => {
        show(name);
        tellProblem(problem ?? null);
      },
    },
  );
}

function note(event) {
  // A connection goes on where the one before it was, as far as the server still can.
  if (event.type === "viewer.joined") {
    if (event.resumed) passages.settle();
    else passages.forget(event.session_id);
  }
  if (event.type === "conversation.updated") showTable(event);
  if (event.type === "warning") tellProblem({ title: "Something is missing here", mend: event.message });
  if (event.side && event.side !== you) {
    if (event.type === "speech.started") tellSpeaking(true);
    if (event.type === "speech.stopped" || event.type === "session.closed") tellSpeaking(false);
  }
  passages.note(event);
}

function showTable(table) {
  you = table.you;
  const other = you === "host" ? "guest" : "host";
  $("captions").dataset.you = you;
  show("live", table.present[other] ? "Both are here" : "Waiting for the other side");
  const asked = table.consent_asked_by === other && !table.consents[you];
  const agreed = table.consents.host && table.consents.guest;
  const waiting = table.consents[you] && !agreed;
  $("consent").hidden = !(asked || agreed || waiting);
  $("ask").hidden = table.consents[you] || asked;
  $("agree").hidden = !asked;
  $("refuse").textContent = asked ? "No" : "Withdraw";
  $("save-txt").hidden = $("save-json").hidden = !agreed;
  $("consent-text").textContent = asked
    ? "The other side asks to keep a transcript of this conversation."
    : agreed
      ? "Both of you agree that a transcript may be saved."
      : "You agree that a transcript may be saved; the other side was asked.";
}

function tellSpeaking(yes) {
  const dot = document.createElement("span");
  dot.className = "dot";
  $("speaking").replaceChildren(...(yes ? [dot, "The other side is speaking"] : []));
}

async function consent(action) {
  const url = serverUrl(path("consent"));
  url.search = new URLSearchParams({ token: link.token });
  const answer = await fetch(url, { method: "POST", body: JSON.stringify({ action }) });
  if (!answer.ok) {
    const { error } = await answer.json();
    tellProblem({ title: "That could not be said to the other side", mend: error.message });
  }
}

async function save(format) {
  const url = serverUrl(path("transcript"));
  url.search = new URLSearchParams({ token: link.token, format });
  const answer = await fetch(url);
  if (!answer.ok) {
    const { error } = await answer.json();
    tellProblem({ title: "There is no transcript", mend: error.message });
    return;
  }
  const file = document.createElement("a");
  file.href = URL.createObjectURL(await answer.blob());
  file.download = `conversation.${format}`;
  file.click();
  setTimeout(() => URL.revokeObjectURL(file.href), 10_000);
}

/** The microphone and the session stay open between presses; audio goes out while it is pressed. */
async function press() {
  if (pressed) return;
  pressed = true;
  $("press").setAttribute("aria-pressed", "true");
  $("press").textContent = "Speak now";
  try {
    talk ??= begin();
    await talk;
    tellProblem(null);
  } catch (error) {
    talk = null;
    release();
    tellProblem(microphoneProblem(error));
  }
}

async function begin() {
  const microphone = await Microphone.open();
  const session = new Session({
    open: () => openSocket("", { conversation: link.token }),
    whyNot,
    onEvent: () => {},
    onState: ({ name, problem }) => {
      if (name !== "failed" && name !== "ended") return;
      microphone.stop();
      talk = null;
      if (problem) tellProblem(sessionProblem(problem));
    },
  });
  session.start({ source: $("language").value });
  await microphone.start((pcm) => pressed && session.push(pcm));
  microphone.ended.then(() => session.end());
  return { microphone, session };
}

async function release() {
  if (!pressed) return;
  pressed = false;
  $("press").setAttribute("aria-pressed", "false");
  $("press").textContent = "Hold to speak";
  const { session } = (await talk) ?? {};
  session?.flush();
}

/** Another language begins another session; what was said stays. */
async function changeLanguage() {
  localStorage.setItem(LANGUAGE, $("language").value);
  if (!link) return;
  const { microphone } = (await talk?.catch(() => null)) ?? {};
  talk = null;
  microphone?.stop();
  join();
}

function show(name, text = STATES[name]) {
  $("status").dataset.state = name;
  $("status-text").textContent = text;
}

function tellProblem(problem) {
  $("problem").hidden = !problem;
  $("problem-title").textContent = problem?.title ?? "";
  $("problem-mend").textContent = problem?.mend ?? "";
}

function invite() {
  const url = new URL(location.href);
  url.hash = `#${link.id}.${sessionStorage.getItem(GUEST + link.id)}`;
  share.show(url.href);
  share.open();
}

async function start() {
  try {
    const { source, target } = await servedLanguages("");
    const spoken = new Set(source.map(({ code }) => code));
    const both = target.filter(({ code }) => spoken.has(code));
    $("language").replaceChildren(...both.map((one) => new Option(label(one), one.code)));
    const own = localStorage.getItem(LANGUAGE) ?? navigator.language.split("-")[0];
    if (both.some(({ code }) => code === own)) $("language").value = own;
  } catch {
    tellProblem(sessionProblem({ code: "languages" }));
    return;
  }
  $("begin").hidden = Boolean(link);
  $("transport").hidden = !link;
  if (!link) return;
  const isHost = sessionStorage.getItem(GUEST + link.id) !== null;
  $("invite").hidden = !isHost;
  stayAwake(true);
  join();
  if (isHost) invite();
}

$("create").addEventListener("click", create);
$("invite").addEventListener("click", invite);
$("language").addEventListener("change", changeLanguage);
$("ask").addEventListener("click", () => consent("request"));
$("agree").addEventListener("click", () => consent("give"));
$("refuse").addEventListener("click", () => consent("withdraw"));
$("save-txt").addEventListener("click", () => save("txt"));
$("save-json").addEventListener("click", () => save("json"));
$("press").addEventListener("pointerdown", (event) => {
  $("press").setPointerCapture(event.pointerId);
  press();
});
for (const type of ["pointerup", "pointercancel", "blur"]) $("press").addEventListener(type, release);
$("press").addEventListener("keydown", (event) => {
  if (event.key !== " " && event.key !== "Enter") return;
  event.preventDefault();
  if (!event.repeat) press();
});
$("press").addEventListener("keyup", release);
$("press").addEventListener("contextmenu", (event) => event.preventDefault());
addEventListener("hashchange", () => location.reload());
start();
