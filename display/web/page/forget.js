// forgets what the page has saved, once the viewer has confirmed it
import { want } from "./ask.js";
import { byId, write } from "./dom.js";

const FORGOTTEN = "Forgotten. What you choose from now on counts for the next call again.";
const question = byId("forget-ask");

export const asksToForget = () => question.open;
export const stopAsking = () => question.close();

byId("forget").addEventListener("click", () => question.showModal());
byId("forget-no").addEventListener("click", stopAsking);
byId("forget-yes").addEventListener("click", async () => {
  stopAsking();
  if (await want("forget")) write(byId("kept"), FORGOTTEN);
});
