// who is shown: a thumbnail cut from the picture, and choosing another person
import { want } from "./ask.js";
import { byId, tell, write } from "./dom.js";

const THUMB_MS = 500; // the thumbnail changes this often
const picture = byId("picture");
const thumb = byId("thumb");
const draws = thumb.getContext("2d");
let drawnAt = 0;
let said = "";
let mirrored = false;

// shows the picture as in a mirror where the call says so: where somebody looks at themselves, and the picture holds no text
export function mirror(facts) {
  mirrored = facts.mirrored;
  for (const canvas of [picture, thumb]) canvas.classList.toggle("mirrored", mirrored);
  byId("mirror-hint").hidden = !mirrored;
}

export function choose(number) {
  return want("subject", number, mirrored);
}

export function showSubject(facts) {
  const box = facts.state === "live" ? facts.subject_xyxy : [];
  const who = facts.privacy === false ? "Everybody and the room are shown." : box.length ? "This person is shown." : facts.state === "everybody" ? "Everybody is shown." : "Nobody is shown now.";
  write(byId("who"), who);
  if (who !== said) thumb.setAttribute("aria-label", (said = who));
  if (performance.now() - drawnAt < THUMB_MS) return;
  drawnAt = performance.now();
  draws.clearRect(0, 0, thumb.width, thumb.height);
  if (box.length) drawHead(box);
}

// draws the upper part of a box, as wide as it is high
function drawHead([x0, y0, x1, y1]) {
  const { width, height } = picture;
  const side = Math.min((x1 - x0) * width, (y1 - y0) * height);
  const left = ((x0 + x1) / 2) * width - side / 2;
  draws.drawImage(picture, left, y0 * height, side, side, 0, 0, thumb.width, thumb.height);
}

export function ask(question) {
  byId("question").hidden = !question;
  const text = question ? "Is this you? If not, click on yourself." : "";
  tell(byId("asked"), question.startsWith("is this you") ? text : question);
}

picture.addEventListener("click", (event) => {
  const box = picture.getBoundingClientRect();
  const share = (value, size) => Math.min(1, Math.max(0, value / size));
  const x = share(event.clientX - box.left, box.width);
  want("point", mirrored ? 1 - x : x, share(event.clientY - box.top, box.height));
});
for (const button of document.querySelectorAll("[data-subject]")) {
  button.addEventListener("click", () => choose(Number(button.dataset.subject)));
}
byId("yes").addEventListener("click", () => choose(0));
