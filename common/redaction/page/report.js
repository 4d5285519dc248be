"use strict";
// A link to a moment opens the film there. Where the film is on the page, the page jumps in it instead.
const film = document.querySelector("video");
const isMissing = () => {
  film.hidden = document.getElementById("here").hidden = true;
  document.getElementById("missing").hidden = false;
};
film.addEventListener("error", isMissing);
if (film.error) isMissing(); // it failed before this script was read
for (const link of document.querySelectorAll("a[data-at]")) {
  link.addEventListener("click", (event) => {
    if (film.hidden || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    film.pause();
    film.currentTime = Number(link.dataset.at);
    film.scrollIntoView({ block: "nearest" });
    film.focus({ preventScroll: true });
  });
}
