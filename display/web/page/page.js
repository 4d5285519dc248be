// takes picture after picture from the call, shows each with its facts, and says at once when there is none
import { LONGEST_SILENCE_MS, seen, want } from "./ask.js";
import { byId, tell, write } from "./dom.js";
import { measure } from "./figures.js";
import { asksToForget, stopAsking } from "./forget.js";
import { showLook } from "./look.js";
import { showCameras, showRecording } from "./meeting.js";
import { ask as askWho, choose, mirror, showSubject } from "./subject.js";

const AGAIN_MS = 1000; // between two tries to connect
const LOST = "connection lost: trying again";
const SLOW = "the connection is slow: waiting for the picture";
const WAITING = "waiting for a picture";
const HIDDEN = "paused while this tab is hidden";
const BUSY = "the call does not answer yet: trying again";
const REFUSED = {
  401: "this page's token is no longer valid: open the address that onlyme printed",
  403: "this page may not see the call: open the address that onlyme printed",
  421: "this is not the address that onlyme printed: open that one",
  502: BUSY, 503: BUSY, 504: BUSY, // of a proxy between
};
const ALARMS = {
  off: "Privacy is off: others see the room and everybody in it.",
  everybody: "Everybody is shown: people who walk in are seen too.",
  waiting: "Nobody is shown now. Everybody is to be shown, also people who walk in.",
};
const CARDS = ["lost", "blank"]; // states in which there is no picture, and the page says why in its own letters
const picture = byId("picture");
const canvas = picture.getContext("2d");
const viewer = Math.floor(Math.random() * 2 ** 53); // tells this page from others that watch the same call
let request = new AbortController(); // of the picture that this page waits for
let number = 0; // of the picture that is shown, 0 for none
let painted = false; // whether a picture is shown
// what the keys and buttons ask for. Before the first picture, and after a loss, they only hide: the viewer sees nothing
let wantsPrivacy = true; // what the button asks for
let mayAsk = true;
let everybody = true; // whether everybody who is found is shown

const controls = () => document.querySelectorAll("button, select, input");

function cover(text) {
  tell(byId("cover"), text);
}

// says in the bar what others see, and over the picture why the person in front is hidden
function say(title, detail, kind) {
  write(byId("title"), title);
  write(byId("detail"), detail);
  byId("state").className = kind;
  document.body.dataset.state = kind;
}

function sayHidden(title, detail) {
  byId("why-hidden").hidden = !title;
  write(byId("hidden-title"), title);
  write(byId("hidden-detail"), detail);
}

function alarm(kind) {
  byId("bar").className = kind === "waiting" ? "everybody" : kind;
  tell(byId("alarm"), ALARMS[kind] || "");
  byId("state").hidden = Boolean(ALARMS[kind]);
}

// clears the picture, so that the last one does not look live
function lose(why) {
  painted = false;
  wantsPrivacy = mayAsk = everybody = true;
  number = 0;
  picture.hidden = true;
  canvas.clearRect(0, 0, picture.width, picture.height);
  cover(why);
  say(why, "", "warn");
  sayHidden("", "");
  alarm("");
  askWho("");
  stopAsking();
  showRecording({});
  showSubject({ subject_xyxy: [] });
  for (const control of controls()) control.disabled = true;
}

function paint(image) {
  if (picture.width !== image.width || picture.height !== image.height) {
    picture.width = image.width;
    picture.height = image.height;
    byId("stage").style.setProperty("--aspect", image.width / image.height);
  }
  canvas.drawImage(image, 0, 0);
  image.close();
  picture.hidden = false;
  painted = true;
}

// sets what the privacy button does, and whether it can
function offer(privacy, mayShowMore) {
  const button = byId("privacy");
  wantsPrivacy = !privacy;
  mayAsk = wantsPrivacy || mayShowMore;
  button.disabled = !mayAsk;
  button.setAttribute("aria-pressed", String(privacy));
  write(button, privacy ? "Privacy is on" : "Privacy is OFF: turn it on");
}

// Enables the controls, but for those that another machine may not use, and those that are fixed outside the page.
function enable({ may_show_more: here, fixed = [] }) {
  for (const control of controls()) {
    if (control.id === "privacy") continue;
    const setting = control.closest("[data-setting]")?.dataset.setting;
    control.disabled = ("here" in control.dataset && !here) || fixed.includes(setting);
  }
  for (const field of document.querySelectorAll("[data-setting]")) {
    for (const mark of field.querySelectorAll(".fixed")) mark.hidden = !fixed.includes(field.dataset.setting);
  }
  byId("fixed-why").hidden = !fixed.length;
  byId("kept").hidden = !here;
  tell(byId("why"), here ? "" : "Privacy off, everybody, what is hidden and recording can be chosen on the machine of the call only.");
}

// shows a picture and its facts at once; without an image the picture stays
function show(facts, image) {
  if (facts.may_show_more) showCameras();
  if (image) paint(image);
  if (!painted) {
    cover(WAITING);
    say(WAITING, "", "warn");
    return;
  }
  const blank = facts.state === "blank";
  const title = facts.title || facts.state;
  const detail = facts.detail || facts.reason || "";
  cover(blank ? facts.reason : CARDS.includes(facts.state) ? title + ": " + detail : "");
  const kind = facts.state === "live" ? "live" : facts.privacy === false ? "off" : "warn";
  say(blank ? facts.reason : title, [detail, facts.notice].filter(Boolean).join(" · "), kind);
  const hides = ["hidden", "starting"].includes(facts.state) && facts.privacy;
  sayHidden(hides ? title : "", hides ? detail : "");
  askWho(facts.question || "");
  alarm(blank ? "" : facts.privacy === false ? "off" : !facts.everybody ? "" : facts.state === "everybody" ? "everybody" : "waiting");
  everybody = blank || facts.everybody; // over a card the button only turns everybody off
  byId("everybody").setAttribute("aria-pressed", String(!blank && everybody));
  showRecording(facts);
  if (blank) {
    enable({ may_show_more: true });
    offer(false, false); // privacy may be on or off: turning it on is the only safe choice
    write(byId("privacy"), "Turn privacy on");
    return;
  }
  seen.epoch = facts.epoch;
  enable(facts);
  offer(facts.privacy, facts.may_show_more);
  mirror(facts);
  showLook(facts);
  showSubject(facts);
  measure(facts);
}

function askPrivacy() {
  if (mayAsk) want("privacy", wantsPrivacy);
}

function askEverybody() {
  want("subject", everybody ? 11 : 10);
}

byId("privacy").addEventListener("click", askPrivacy);
byId("everybody").addEventListener("click", askEverybody);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input:not([type=checkbox])")) return;
  const key = event.key.toLowerCase(); // Caps Lock changes nothing
  if (key === "p") askPrivacy();
  else if (asksToForget()) return; // n is no “no”
  else if (key === "n") choose(0);
  else if (key === "a") askEverybody();
  else if (/^[1-9]$/.test(event.key)) choose(Number(event.key));
});

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const change = () => new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));

// returns the whole body; one that is still coming is no silence
async function read(answer, heard) {
  const parts = [];
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts, { type: "image/jpeg" });
    heard();
    parts.push(value);
  }
}

// Asks for the next picture and its facts, which come in one answer. A request that lasts for ever would be simpler, but a
// browser has six connections for all pages of a host, so the seventh page would get nothing and no button would work.
async function ask() {
  const mine = (request = new AbortController());
  let timer = 0;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => mine.abort(), LONGEST_SILENCE_MS);
  };
  heard();
  const stale = setTimeout(() => lose(SLOW), LONGEST_SILENCE_MS);
  try {
    const answer = await fetch("newest.jpg?seen=" + number + "&viewer=" + viewer, { cache: "no-store", signal: mine.signal });
    heard();
    if (!answer.ok) {
      lose(REFUSED[answer.status] || "refused (" + answer.status + "): trying again");
      return pause(AGAIN_MS);
    }
    const facts = JSON.parse(answer.headers.get("Onlyme-Facts"));
    const image = answer.status === 200 ? await createImageBitmap(await read(answer, heard)) : null;
    if (mine.signal.aborted) throw mine.signal.reason;
    const newest = Number(answer.headers.get("Onlyme-Number"));
    if (!image && newest !== number) lose(WAITING); // these are the facts of another picture than the one that is shown
    number = newest;
    show(facts, image);
  } catch (error) {
    if (document.hidden) return;
    lose(LOST);
    if (mine.signal.aborted) return; // it has waited long enough
    console.error(error);
    return pause(AGAIN_MS);
  } finally {
    clearTimeout(timer);
    clearTimeout(stale);
  }
}

async function follow() {
  for (;;) {
    if (document.hidden) {
      lose(HIDDEN);
      await change();
    } else await ask();
  }
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) request.abort();
});
follow();
