// what the picture looks like: the controls say what the call does, and ask for something else
import { upload, want } from "./ask.js";
import { byId, tell, write } from "./dom.js";

const HOLD_MS = 1500; // so long a control says what was chosen, until the call does it
const MOST_PIXELS = 3840 * 2160; // of an upload
const SAID = {
  blur: (value) => value.toFixed(1) + " ×",
  feather: (value) => value + " px",
  margin: (value) => (value > 0 ? value + " px out" : value < 0 ? -value + " px in" : "as found"),
};
const heldUntil = {}; // setting → time, ms

const hold = (setting) => (heldUntil[setting] = performance.now() + HOLD_MS);
const isHeld = (setting) => performance.now() < (heldUntil[setting] || 0);

function slide(name, value) {
  byId(name).value = value;
  write(byId(name + "-said"), SAID[name](Number(value)));
}

// shows the style of the picture, but for what the viewer is changing just now
export function showLook(facts) {
  const { style } = facts;
  if (!style) return;
  if (!isHeld("hide")) byId("hide-" + style.hide).checked = true;
  if (!isHeld("follow")) byId("follow").checked = style.follow;
  for (const name of ["blur", "feather", "margin"]) if (!isHeld(name)) slide(name, style[name]);
  if (!isHeld("background")) {
    const [kind, colour] = style.background.split(":");
    byId("background").value = kind;
    if (colour) byId("colour").value = "#" + colour;
  }
  const has = (value) => byId("background").querySelector("option[value=" + value + "]");
  has("image").disabled = !facts.has_image;
  has("file").hidden = style.background !== "file";
}

function background() {
  hold("background");
  const kind = byId("background").value;
  return want("background", kind === "color" ? "color:" + byId("colour").value.slice(1) : kind);
}

// Decodes the user's file here and sends the pixels as a JPEG, small enough: the call takes no other file.
async function choose(file) {
  try {
    const image = await createImageBitmap(file);
    const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (image.width * image.height)));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.floor(image.width * scale));
    canvas.height = Math.max(1, Math.floor(image.height * scale));
    const draws = canvas.getContext("2d", { alpha: false });
    draws.drawImage(image, 0, 0, canvas.width, canvas.height);
    image.close();
    const jpeg = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
    if (await upload(jpeg)) {
      hold("background");
      byId("background").querySelector("option[value=image]").disabled = false;
      byId("background").value = "image";
      await want("background", "image");
    }
  } catch {
    tell(byId("refusal"), "This file is no image that the browser can read: choose another.");
  }
}

for (const radio of document.querySelectorAll("[name=hide]")) {
  radio.addEventListener("change", () => { hold("hide"); want("hide", radio.value); });
}
byId("follow").addEventListener("change", () => { hold("follow"); want("follow", byId("follow").checked); });
for (const name of ["blur", "feather", "margin"]) {
  byId(name).addEventListener("input", () => { hold(name); slide(name, byId(name).value); });
}
byId("blur").addEventListener("change", () => { hold("blur"); want("blur", Number(byId("blur").value)); });
for (const name of ["feather", "margin"]) {
  byId(name).addEventListener("change", () => {
    hold("feather");
    hold("margin");
    want("edge", Number(byId("feather").value), Number(byId("margin").value));
  });
}
byId("background").addEventListener("change", background);
byId("colour").addEventListener("input", () => hold("background"));
byId("colour").addEventListener("change", () => {
  byId("background").value = "color";
  background();
});
byId("upload").addEventListener("change", () => {
  const [file] = byId("upload").files;
  if (file) choose(file);
  byId("upload").value = ""; // the same file may be chosen again
});
