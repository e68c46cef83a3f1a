/** What happened to the feeds, newest first, by source and kind. */

import * as format from "./format.js";
import { createKeyedList } from "./keyed_list.js";
import { describeSource } from "./price_class.js";
import { describeReason } from "./refusal.js";
import { describeState } from "./sources.js";
import { copyTemplate, write } from "./template.js";

const KINDS = {
  took_over: "Took over",
  gave_back: "Came back",
  began: "First price",
  state: "State",
  quarantine: "Held back",
};
// More symbols are folded up.
const MOST_SYMBOLS = 8;

/** `filters` are the two choices, of a source and of a kind. */
export function createFeedEvents(table, empty, count, filters) {
  let events = [];
  const list = createKeyedList(table.tBodies[0], { keyOf: ({ key }) => key, create: createRow });
  for (const [kind, label] of Object.entries(KINDS)) filters.kind.add(new Option(label, kind));
  for (const each of Object.values(filters)) each.addEventListener("change", draw);

  function draw() {
    const { source, kind } = filters;
    const chosen = events.filter(
      (each) => (!source.value || concerns(each, source.value)) && (!kind.value || each.kind === kind.value),
    );
    list.draw(chosen);
    table.hidden = chosen.length === 0;
    empty.hidden = !table.hidden;
    write(empty, describeAbsence(events.length));
    write(count, events.length === 0 ? "" : describeCount(chosen.length, events.length));
  }

  // A choice that is open is not disturbed: sources are only added.
  function offer(sources) {
    const offered = new Set([...filters.source.options].map(({ value }) => value));
    for (const each of sources) {
      if (!offered.has(each)) filters.source.add(new Option(describeSource(each), each));
      offered.add(each);
    }
  }

  return {
    draw(latest) {
      events = withKeys(latest);
      offer(events.flatMap(({ source, before }) => (before ? [source, before] : [source])));
      draw();
    },
  };
}

function concerns({ source, before }, name) {
  return source === name || before === name;
}

function describeAbsence(count) {
  return count === 0
    ? "Nothing has happened yet. The first price of a source, every change of speaker and every price held back is noted here."
    : `None of the last ${count} events is of this kind and source.`;
}

function describeCount(shown, all) {
  return shown === all ? `The last ${all}` : `${shown} of the last ${all}`;
}

/** Events have no number: what is the same in every word is counted, from the oldest on. */
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
  if (kind === "state") return sentence(describeTurn(reason));
  if (kind === "quarantine") return sentence(describeRefusal(reason));
  const named = [source, before].reduce(
    (text, name) => (name && text.startsWith(`${name} `) ? describeSource(name) + text.slice(name.length) : text),
    reason,
  );
  // How long the one before was silent matters only where that is why it speaks no more.
  const isSilent = kind === "took_over" && silent_seconds !== null;
  return sentence(isSilent ? `${named}, silent for ${format.seconds(silent_seconds)}` : named);
}

/** "waiting: refused" in words. */
function describeTurn(reason) {
  const [state, ...problem] = reason.split(": ");
  const why = problem.join(": ");
  if (!why) return describeState(state);
  return why.startsWith(state) ? why : `${describeState(state)}: ${why}`;
}

/** "jump: price 3; kraken says 1" in words. */
function describeRefusal(text) {
  const [reason, ...prices] = text.split(": ");
  const said = prices.join(": ").replace(/\w+(?= says )/g, (name) => describeSource(name));
  return `${describeReason(reason)}: ${said}`;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
