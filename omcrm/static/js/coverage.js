/** The classes of the prices behind a value, as a bar, and the holdings without a value. */

import * as format from "./format.js";
import { describeMissing } from "./holdings_table.js";
import { createKeyedList } from "./keyed_list.js";
import { describeClass } from "./price_class.js";
import { write } from "./template.js";

const SVG = "http://www.w3.org/2000/svg";
const NOTHING = "Nothing is valued yet.";

export function createCoverage(bar, list, note) {
  const bars = createKeyedList(bar, { create: createBar, keyOf });
  const entries = createKeyedList(list, { create: createEntry, keyOf });

  return {
    draw({ classes, oldest, missing, unchanging, lines }, now) {
      const counted = classes.filter(({ percent }) => percent !== null);
      let start = 0;
      bars.draw(counted.map((share) => ({ ...share, start: (start += share.percent) - share.percent })));
      entries.draw(classes);
      const words = classes.map(describe).join(", ") || NOTHING;
      if (bar.getAttribute("aria-label") !== words) bar.setAttribute("aria-label", words);
      write(note, [age(oldest, now), gaps(missing), unknown(unchanging, lines)].filter(Boolean).join(" "));
    },
  };
}

const keyOf = ({ name }) => name;

function describe({ name, percent, value }) {
  const { label } = describeClass(name);
  if (percent === null) return `${label} ${format.price(value, 2)} USD, not counted`;
  return `${label} ${format.rate(percent)} %`;
}

function age(oldest, now) {
  return oldest ? `Oldest price: ${oldest.symbol}, ${format.duration(now - oldest.at)}.` : "";
}

function gaps(missing) {
  if (missing.length === 0) return "";
  const named = missing.map(({ symbol, missing: reason }) => `${symbol} (${describeMissing(reason).toLowerCase()})`);
  return `Without a value: ${named.join(", ")}.`;
}

function unknown(unchanging, lines) {
  const valued = new Set(lines.filter(({ missing, isCounted }) => !missing && isCounted).map(({ symbol }) => symbol));
  const named = unchanging.filter((symbol) => valued.has(symbol));
  if (named.length === 0) return "";
  return `No source has yesterday's price of ${named.join(", ")}: not in the daily change.`;
}

function createBar() {
  const element = document.createElementNS(SVG, "rect");
  element.setAttribute("height", 10);
  return {
    element,
    draw({ name, start, percent }) {
      element.dataset.class = name;
      element.setAttribute("x", start);
      element.setAttribute("width", percent);
    },
  };
}

function createEntry() {
  const element = document.createElement("li");
  const badge = document.createElement("span");
  badge.className = "badge";
  const figures = document.createElement("span");
  figures.className = "num";
  element.append(badge, figures);
  return {
    element,
    draw(share) {
      element.dataset.class = share.name;
      write(badge, describeClass(share.name).label);
      write(figures, describe(share).slice(describeClass(share.name).label.length + 1));
    },
  };
}
