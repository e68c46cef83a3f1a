/** The table of sources: the state of each, and why it is idle where it is. */

import * as format from "./format.js";
import { describeSource, labelClass } from "./price_class.js";
import { describeState } from "./sources.js";
import { copyTemplate, write } from "./template.js";

const UNSERVED = "No active instrument has a name there.";

/** Why a source is idle; empty where its state shows that. */
function explain({ state, last_error, symbols }) {
  if (state === "off") return last_error ?? "No address is set.";
  if (state !== "standby") return "";
  return symbols === 0 ? UNSERVED : "Not needed: better sources have fresh prices.";
}

export function createFeedTable(table, clock) {
  const rows = new Map();
  const providers = {};

  function drawRow(name, status) {
    if (!rows.has(name)) rows.set(name, createRow(name));
    const { element, part } = rows.get(name);
    const isOff = status.state === "off";
    const figure = (text) => (isOff ? format.ABSENT : text);
    // Its price class, only while it has prices.
    const priceClass = status.active ? status.price_class : null;
    element.dataset.state = status.state;
    element.dataset.class = priceClass ?? "none";
    write(part.state, describeState(status.state));
    write(part.reason, explain(status));
    write(part.class, priceClass ? labelClass(priceClass, status.recorded_at) : "");
    write(part.url, status.url ?? "");
    write(part.rate, figure(format.rate(status.messages_per_second)));
    write(part.messages, figure(format.count(status.messages)));
    write(part.reconnects, figure(format.count(status.reconnects)));
    write(part.since, format.dayAndTime(status.connected_since));
    write(part.error, figure(status.last_error ?? format.ABSENT));
    drawAge(part, status);
  }

  function createRow(name) {
    const row = copyTemplate("feed-template");
    row.element.dataset.source = name;
    row.part.name.textContent = describeSource(name);
    table.tBodies[0].append(row.element);
    return row;
  }

  function drawAge(part, status) {
    write(part.age, format.age(status.last_message_at, clock.now()));
  }

  return {
    /** Draws the changed fields of the sources in an update. */
    draw(update) {
      for (const [name, status] of Object.entries(update)) {
        providers[name] = { ...providers[name], ...status };
        drawRow(name, providers[name]);
      }
    },

    drawAges() {
      for (const [name, { part }] of rows) drawAge(part, providers[name]);
    },
  };
}
