/** The prices that were held back, and what the others said then. */

import * as format from "./format.js";
import { createKeyedList } from "./keyed_list.js";
import { describeSource } from "./price_class.js";
import { describeReason } from "./refusal.js";
import { copyTemplate, write } from "./template.js";

export function createFeedQuarantine(table, empty, count, decimalsOf) {
  const list = createKeyedList(table.tBodies[0], {
    keyOf: (refusal) => JSON.stringify(refusal),
    create: (refusal) => createRow(refusal, decimalsOf(refusal.symbol)),
  });

  return {
    /** Draws the last refusals, newest first, and how many there were by reason. */
    draw(refusals, refused) {
      list.draw(refusals);
      table.hidden = refusals.length === 0;
      empty.hidden = !table.hidden;
      write(empty, "No price was held back since this server started: all that came could be believed.");
      write(count, describeCounts(refused));
    },
  };
}

function describeCounts(refused) {
  const counts = Object.entries(refused).filter(([, number]) => number > 0);
  if (counts.length === 0) return "";
  return `Refused since the start: ${counts.map(([name, number]) => `${format.count(number)} × ${describeReason(name)}`).join(", ")}`;
}

// One refusal; it never changes.

function createRow(refusal, decimals) {
  const { element, part } = copyTemplate("quarantine-template");
  const price = (value) => format.price(value, decimals);
  element.dataset.source = refusal.source;
  element.dataset.symbol = refusal.symbol;
  part.at.dateTime = refusal.at;
  part.at.textContent = format.dayAndSecond(refusal.at);
  part.source.textContent = describeSource(refusal.source);
  part.symbol.textContent = refusal.symbol;
  part.reason.textContent = describeReason(refusal.reason);
  part.price.textContent = describePrice(refusal, price);
  part.distance.textContent = describeDistance(refusal);
  part.held.textContent = price(refusal.held);
  part.others.append(...createOthers(refusal.others, price));
  return { element };
}

function describePrice({ price: traded, bid, ask }, price) {
  if (traded !== null) return price(traded);
  return bid === null && ask === null ? format.ABSENT : `${price(bid)} / ${price(ask)}`;
}

/** How far a refused price is from the source's own last one. */
function describeDistance({ price, bid, ask, held }) {
  const said = price ?? (bid !== null && ask !== null ? (bid + ask) / 2 : null);
  if (said === null || !held) return "";
  return format.percent((said / held - 1) * 100);
}

function createOthers(others, price) {
  if (others.length === 0) return ["Nobody else had a fresh price."];
  return others.map(({ source, price: said }) => {
    const line = document.createElement("span");
    line.className = "other";
    line.textContent = `${describeSource(source)} ${price(said)}`;
    return line;
  });
}
