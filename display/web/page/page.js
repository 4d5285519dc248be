"use strict";

const LONGEST_SILENCE_MS = 2000; // the call answers within half a second, with or without a new picture
const MINUTE_MS = 60000;
const FIGURES_MS = 500; // the figures and the plot change this often
const AGAIN_MS = 1000; // between two tries to connect
const LOST = "connection lost: trying again";
const SLOW = "the connection is slow: waiting for the picture";
const WAITING = "waiting for a picture";
const HIDDEN = "paused while this tab is hidden";
const NO_ANSWER = "The call did not answer. If nothing has changed, try again.";
const BUSY = "the call does not answer yet: trying again";
const REFUSED = {
  401: "this page's token is no longer valid: open the address that onlyme printed",
  403: "this page may not see the call: open the address that onlyme printed",
  421: "this is not the address that onlyme printed: open that one",
  502: BUSY, 503: BUSY, 504: BUSY, // of a proxy between
};
const WORDS = { everybody: "Everybody is shown", off: "Privacy is off" };
const ALARMS = {
  off: "Privacy is off: others see the room.",
  everybody: "Everybody is shown: people who walk in are seen too. The room stays hidden.",
};
const byId = (id) => document.getElementById(id);
const picture = byId("picture");
const canvas = picture.getContext("2d");
const viewer = Math.floor(Math.random() * 2 ** 53); // tells this page from others that watch the same call
const minute = []; // {at, latency, mask}, ms
let request = new AbortController(); // of the picture that this page waits for
let seen = 0; // number of the picture that is shown, 0 for none
let painted = false; // whether a picture is shown
let epoch = "0"; // of the picture that is shown
// what the keys and buttons ask for. Before the first picture, and after a loss, they only hide: the viewer sees nothing
let wantsPrivacy = true; // what the button asks for
let mayAsk = true;
let everybody = true; // whether everybody who is found is shown
let connected = false;

// a screen reader reads every text that is set, even an unchanged one
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function cover(text) {
  write(byId("cover"), text);
  byId("cover").hidden = !text;
}

function say(state, kind) {
  write(byId("state"), state);
  byId("state").className = "state " + kind;
}

// clears the picture, so that the last one does not look live
function lose(why) {
  connected = painted = false;
  wantsPrivacy = mayAsk = everybody = true;
  seen = 0;
  picture.hidden = true;
  canvas.clearRect(0, 0, picture.width, picture.height);
  cover(why);
  say(why, "warn");
  tell(byId("alarm"), "");
  tell(byId("question"), "");
  for (const button of document.querySelectorAll("button, select, input")) button.disabled = true;
}

function meet() {
  connected = true;
  for (const button of document.querySelectorAll("button, select, input")) button.disabled = false;
}

function paint(image) {
  if (picture.width !== image.width || picture.height !== image.height) {
    picture.width = image.width;
    picture.height = image.height;
  }
  canvas.drawImage(image, 0, 0);
  image.close();
  picture.hidden = false;
  painted = true;
}

function tell(line, text) {
  line.hidden = !text;
  write(line, text);
}

// sets what the privacy button does, and whether it can
function offer(privacy, mayShowMore, everybody) {
  const button = byId("privacy");
  wantsPrivacy = !privacy;
  mayAsk = wantsPrivacy || mayShowMore;
  button.disabled = !mayAsk;
  button.setAttribute("aria-pressed", String(privacy));
  const on = everybody ? "Only the room is hidden" : "Privacy is on";
  write(button, privacy ? on : "Privacy is OFF: turn it on");
}

// on another machine, disables the controls that would show more than the person at the camera chose
function offerMore(mayShowMore) {
  for (const control of [byId("everybody"), byId("background"), byId("colour")]) control.disabled = !mayShowMore;
  tell(byId("why"), mayShowMore ? "" : "Privacy off, everybody and the background can be chosen on the machine of the call only.");
}

// shows a picture and its facts at once; without an image the picture stays
function show(facts, image) {
  if (!connected) meet();
  if (image) paint(image);
  if (!painted) {
    cover(WAITING);
    say("waiting", "warn");
    return;
  }
  const blank = facts.state === "blank";
  const words = WORDS[facts.state] || facts.state;
  cover(blank ? facts.reason : "");
  say(facts.reason ? words + ": " + facts.reason : words, facts.state === "live" ? "live" : facts.privacy === false ? "off" : "warn");
  tell(byId("question"), facts.question ? facts.question[0].toUpperCase() + facts.question.slice(1) : "");
  const alarm = byId("alarm");
  const kind = facts.privacy !== false && facts.everybody ? "everybody" : facts.state;
  alarm.className = kind;
  tell(alarm, ALARMS[kind] || "");
  everybody = blank || facts.everybody; // over a card the button only turns everybody off
  byId("everybody").setAttribute("aria-pressed", String(!blank && everybody));
  if (blank) {
    offer(false, false, false); // privacy may be on or off: turning it on is the only safe choice
    write(byId("privacy"), "Turn privacy on");
    return;
  }
  epoch = facts.epoch;
  offer(facts.privacy, facts.may_show_more, everybody);
  offerMore(facts.may_show_more);
  const now = performance.now();
  if (!minute.length || now - minute.at(-1).at > FIGURES_MS) measure(facts, now);
}

function measure(facts, now) {
  const ms = (value) => (value === null ? "no mask" : Math.round(value) + " ms");
  for (const name of ["latency_ms", "latency_p99_ms", "mask_age_ms"]) byId(name).textContent = ms(facts[name]);
  for (const name of ["shown", "missed", "watching", "model"]) byId(name).textContent = facts[name] === "" ? "–" : facts[name];
  byId("rate").textContent = facts.rate.toFixed(1);
  plot({ at: now, latency: facts.latency_ms, mask: facts.mask_age_ms });
}

function plot(point) {
  minute.push(point);
  while (point.at - minute[0].at > MINUTE_MS) minute.shift();
  const top = Math.max(100, ...minute.map((p) => Math.max(p.latency, p.mask || 0)));
  const line = (of) => minute.filter((p) => of(p) !== null)
    .map((p) => (600 - ((point.at - p.at) / MINUTE_MS) * 600).toFixed(1) + "," + (118 - (of(p) / top) * 116).toFixed(1)).join(" ");
  byId("line-latency").setAttribute("points", line((p) => p.latency));
  byId("line-mask").setAttribute("points", line((p) => p.mask));
  byId("top").textContent = Math.round(top);
  byId("plot").setAttribute("aria-label", "The last minute: now " + Math.round(point.latency) + " ms behind the camera, mask " +
    (point.mask === null ? "none" : point.mask + " ms old"));
}

async function want(name, ...values) {
  try {
    const answer = await fetch("wish", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ epoch, [name]: values }),
      signal: AbortSignal.timeout(LONGEST_SILENCE_MS),
    });
    const why = answer.status > 500 ? NO_ANSWER : "Refused: " + (await answer.text()).trim();
    tell(byId("refusal"), answer.ok ? "" : why);
  } catch {
    tell(byId("refusal"), NO_ANSWER);
  }
}

function askPrivacy() {
  if (mayAsk) want("privacy", wantsPrivacy);
}

function askEverybody() {
  want("subject", everybody ? 11 : 10);
}

function background() {
  const kind = byId("background").value;
  want("background", kind === "color" ? "color:" + byId("colour").value.slice(1) : kind);
}

picture.addEventListener("click", (event) => {
  const box = picture.getBoundingClientRect();
  const share = (value, size) => Math.min(1, Math.max(0, value / size));
  want("point", share(event.clientX - box.left, box.width), share(event.clientY - box.top, box.height));
});
byId("privacy").addEventListener("click", askPrivacy);
byId("everybody").addEventListener("click", askEverybody);
byId("background").addEventListener("change", background);
byId("colour").addEventListener("change", () => {
  byId("background").value = "color";
  background();
});
for (const button of document.querySelectorAll("[data-subject]")) {
  button.addEventListener("click", () => want("subject", Number(button.dataset.subject)));
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input")) return;
  const key = event.key.toLowerCase(); // Caps Lock changes nothing
  if (key === "p") askPrivacy();
  else if (key === "n") want("subject", 0);
  else if (key === "a") askEverybody();
  else if (/^[1-9]$/.test(event.key)) want("subject", Number(event.key));
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
    const answer = await fetch("newest.jpg?seen=" + seen + "&viewer=" + viewer, { cache: "no-store", signal: mine.signal });
    heard();
    if (!answer.ok) {
      lose(REFUSED[answer.status] || "refused (" + answer.status + "): trying again");
      return pause(AGAIN_MS);
    }
    const facts = JSON.parse(answer.headers.get("Onlyme-Facts"));
    const image = answer.status === 200 ? await createImageBitmap(await read(answer, heard)) : null;
    if (mine.signal.aborted) throw mine.signal.reason;
    const number = Number(answer.headers.get("Onlyme-Number"));
    if (!image && number !== seen) lose(WAITING); // these are the facts of another picture than the one that is shown
    seen = number;
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
