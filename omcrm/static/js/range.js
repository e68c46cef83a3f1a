/** Draws a price between the low and the high of its day. */

import * as format from "./format.js";

export function createRange(element) {
  const low = element.querySelector(".range-low");
  const high = element.querySelector(".range-high");
  const mark = element.querySelector(".range-mark");

  return function draw(quote, decimals) {
    low.textContent = format.price(quote?.low_24h, decimals);
    high.textContent = format.price(quote?.high_24h, decimals);
    const at = percentOfRange(quote);
    element.toggleAttribute("data-empty", at === null);
    if (at !== null) mark.style.setProperty("--at", at.toFixed(1));
  };
}

function percentOfRange(quote) {
  const { price, low_24h: low, high_24h: high } = quote ?? {};
  if (price == null || low == null || high == null || !(high > low)) return null;
  return Math.min(100, Math.max(0, ((price - low) / (high - low)) * 100));
}
