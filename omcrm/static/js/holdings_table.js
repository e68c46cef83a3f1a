/** The table of holdings: updates only cells that change. */

import { flash } from "./flash.js";
import * as format from "./format.js";
import { NOT_CURRENT, isCurrent, labelClass } from "./price_class.js";
import { write } from "./template.js";

const BASES = { "24h": "in 24 h", previous_close: "since the last close" };
const REASONS = {
  not_followed: "No longer active",
  no_price: "No price yet",
  no_rate: "No exchange rate",
  unknown_currency: "Currency not known",
};

export function describeMissing(reason) {
  return REASONS[reason] ?? format.words(reason);
}

export function createHoldingsTable(table) {
  const rows = new Map(
    [...(table?.tBodies[0].rows ?? [])].map((element) => [element.dataset.symbol, createRow(element)]),
  );

  return {
    draw(lines, isUp) {
      for (const line of lines) rows.get(line.symbol)?.(line, isUp);
    },
  };
}

function createRow(element) {
  const cells = [...element.querySelectorAll("[data-field]")];
  const part = Object.fromEntries(cells.map((cell) => [cell.dataset.field, cell]));
  let shown = null;

  return (line, isUp) => {
    const moved = format.movement(shown, line.price);
    element.dataset.class = line.missing ? "none" : line.priceClass;
    write(part.price, priceOf(line));
    if (moved !== "none") {
      part.price.dataset.tick = moved;
      if (isUp && isCurrent(line.priceClass)) flash(part.price, moved);
    }
    shown = line.price;
    write(part.class, classOf(line, isUp));
    write(part.value, format.price(line.value, 2));
    write(part.share, line.share === null ? notCounted(line) : `${format.rate(line.share)} %`);
    drawSigned(part.change, line.change);
    write(part.change_percent, note(line.changePercent, BASES[line.basis]));
    drawSigned(part.profit, line.profit);
    write(part.profit_percent, note(line.profitPercent));
  };
}

/** With its currency where that is not the dollar. */
function priceOf({ price, decimals, currency }) {
  const figure = format.price(price, decimals);
  return price === null || currency === "USD" || !currency ? figure : `${figure} ${currency}`;
}

function note(percent, words = "") {
  return percent === null ? "" : `${format.percent(percent)} ${words}`.trimEnd();
}

function classOf({ missing, priceClass, recordedAt }, isUp) {
  if (missing) return describeMissing(missing);
  return isUp ? labelClass(priceClass, recordedAt) : NOT_CURRENT;
}

function notCounted({ missing }) {
  return missing ? "" : "not counted";
}

/** An amount with its sign and its arrow. */
export function drawSigned(element, value) {
  write(element, format.signed(value, 2));
  element.dataset.direction = format.signedDirection(value, 2);
}
