/** The rejected prices, and the other sources' prices at that time. */

import * as format from "./format.js";
import { createKeyedList } from "./keyed_list.js";
import { describeSource } from "./price_class.js";
import { describeReason } from "./rejection.js";
import { copyTemplate, write } from "./template.js";

export function createFeedQuarantine(table, empty, count, decimalsOf) {
  const list = createKeyedList(table.tBodies[0], {
    keyOf: (rejection) => JSON.stringify(rejection),
    create: (rejection) => createRow(rejection, decimalsOf(rejection.symbol)),
  });

  return {
    /** Draws the last rejections, newest first, and the counts by reason. */
    draw(rejections, counts) {
      list.draw(rejections);
      table.hidden = rejections.length === 0;
      empty.hidden = !table.hidden;
      write(empty, "No price was rejected since this server started.");
      write(count, describeCounts(counts));
    },
  };
}

function describeCounts(byReason) {
  const counts = Object.entries(byReason).filter(([, number]) => number > 0);
  if (counts.length === 0) return "";
  return `Rejected since the start: ${counts.map(([name, number]) => `${format.count(number)} × ${describeReason(name)}`).join(", ")}`;
}

// One rejection; it never changes.

function createRow(rejection, decimals) {
  const { element, part } = copyTemplate("quarantine-template");
  const price = (value) => format.price(value, decimals);
  element.dataset.source = rejection.source;
  element.dataset.symbol = rejection.symbol;
  part.at.dateTime = rejection.at;
  part.at.textContent = format.dayAndSecond(rejection.at);
  part.source.textContent = describeSource(rejection.source);
  part.symbol.textContent = rejection.symbol;
  part.reason.textContent = describeReason(rejection.reason);
  part.price.textContent = describePrice(rejection, price);
  part.distance.textContent = describeDistance(rejection);
  part.held.textContent = price(rejection.held);
  part.others.append(...createOthers(rejection.others, price));
  return { element };
}

function describePrice({ price: traded, bid, ask }, price) {
  if (traded !== null) return price(traded);
  return bid === null && ask === null ? format.ABSENT : `${price(bid)} / ${price(ask)}`;
}

/** How far a rejected price is from the source's own last one. */
function describeDistance({ price, bid, ask, held }) {
  const rejected = price ?? (bid !== null && ask !== null ? (bid + ask) / 2 : null);
  if (rejected === null || !held) return "";
  return format.percent((rejected / held - 1) * 100);
}

function createOthers(others, price) {
  if (others.length === 0) return ["No other source had a fresh price."];
  return others.map(({ source, price: other }) => {
    const line = document.createElement("span");
    line.className = "other";
    line.textContent = `${describeSource(source)} ${price(other)}`;
    return line;
  });
}
