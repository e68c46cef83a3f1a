/** One instrument's row in the watchlist: updates only cells that change. */

import { flash } from "./flash.js";
import * as format from "./format.js";
import {
  NOT_CURRENT,
  describeBasis,
  describeClass,
  describeDivergence,
  describeSource,
  isCurrent,
} from "./price_class.js";
import { createRange } from "./range.js";

export function createRow(template, instrument) {
  const element = template.content.firstElementChild.cloneNode(true);
  const cell = (name) => element.querySelector(`[data-field="${name}"]`);
  const cells = Object.fromEntries(
    ["price", "change", "bid", "ask", "source", "age"].map((name) => [name, cell(name)]),
  );
  const badge = element.querySelector(".badge");
  const drawRange = createRange(element.querySelector(".range"));
  const { symbol, name, decimals } = instrument;
  let quote = null;
  let isUp = false;

  element.dataset.symbol = symbol;
  cell("symbol").textContent = symbol;
  cell("name").textContent = name;
  element.title = name;

  function drawPrice(next) {
    const moved = format.movement(quote?.price, next.price);
    cells.price.textContent = format.price(next.price, decimals);
    if (moved === "none") return;
    cells.price.dataset.tick = moved;
    if (isUp && isCurrent(next.price_class)) flash(cells.price, moved);
  }

  function drawFacts(next) {
    cells.change.textContent = format.percent(next.change_24h);
    cells.change.dataset.direction = format.changeDirection(next.change_24h);
    cells.bid.textContent = format.price(next.bid, decimals);
    cells.ask.textContent = format.price(next.ask, decimals);
    drawRange(next, decimals);
  }

  function drawClass(next) {
    const name = next?.price_class ?? "none";
    element.dataset.class = name;
    badge.textContent = isUp || !next ? describeClass(name).label : NOT_CURRENT;
    // The date of a recording comes before its source: the badge has no room for it.
    const day = next?.recorded_at ? `${format.day(next.recorded_at)} ` : "";
    cells.source.textContent = day + describeSource(next?.source);
    element.dataset.diverges = Boolean(next?.divergence);
    const remarks = [describeBasis(next?.price_basis).meaning, describeDivergence(next?.divergence)];
    cells.price.title = remarks.filter(Boolean).join(" ");
  }

  return {
    element,
    instrument,

    draw(next) {
      drawPrice(next);
      drawFacts(next);
      drawClass(next);
      quote = next;
    },

    drawAge(now) {
      const text = quote ? format.age(quote.received_at, now) : format.ABSENT;
      if (cells.age.textContent !== text) cells.age.textContent = text;
    },

    /** Shows the price as not current while the connection is down, else its class. */
    drawLink(nowUp) {
      isUp = nowUp;
      drawClass(quote);
    },
  };
}
