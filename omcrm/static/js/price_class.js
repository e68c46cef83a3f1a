/** The names of price classes, bases and sources, and what they mean for a trader. */

import * as format from "./format.js";

const CLASSES = {
  live: { label: "Live", meaning: "" },
  simulated: {
    label: "Simulated",
    meaning: "Simulated in this demonstration installation. Not a market price.",
  },
  replayed: {
    label: "Replayed",
    meaning: "From a recording of that day, played back. Not a price of now. It fills no order.",
  },
  delayed: {
    label: "Delayed",
    meaning: "The source sends this price late. It fills no order.",
  },
  indicative: {
    label: "Indicative",
    meaning: "Polled from time to time, not streamed. It fills no order.",
  },
  closed: {
    label: "Closed",
    meaning: "The market is closed. This is its last price.",
  },
  stale: {
    label: "Stale",
    meaning: "Too old while its market is open: the source sends no prices. It fills no order.",
  },
  last_resort: {
    label: "Last resort",
    meaning: "A fixed price of this instrument, shown because no source has one. It is never traded on.",
  },
  none: { label: "No price", meaning: "No source has sent a price yet." },
};

/** The label of every price while the connection is down. */
export const NOT_CURRENT = "Not current";

// The labels that the providers declare.
const SOURCES = JSON.parse(document.querySelector("meta[name=source-labels]").content);

const CURRENT = new Set(["live", "simulated", "replayed"]);

export function describeClass(name) {
  return CLASSES[name] ?? { label: name, meaning: "" };
}

const STALE_BECAUSE = {
  source_down: "Its source is down while its market is open. It fills no order.",
  contradicted: "Another live source, or its source's own book, contradicts this price. It fills no order.",
  cancelled: "The source has taken its last trade back. It fills no order.",
};

const STALE_SIGNS = { contradicted: "≠", cancelled: "✕" };

/** The sign beside a price that is contradicted, cancelled, or unusually far from another one. */
export function describeSign({ stale_reason, divergence } = {}) {
  return STALE_SIGNS[stale_reason] ?? (divergence ? "≠" : "");
}

/** What the class of a price means, and how far another live source is where that is unusual. */
export function describeQuality({ price_class = "none", stale_reason, divergence } = {}) {
  const meaning = STALE_BECAUSE[stale_reason] ?? describeClass(price_class).meaning;
  return divergence ? `${meaning} ${describeDivergence(divergence)}`.trim() : meaning;
}

/** How far another live source is; empty where that is usual. */
function describeDivergence(divergence) {
  return divergence ? `Another live source is ${(divergence * 100).toFixed(1)} % away.` : "";
}

/** The label of a class, with the date of the recording where the price is of one. */
export function labelClass(name, recordedAt) {
  const { label } = describeClass(name);
  return recordedAt ? `${label} ${format.day(recordedAt)}` : label;
}

/** What a price is where it is no trade; empty for a trade. */
export function describeBasis(name) {
  return name === "mid" ? { label: "Mid", meaning: "Halfway between bid and ask, not a trade." } : { label: "", meaning: "" };
}

/** Whether a price of this class moves with its market, also with an invented or a recorded one. */
export function isCurrent(name) {
  return CURRENT.has(name);
}

export function describeSource(name) {
  if (!name) return "";
  return SOURCES[name] ?? name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");
}
