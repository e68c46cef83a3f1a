/** The list of all instruments in groups, with a cursor that keys move. */

import { createFrame } from "./frame.js";
import { createRow } from "./row.js";

const GROUPS = [
  ["crypto", "Crypto"],
  ["stock", "Stocks"],
  ["forex", "Forex"],
];

export function createWatchlist(table, instruments, store, onSelect) {
  const rows = new Map();
  const groups = [];
  const changed = new Set();
  const rowTemplate = document.getElementById("row-template");
  const groupTemplate = document.getElementById("group-template");
  let cursor = null;

  const drawChanged = createFrame(() => {
    for (const symbol of changed) rows.get(symbol).draw(store.get(symbol));
    changed.clear();
  });

  function addGroup(label, members) {
    const body = groupTemplate.content.firstElementChild.cloneNode(true);
    body.querySelector(".group-name").textContent = label;
    body.querySelector(".group-count").textContent = members.length;
    for (const instrument of members) addRow(body, instrument);
    groups.push(body);
    table.append(body);
  }

  function addRow(body, instrument) {
    const row = createRow(rowTemplate, instrument);
    rows.set(instrument.symbol, row);
    body.append(row.element);
  }

  function visible() {
    return [...rows.values()].filter((row) => !row.element.hidden).map((row) => row.element);
  }

  function place(element) {
    if (!element) return;
    if (cursor) cursor.tabIndex = -1;
    cursor = element;
    cursor.tabIndex = 0;
  }

  for (const [type, label] of GROUPS) {
    const members = instruments.filter((instrument) => instrument.type === type);
    if (members.length) addGroup(label, members);
  }
  place(visible()[0]);

  store.subscribe(({ symbol }) => {
    if (!rows.has(symbol)) return;
    changed.add(symbol);
    drawChanged();
  });

  table.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-symbol]");
    if (row) onSelect(row.dataset.symbol);
  });
  table.addEventListener("focusin", (event) => place(event.target.closest("tr[data-symbol]")));

  return {
    /** Moves the cursor by so many visible rows and gives it the focus. */
    move(step) {
      const order = visible();
      const here = order.indexOf(cursor);
      const next = order[Math.min(order.length - 1, Math.max(0, here === -1 ? 0 : here + step))];
      place(next);
      next?.focus();
    },

    enter() {
      if (cursor && !cursor.hidden) onSelect(cursor.dataset.symbol);
    },

    /** Marks the row of the instrument that is shown in detail. */
    mark(symbol) {
      for (const [name, { element }] of rows) element.setAttribute("aria-selected", name === symbol);
      place(rows.get(symbol)?.element);
    },

    /** Shows only the instruments that match; returns their number. */
    filter(matches) {
      for (const { element, instrument } of rows.values()) element.hidden = !matches(instrument);
      for (const body of groups) body.hidden = !body.querySelector(".row:not([hidden])");
      const order = visible();
      if (!order.includes(cursor)) place(order[0]);
      return order.length;
    },

    drawAges(now) {
      for (const row of rows.values()) row.drawAge(now);
    },

    drawLink(isUp) {
      for (const row of rows.values()) row.drawLink(isUp);
    },
  };
}
