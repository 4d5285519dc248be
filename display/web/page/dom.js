// what every part of the page uses to change it
export const byId = (id) => document.getElementById(id);

// a screen reader reads every text that is set, even an unchanged one
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// shows a line, or takes it away where there is no text
export function tell(line, text) {
  line.hidden = !text;
  write(line, text);
}
