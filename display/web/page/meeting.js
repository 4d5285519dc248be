// recording, and the virtual cameras that a meeting can choose
import { LONGEST_SILENCE_MS, post } from "./ask.js";
import { byId, write } from "./dom.js";

const NONE = "No virtual camera is here yet. Run “make camera”, or “onlyme camera” in an installed copy, which says how to get one.";
const BESIDE = "What others see is recorded, without sound.";
let isOn = false;

export function showRecording({ recording }) {
  isOn = Boolean(recording && recording.on);
  byId("recording-mark").hidden = !isOn;
  byId("record").setAttribute("aria-pressed", String(isOn));
  write(byId("record"), isOn ? "Stop recording" : "Start recording");
  const { file = "", failure = "" } = recording || {};
  const said = failure ? "Recording has stopped: " + failure : isOn ? (file ? "Recording to " + file : "Recording begins.") : file ? "The recording is in " + file : BESIDE;
  write(byId("recorded"), said);
}

export async function findCameras() {
  try {
    const answer = await fetch("cameras", { cache: "no-store", signal: AbortSignal.timeout(LONGEST_SILENCE_MS) });
    const found = answer.ok ? await answer.json() : [];
    const named = found.find(([, name]) => name === "onlyme") || found[0];
    write(byId("cameras"), found.length ? "Virtual cameras here: " + found.map(([device, name]) => name + " (" + device + ")").join(", ") + "." : NONE);
    for (const place of document.querySelectorAll(".camera-name")) write(place, named ? named[1] : "onlyme");
  } catch {
    write(byId("cameras"), "The call did not say which cameras there are.");
  }
}

byId("record").addEventListener("click", () => post("recording", "application/json", String(!isOn)));
byId("look-again").addEventListener("click", findCameras);
