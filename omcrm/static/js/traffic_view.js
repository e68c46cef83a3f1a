/** Draws the messages of a socket that match the filters. */

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

  const matching = () => traffic.find(direction.value, filter.value.trim());

  function draw() {
    isDue = false;
    const shown = matching();
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    const numbers = new Set(shown.map(({ number }) => number));
    for (const [number, row] of rows) {
      if (!numbers.has(number)) {
        row.remove();
        rows.delete(number);
      }
    }
    let next = null;
    for (const entry of shown.toReversed()) {
      if (!rows.has(entry.number)) rows.set(entry.number, createRow(entry));
      const row = rows.get(entry.number);
      if (row.nextElementSibling !== next || row.parentNode !== log) log.insertBefore(row, next);
      next = row;
    }
    empty.hidden = shown.length > 0;
    empty.textContent = traffic.count() ? "No message matches the filter." : "No messages yet.";
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
    /** The shown entries as lines of text. */
    text: () => matching().map(written).join("\n"),
  };
}
