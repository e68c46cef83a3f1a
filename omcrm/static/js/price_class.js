/** The names of price classes and sources, and what a class means for a trader. */

const CLASSES = {
  live: { label: "Live", meaning: "" },
  simulated: {
    label: "Simulated",
    meaning: "Simulated in this demonstration installation. Not a market price.",
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

const CURRENT = new Set(["live", "simulated"]);

export function describeClass(name) {
  return CLASSES[name] ?? { label: name, meaning: "" };
}

/** Whether a price of this class is a current market price. */
export function isCurrent(name) {
  return CURRENT.has(name);
}

export function describeSource(name) {
  if (!name) return "";
  return SOURCES[name] ?? name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");
}
