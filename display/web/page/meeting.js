// recording, and the virtual cameras that a meeting can choose
import { LONGEST_SILENCE_MS, post } from "./ask.js";
import { byId, write } from "./dom.js";

const NONE = "No virtual camera is here yet. Run “make camera”, or “onlyme camera” in an installed copy, which says how to get one.";
const BESIDE = "What others see is recorded, without sound.";
const LOOK_MS = 3000; // cameras come and go, and a call that has just started has none yet
let isOn = false;
let lookedAt = -LOOK_MS;
let chosen = "";

export function showRecording({ recording }) {
  isOn = Boolean(recording && recording.on);
  byId("recording-mark").hidden = !isOn;
  byId("record").setAttribute("aria-pressed", String(isOn));
  write(byId("record"), isOn ? "Stop recording" : "Start recording");
  const { file = "", failure = "" } = recording || {};
  const said = failure ? "Recording has stopped: " + failure : isOn ? (file ? "Recording to " + file : "Recording begins.") : file ? "The recording is in " + file : BESIDE;
  write(byId("recorded"), said);
}

// a program, and where it lets one choose the camera
function line([program, where]) {
  const [group, name, said] = ["div", "dt", "dd"].map((kind) => document.createElement(kind));
  name.textContent = program;
  said.textContent = where;
  group.append(name, said);
  return group;
}

export async function showCameras() {
  if (performance.now() - lookedAt < LOOK_MS) return;
  lookedAt = performance.now();
  try {
    const answer = await fetch("cameras", { cache: "no-store", signal: AbortSignal.timeout(LONGEST_SILENCE_MS) });
    const { cameras, choose } = answer.ok ? await answer.json() : { cameras: [], choose: {} };
    write(byId("cameras"), cameras.length ? "Virtual cameras here: " + cameras.join(", ") + "." : NONE);
    if (chosen === (chosen = JSON.stringify(choose))) return;
    byId("choose").replaceChildren(...Object.entries(choose).map(line));
  } catch {
    return; // what is said stays until the call says something else
  }
}

byId("record").addEventListener("click", () => post("recording", "application/json", String(!isOn)));
