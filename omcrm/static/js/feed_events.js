/** The events of the feeds, newest first, filtered by source and kind. */

import * as format from "./format.js";
import { createKeyedList } from "./keyed_list.js";
import { describeSource } from "./price_class.js";
import { describeReason } from "./rejection.js";
import { describeState } from "./sources.js";
import { copyTemplate, write } from "./template.js";

const KINDS = {
  took_over: "Took over",
  gave_back: "Came back",
  began: "First price",
  state: "State",
  quarantine: "Rejected",
};
// More symbols are collapsed.
const MOST_SYMBOLS = 8;

/** `filters` are the two selects, of a source and of a kind. */
export function createFeedEvents(table, empty, count, filters) {
  let events = [];
  const list = createKeyedList(table.tBodies[0], { keyOf: ({ key }) => key, create: createRow });
  for (const [kind, label] of Object.entries(KINDS)) filters.kind.add(new Option(label, kind));
  for (const filter of Object.values(filters)) filter.addEventListener("change", draw);

  function draw() {
    const { source, kind } = filters;
    const chosen = events.filter(
      (event) => (!source.value || concerns(event, source.value)) && (!kind.value || event.kind === kind.value),
    );
    list.draw(chosen);
    table.hidden = chosen.length === 0;
    empty.hidden = !table.hidden;
    write(empty, describeAbsence(events.length));
    write(count, events.length === 0 ? "" : describeCount(chosen.length, events.length));
  }

  // Sources are only added, so that an open select does not change.
  function addOptions(sources) {
    const known = new Set([...filters.source.options].map(({ value }) => value));
    for (const source of sources) {
      if (!known.has(source)) filters.source.add(new Option(describeSource(source), source));
      known.add(source);
    }
  }

  return {
    draw(latest) {
      events = withKeys(latest);
      addOptions(events.flatMap(({ source, before }) => (before ? [source, before] : [source])));
      draw();
    },
  };
}

function concerns({ source, before }, name) {
  return source === name || before === name;
}

function describeAbsence(count) {
  return count === 0
    ? "No events yet. Each source's first price, every failover and every rejected price is listed here."
    : `None of the last ${count} events is of this kind and source.`;
}

function describeCount(shown, all) {
  return shown === all ? `The last ${all}` : `${shown} of the last ${all}`;
}

/** Events have no id: the key is their text, and a count for equal ones, from the oldest on. */
function withKeys(events) {
  const seen = new Map();
  return events
    .toReversed()
    .map((event) => {
      const text = JSON.stringify(event);
      seen.set(text, (seen.get(text) ?? 0) + 1);
      return { ...event, key: `${text} ${seen.get(text)}` };
    })
    .toReversed();
}

// One event; it never changes.

function createRow(event) {
  const { element, part } = copyTemplate("event-template");
  element.dataset.kind = event.kind;
  element.dataset.source = event.source;
  part.at.dateTime = event.at;
  part.at.textContent = format.dayAndSecond(event.at);
  part.kind.textContent = KINDS[event.kind] ?? format.words(event.kind);
  part.source.textContent = describeSource(event.source);
  part.before.textContent = event.before ? `after ${describeSource(event.before)}` : "";
  part.symbols.append(...createSymbols(event.symbols));
  part.what.textContent = describeEvent(event);
  return { element };
}

function createSymbols(symbols) {
  if (symbols.length <= MOST_SYMBOLS) return [symbols.join(", ") || format.ABSENT];
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = `${symbols.length} instruments`;
  details.append(summary, symbols.join(", "));
  return [details];
}

const FAILOVERS = {
  first_price: () => "first price",
  source_down: ({ before }) => `${describeSource(before)} is down`,
  source_stale: ({ before }) => `${describeSource(before)} is stale`,
  source_recovered: ({ source }) => `${describeSource(source)} has recovered`,
  market_closed: () => "the market is closed",
};

function describeEvent(event) {
  const { kind, silent_seconds } = event;
  // How long the source before was silent matters only where that caused the failover.
  const isSilent = kind === "took_over" && silent_seconds !== null;
  const text = describeCode(event) + (isSilent ? `, silent for ${format.seconds(silent_seconds)}` : "");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function describeCode(event) {
  const { kind, code, reason } = event;
  // An event that was stored before there were codes has only its sentence.
  if (code === null) return reason;
  if (kind === "state") return describeChange(event);
  if (kind === "quarantine") return `${describeReason(code)}: ${describePrices(event.figures)}`;
  return FAILOVERS[code]?.(event) ?? reason;
}

function describeChange({ code, figures, cause }) {
  const state = describeState(figures.state);
  if (cause === null) return state;
  // That sentence begins with the state.
  return code === "no_data" && figures.state === "connected" ? cause : `${state}: ${cause}`;
}

/** A rejected price, and those that it was compared with. */
function describePrices({ price, bid, ask, held, others = [] }) {
  const book = bid === undefined ? "book" : `book ${bid} / ${ask}`;
  const texts = [price === undefined ? book : `price ${price}`];
  if (held !== undefined) texts.push(`its last price was ${held}`);
  return [...texts, ...others.map((other) => `${describeSource(other.source)} says ${other.price}`)].join("; ");
}
