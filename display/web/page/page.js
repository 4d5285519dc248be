"use strict";

const LONGEST_SILENCE_MS = 2000; // facts come twice a second
const MINUTE_MS = 60000;
const byId = (id) => document.getElementById(id);
const picture = byId("picture");
const minute = []; // {at, latency, mask}, ms
let privacy = true;
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

// what was shown last must not stand there as if it were live
function lose() {
  if (connected || !picture.hidden) {
    connected = false;
    picture.hidden = true;
    picture.removeAttribute("src");
  }
  cover("connection lost: trying again");
  say("connection lost", "warn");
  for (const button of document.querySelectorAll("button, select, input")) button.disabled = true;
}

function meet() {
  connected = true;
  picture.hidden = false;
  picture.src = "picture.mjpg?" + Date.now();
  for (const button of document.querySelectorAll("button, select, input")) button.disabled = false;
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
  cover(blank ? facts.reason : "");
  say(facts.reason ? facts.state + ": " + facts.reason : facts.state, facts.state === "live" ? "live" : facts.privacy === false ? "off" : "warn");
  if (blank) return;
  privacy = facts.privacy;
  if (picture.width !== facts.width || picture.height !== facts.height) {
    picture.setAttribute("width", facts.width);
    picture.setAttribute("height", facts.height);
  }
  byId("privacy").setAttribute("aria-pressed", String(privacy));
  byId("privacy").textContent = privacy ? "Privacy is on" : "Privacy is OFF: turn it on";
  const alarm = byId("alarm");
  alarm.hidden = privacy;
  const text = privacy ? "" : "Privacy is off: others see the room.";
  if (alarm.textContent !== text) alarm.textContent = text;
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
    const answer = await fetch("wish", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ [name]: values }) });
    if (!answer.ok) say("refused: " + (await answer.text()).trim(), "warn");
  } catch {
    lose();
  }
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
byId("privacy").addEventListener("click", () => want("privacy", !privacy));
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
  if (event.key === "p") want("privacy", !privacy);
  else if (event.key === "n") want("subject", 0);
  else if (event.key === "a") want("subject", 10);
  else if (/^[1-9]$/.test(event.key)) want("subject", Number(event.key));
});

const facts = new EventSource("facts");
facts.addEventListener("message", (event) => show(JSON.parse(event.data)));
facts.addEventListener("error", lose);
setInterval(() => {
  if (performance.now() - heardAt > LONGEST_SILENCE_MS) lose();
}, 250);
