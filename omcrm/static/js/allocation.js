/** The ring of each holding's share of the portfolio, and its legend; the smallest are one slice. */

import * as format from "./format.js";
import { createKeyedList } from "./keyed_list.js";
import { write } from "./template.js";

const SVG = "http://www.w3.org/2000/svg";
const SLICES = 7;
const OTHER = "Other";
// The eighth colour is for all others.
const OTHER_COLOUR = SLICES + 1;
const GAP = 0.6;

export function createAllocation(section, ring, legend) {
  const colours = new Map([[OTHER, OTHER_COLOUR]]);
  const arcs = createKeyedList(ring, { create: createArc, keyOf });
  const entries = createKeyedList(legend, { create: createEntry, keyOf });

  /** A symbol keeps its colour while it has its own slice. */
  function colour(slices) {
    const names = new Set(slices.map(({ symbol }) => symbol));
    for (const name of colours.keys()) if (name !== OTHER && !names.has(name)) colours.delete(name);
    for (const slice of slices) {
      if (!colours.has(slice.symbol)) colours.set(slice.symbol, free(colours));
      slice.colour = colours.get(slice.symbol);
    }
  }

  return {
    draw(lines) {
      const slices = slice(lines);
      colour(slices);
      section.hidden = slices.length === 0;
      arcs.draw(slices);
      entries.draw(slices);
    },
  };
}

const keyOf = ({ symbol }) => symbol;

function free(colours) {
  const taken = new Set(colours.values());
  return Array.from({ length: SLICES }, (_, index) => index + 1).find((colour) => !taken.has(colour));
}

function slice(lines) {
  const counted = lines.filter(({ share }) => share > 0).map(({ symbol, share }) => ({ symbol, share }));
  counted.sort((one, other) => other.share - one.share);
  const slices = counted.slice(0, SLICES);
  const rest = counted.slice(SLICES).reduce((total, { share }) => total + share, 0);
  if (rest > 0) slices.push({ symbol: OTHER, share: rest });
  let start = 0;
  for (const slice of slices) {
    slice.start = start;
    start += slice.share;
  }
  return slices;
}

function createArc() {
  const element = document.createElementNS(SVG, "circle");
  for (const [name, value] of Object.entries({ cx: 50, cy: 50, r: 40, pathLength: 100 })) {
    element.setAttribute(name, value);
  }
  return {
    element,
    draw({ share, start, colour }) {
      const length = share >= 100 ? 100 : Math.max(share - GAP, 0.2);
      element.dataset.slice = colour;
      element.setAttribute("stroke-dasharray", `${length} ${100 - length}`);
      element.setAttribute("stroke-dashoffset", -start);
    },
  };
}

function createEntry() {
  const element = document.createElement("li");
  const name = document.createElement("span");
  const share = document.createElement("span");
  share.className = "num";
  element.append(name, share);
  return {
    element,
    draw(slice) {
      element.dataset.slice = slice.colour;
      write(name, slice.symbol);
      write(share, `${format.rate(slice.share)} %`);
    },
  };
}
