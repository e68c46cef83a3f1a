/** One instrument's row in the watchlist: updates only cells that change. */

import { flash } from "./flash.js";
import * as format from "./format.js";
import {
  NOT_CURRENT,
  describeBasis,
  describeClass,
  describeQuality,
  describeSign,
  describeSource,
  isCurrent,
} from "./price_class.js";
import { createRange } from "./range.js";

export function createRow(template, instrument) {
  const element = template.content.firstElementChild.cloneNode(true);
  const cell = (name) => element.querySelector(`[data-field="${name}"]`);
  const cells = Object.fromEntries(
    ["price", "sign", "change", "bid", "ask", "source", "age"].map((name) => [name, cell(name)]),
  );
  const badge = element.querySelector(".badge");
  const priceCell = element.querySelector(".col-price");
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
    if (isUp && isCurrent(next.price_class)) flash(priceCell, moved);
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
    cells.price.title = describeBasis(next?.price_basis).meaning;
    drawSign(describeSign(next ?? {}), describeQuality(next ?? {}));
  }

  function drawSign(sign, meaning) {
    badge.title = meaning;
    cells.sign.hidden = !sign;
    if (cells.sign.textContent !== sign) cells.sign.textContent = sign;
    if (cells.sign.title === meaning) return;
    cells.sign.title = meaning;
    cells.sign.setAttribute("aria-label", meaning);
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
