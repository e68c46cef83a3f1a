/** An item of the status line: a mark, a name, a state in words, and a note beside it. */
export function createStatusItem(name, state, note) {
  const item = document.createElement("li");
  item.className = "status-item";
  item.append(createSpan("state", ""), createSpan("status-name", name), createSpan("status-state", state));
  if (note) item.append(createSpan("status-note", note));
  return item;
}

function createSpan(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}
