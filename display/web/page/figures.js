// the figures and the plot of the last minute
import { byId } from "./dom.js";

const MINUTE_MS = 60000;
const FIGURES_MS = 500; // the figures and the plot change this often
const minute = []; // {at, latency, mask}, ms

export function measure(facts) {
  const now = performance.now();
  if (minute.length && now - minute.at(-1).at <= FIGURES_MS) return;
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
