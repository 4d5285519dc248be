// asks the call for what the viewer wants, and says what it refuses
import { byId, tell } from "./dom.js";

export const LONGEST_SILENCE_MS = 2000; // the call answers within half a second, with or without a new picture
const UPLOAD_MS = 20000;
const NO_ANSWER = "The call did not answer. If nothing has changed, try again.";
export const seen = { epoch: "0" }; // epoch of the picture that is shown

// returns whether it was done
export async function post(path, type, body, patienceMs = LONGEST_SILENCE_MS) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": type }, body, signal: AbortSignal.timeout(patienceMs) });
    const said = answer.status === 204 ? "" : (await answer.text()).trim();
    const line = answer.ok ? said && "Note: " + said : answer.status > 500 ? NO_ANSWER : "Refused: " + said;
    tell(byId("refusal"), line);
    return answer.ok;
  } catch {
    tell(byId("refusal"), NO_ANSWER);
    return false;
  }
}

export const want = (name, ...values) => post("wish", "application/json", JSON.stringify({ epoch: seen.epoch, [name]: values }));
export const upload = (jpeg) => post("background", "image/jpeg", jpeg, UPLOAD_MS);
