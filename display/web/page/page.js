"use strict";

const LONGEST_SILENCE_MS = 2000; // facts come twice a second
const MINUTE_MS = 60000;
const AGAIN_MS = 1000; // between two tries to connect
const NOT_VALID = "this page's token is no longer valid: open the address that onlyme printed";
const WORDS = { everybody: "Everybody is shown", off: "Privacy is off" };
const ALARMS = {
  off: "Privacy is off: others see the room.",
  everybody: "Everybody is shown: people who walk in are seen too. The room stays hidden.",
};
const byId = (id) => document.getElementById(id);
const picture = byId("picture");
const minute = []; // {at, latency, mask}, ms
let source = null; // of facts
let epoch = "0"; // of the picture that is shown
let wantsPrivacy = false; // what the button asks for
let mayAsk = false;
let everybody = false; // whether everybody who is found is shown
let heardAt = performance.now();
let connected = false;

function cover(text) {
  byId("cover").textContent = text;
  byId("cover").hidden = !text;
}

function say(state, kind) {
  const line = byId("state");
  if (line.textContent !== state) line.textContent = state;
  line.className = "state " + kind;
}

// hides the picture, so that the last one does not look live
function lose(why) {
  if (connected || !picture.hidden) {
    connected = false;
    picture.hidden = true;
    picture.removeAttribute("src");
  }
  cover(why);
  say(why, "warn");
  tell(byId("alarm"), "");
  tell(byId("question"), "");
  for (const button of document.querySelectorAll("button, select, input")) button.disabled = true;
}

function meet() {
  connected = true;
  picture.hidden = false;
  picture.src = "picture.mjpg?" + Date.now();
  for (const button of document.querySelectorAll("button, select, input")) button.disabled = false;
}

function tell(line, text) {
  line.hidden = !text;
  if (line.textContent !== text) line.textContent = text; // a screen reader reads every text that is set, even an unchanged one
}

// sets what the privacy button does, and whether it can
function offer(privacy, mayShowMore, everybody) {
  const button = byId("privacy");
  wantsPrivacy = !privacy;
  mayAsk = wantsPrivacy || mayShowMore;
  button.disabled = !mayAsk;
  button.setAttribute("aria-pressed", String(privacy));
  const on = everybody ? "Only the room is hidden" : "Privacy is on";
  button.textContent = privacy ? on : "Privacy is OFF: turn it on";
}

// on another machine, disables the controls that would show more than the person at the camera chose
function offerMore(mayShowMore) {
  for (const control of [byId("everybody"), byId("background"), byId("colour")]) control.disabled = !mayShowMore;
  tell(byId("why"), mayShowMore ? "" : "Privacy off, everybody and the background can be chosen on the machine of the call only.");
}

function show(facts) {
  heardAt = performance.now();
  if (!connected) meet();
  if (facts.state === undefined) {
    cover("waiting for the first picture");
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
    byId("privacy").textContent = "Turn privacy on";
    return;
  }
  epoch = facts.epoch;
  offer(facts.privacy, facts.may_show_more, everybody);
  offerMore(facts.may_show_more);
  if (picture.width !== facts.width || picture.height !== facts.height) {
    picture.setAttribute("width", facts.width);
    picture.setAttribute("height", facts.height);
  }
  const ms = (value) => (value === null ? "no mask" : Math.round(value) + " ms");
  for (const name of ["latency_ms", "latency_p99_ms", "mask_age_ms"]) byId(name).textContent = ms(facts[name]);
  for (const name of ["shown", "missed", "watching", "model"]) byId(name).textContent = facts[name] === "" ? "–" : facts[name];
  byId("rate").textContent = facts.rate.toFixed(1);
  plot({ at: heardAt, latency: facts.latency_ms, mask: facts.mask_age_ms });
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
    const answer = await fetch("wish", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ epoch, [name]: values }) });
    if (answer.status === 401) lose(NOT_VALID);
    tell(byId("refusal"), answer.ok ? "" : "Refused: " + (await answer.text()).trim());
  } catch {
    lose("connection lost: trying again");
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

// An EventSource that is refused ends without a reason, and one whose server sleeps waits for ever. So this asks first.
async function connect() {
  if (source) source.close();
  source = null;
  try {
    const answer = await fetch("page.css", { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(LONGEST_SILENCE_MS) });
    if (answer.ok) listen();
    else lose(answer.status === 401 ? NOT_VALID : "refused (" + answer.status + "): trying again");
  } catch {
    lose("connection lost: trying again");
  }
  if (!source) setTimeout(connect, AGAIN_MS);
}

function listen() {
  heardAt = performance.now();
  source = new EventSource("facts");
  source.addEventListener("message", (event) => show(JSON.parse(event.data)));
  source.addEventListener("error", reconnect);
}

function reconnect() {
  lose("connection lost: trying again");
  connect();
}

setInterval(() => {
  if (source && performance.now() - heardAt > LONGEST_SILENCE_MS) reconnect();
}, 250);
connect();
