/** The live-caption page: puts its parts together. */

import { AudioFile, UnreadableFileError } from "../audio/file.js";
import { LOST, Microphone } from "../audio/microphone.js";
import { Captions } from "../captions/captions.js";
import { Follow } from "../captions/follow.js";
import { clock } from "../captions/time.js";
import { Transcript } from "../captions/transcript.js";
import { Session } from "../session/session.js";
import { openSocket, whyNot } from "../session/socket.js";
import { Choices } from "./choices.js";
import { acceptDrops } from "./drop.js";
import { servedLanguages } from "./languages.js";
import { Meter } from "./meter.js";
import { loadPreferences, savePreferences } from "./preferences.js";
import { microphoneProblem, sessionProblem } from "./problems.js";
import { Quiet } from "./quiet.js";
import { SaveDialog } from "./save.js";
import { Settings } from "./settings.js";
import { Sharing } from "./sharing.js";
import { Status } from "./status.js";
import { stayAwake } from "./wake.js";

const NOTICE_MS = 8_000;
/** What the state itself says well enough. */
const LOST_CODES = ["lost", "unreachable"];
const $ = (id) => document.getElementById(id);

const preferences = loadPreferences();
const transcript = new Transcript();
const status = new Status({
  box: $("status"),
  text: $("status-text"),
  countdown: $("status-countdown"),
  retry: $("retry"),
});
const meter = new Meter($("meter"));
const choices = new Choices({
  form: document.querySelector(".languages"),
  source: $("source"),
  targets: [$("target-0"), $("target-1")],
  onChange: changeLanguages,
});
const captions = new Captions($("rows"), (code) => choices.nameOf(code));
const follow = new Follow($("captions"), $("rows"), $("latest"));
const settings = new Settings({
  dialog: $("settings"),
  fields: Object.fromEntries(
    ["device", "delay", "hotwords", "size", "aloud", "secret"].map((name) => [name, $(name)]),
  ),
  preferences,
  onChange: () => savePreferences(preferences),
});
const saving = new SaveDialog({
  dialog: $("save"),
  choice: $("save-language"),
  transcript,
  nameOf: (code) => choices.nameOf(code),
  onSaved: () => (unsaved = false),
});

const quiet = new Quiet(() => {
  const muted = "Nothing is heard. Is the microphone muted, or the wrong one? Choose it under Settings.";
  if (source instanceof Microphone) tellNotice(muted);
});

const sharing = new Sharing({
  dialog: $("share"),
  button: $("open-share"),
  configure: (changes) => session?.configure(changes),
});

let session = null;
let source = null;
let occupied = false;
let unsaved = false;
let noticeTimer;

/** What is told to the server of the languages chosen. */
function languages() {
  const { source: spoken, targets } = choices.value;
  return { source: spoken, target: targets.filter(Boolean) };
}

function config() {
  const { delay, hotwords } = preferences;
  return { ...languages(), ...sharing.config, ...(delay && { delay }), ...(hotwords && { hotwords }) };
}

function changeLanguages({ source: spoken, targets }) {
  Object.assign(preferences, { source: spoken, targets });
  savePreferences(preferences);
  captions.setTargets(targets);
  session?.configure(languages());
}

async function listen() {
  await begin("asking", () => Microphone.open(preferences.device), microphoneProblem);
}

async function hear(file) {
  if (occupied) {
    tellProblem({ title: "Something is being heard already", mend: "Stop it, then open the file." });
    return;
  }
  await begin("reading", () => AudioFile.open(file), fileProblem);
}

function fileProblem(error) {
  if (!(error instanceof UnreadableFileError)) throw error;
  return { title: "The file cannot be heard", mend: error.message };
}

async function begin(state, open, problemOf) {
  tellProblem(null);
  busy(true);
  status.show({ name: state });
  let opened = null;
  try {
    opened = source = await open();
    const current = startSession();
    opened.ended.then((reason) => {
      current.end();
      if (reason === LOST) tellProblem(microphoneProblem({ name: LOST }));
    });
    const waiting = () => current.waitingSamples;
    await opened.start((pcm) => push(current, pcm), { aloud: preferences.aloud, waiting });
  } catch (error) {
    // The server may have refused the session before the sound began; that was told already.
    if (source !== opened) return;
    session?.abandon();
    over("idle");
    tellProblem(problemOf(error));
  }
}

function startSession() {
  if (!transcript.isEmpty) captions.remark(`Started again at ${new Date().toLocaleTimeString()}`);
  transcript.begin();
  captions.begin(transcript.offsetMs);
  captions.setTargets(choices.value.targets);
  follow.resume();
  meter.start();
  quiet.reset();
  stayAwake(true);
  session = new Session({
    open: () => openSocket(settings.secret),
    whyNot: () => whyNot(settings.secret),
    onEvent: note,
    onState: change,
  });
  session.start(config());
  return session;
}

function push(current, pcm) {
  meter.note(pcm);
  quiet.note(pcm);
  current.push(pcm);
  $("elapsed").textContent = clock(current.durationMs);
}

function note(event) {
  transcript.note(event);
  captions.note(event);
  sharing.note(event);
  if (event.type === "transcript.committed") unsaved = true;
  if (event.type === "slow_down") tellNotice("The server is busy; the captions come a little later.");
  if (event.type === "go_away") tellNotice("The server restarts; the session moves to another one.");
  $("welcome").hidden ||= $("rows").childElementCount > 0;
  $("open-save").disabled = transcript.isEmpty;
}

function change(state) {
  status.show(state);
  if (state.name === "waiting") {
    captions.settle();
    const explained = state.begun && LOST_CODES.includes(state.problem.code);
    if (!explained) tellProblem(sessionProblem(state.problem));
  }
  if (state.name === "live") tellProblem(null);
  if (state.name === "failed") tellProblem(sessionProblem(state.problem));
  if (state.name === "ended" || state.name === "failed") over(state.name);
}

function over(name) {
  source?.stop();
  source = session = null;
  captions.settle();
  meter.stop();
  stayAwake(false);
  busy(false);
  status.show({ name });
}

function busy(yes) {
  occupied = yes;
  const hadFocus = [$("start"), $("stop")].includes(document.activeElement);
  $("start").hidden = $("open-file").hidden = yes;
  $("open-share").hidden = !yes;
  $("stop").hidden = $("hearing").hidden = !yes;
  $("clear").disabled = yes || transcript.isEmpty;
  $("elapsed").textContent = clock(0);
  if (hadFocus) $(yes ? "stop" : "start").focus();
}

function tellProblem(problem) {
  $("problem").hidden = !problem;
  $("problem-title").textContent = problem?.title ?? "";
  $("problem-mend").textContent = problem?.mend ?? "";
}

function tellNotice(text) {
  clearTimeout(noticeTimer);
  $("notice").textContent = text;
  noticeTimer = setTimeout(() => ($("notice").textContent = ""), NOTICE_MS);
}

function clear() {
  transcript.clear();
  captions.clear();
  unsaved = false;
  $("welcome").hidden = false;
  $("clear").disabled = $("open-save").disabled = true;
}

async function loadLanguages() {
  try {
    choices.fill(await servedLanguages(), preferences);
    captions.setTargets(choices.value.targets);
    tellProblem(null);
  } catch {
    tellProblem(sessionProblem({ code: "languages" }));
  }
}

$("start").addEventListener("click", listen);
$("stop").addEventListener("click", () => source?.stop());
$("retry").addEventListener("click", () => session?.retry());
$("dismiss").addEventListener("click", () => tellProblem(null));
$("open-settings").addEventListener("click", () => settings.open());
$("open-save").addEventListener("click", () => saving.open());
$("open-file").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (file) hear(file);
});
$("clear").addEventListener("click", () => $("confirm-clear").showModal());
$("confirm-clear").addEventListener("close", ({ target }) => {
  if (target.returnValue === "clear") clear();
  target.returnValue = "";
});
acceptDrops($("drop"), hear);
addEventListener("online", () => session?.retry());
addEventListener("beforeunload", (event) => {
  if (session || unsaved) event.preventDefault();
});
loadLanguages();
