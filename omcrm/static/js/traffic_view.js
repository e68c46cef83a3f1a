/** Draws what was said on a socket, through the filters above it. */

import { copyTemplate } from "./template.js";
import { written } from "./traffic.js";

const MARKS = { sent: "↑", received: "↓", note: "·" };

export function createTrafficView(traffic, { log, empty, count, direction, filter }) {
  const rows = new Map();
  let isDue = false;

  function createRow({ direction: way, text, size, at }) {
    const { element, part } = copyTemplate("entry");
    element.dataset.direction = way;
    part.direction.textContent = MARKS[way];
    part.direction.setAttribute("aria-label", way);
    part.time.textContent = at.toISOString().slice(11, 23);
    part.time.dateTime = at.toISOString();
    part.size.textContent = size === null ? "" : `${size} B`;
    part.text.textContent = text;
    return element;
  }

  const found = () => traffic.find(direction.value, filter.value.trim());

  function draw() {
    isDue = false;
    const shown = found();
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    const numbers = new Set(shown.map(({ number }) => number));
    for (const [number, row] of rows) {
      if (!numbers.has(number)) {
        row.remove();
        rows.delete(number);
      }
    }
    let next = null;
    for (const each of shown.toReversed()) {
      if (!rows.has(each.number)) rows.set(each.number, createRow(each));
      const row = rows.get(each.number);
      if (row.nextElementSibling !== next || row.parentNode !== log) log.insertBefore(row, next);
      next = row;
    }
    empty.hidden = shown.length > 0;
    empty.textContent = traffic.count() ? "Nothing fits the filter." : "Nothing was said yet.";
    count.textContent = traffic.count() ? `${shown.length} of ${traffic.count()}` : "";
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  }

  function drawSoon() {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(draw);
  }

  traffic.subscribe(drawSoon);
  direction.addEventListener("change", drawSoon);
  filter.addEventListener("input", drawSoon);
  draw();

  return {
    /** What is shown, as lines of text. */
    text: () => found().map(written).join("\n"),
  };
}
