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

function describeEvent({ kind, source, before, reason, silent_seconds }) {
  if (kind === "state") return sentence(describeChange(reason));
  if (kind === "quarantine") return sentence(describeRejection(reason));
  const named = [source, before].reduce(
    (text, name) => (name && text.startsWith(`${name} `) ? describeSource(name) + text.slice(name.length) : text),
    reason,
  );
  // How long the source before was silent matters only where that caused the failover.
  const isSilent = kind === "took_over" && silent_seconds !== null;
  return sentence(isSilent ? `${named}, silent for ${format.seconds(silent_seconds)}` : named);
}

/** "waiting: refused" in words. */
function describeChange(reason) {
  const [state, ...problem] = reason.split(": ");
  const cause = problem.join(": ");
  if (!cause) return describeState(state);
  return cause.startsWith(state) ? cause : `${describeState(state)}: ${cause}`;
}

/** "jump: price 3; kraken says 1" in words. */
function describeRejection(text) {
  const [reason, ...prices] = text.split(": ");
  const named = prices.join(": ").replace(/\w+(?= says )/g, (name) => describeSource(name));
  return `${describeReason(reason)}: ${named}`;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
