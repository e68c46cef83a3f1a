/** The keyboard shortcuts of the desk. */

const STEPS = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 };

export function listenToKeys({ watchlist, search, back }) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (ownsKey(event.target, event.key)) return;
    if (event.key === "/") search.focus();
    else if (event.key in STEPS) watchlist.move(STEPS[event.key]);
    else if (event.key === "Enter" && !isControl(event.target)) watchlist.enter();
    else if (event.key === "Escape") back();
    else return;
    event.preventDefault();
  });
}

/** Whether a key belongs to the element that has the focus. */
function ownsKey(element, key) {
  if (element.type === "radio") return key.startsWith("Arrow");
  return element.matches("input, select, textarea");
}

function isControl(element) {
  return element.matches("a, button");
}
