/** Which markets are open, why, and when that changes. */

import * as format from "./format.js";
import { createStatusItem } from "./status_item.js";

const NAMES = {
  crypto: "Crypto",
  forex: "Forex",
  XNYS: "New York",
  XLON: "London",
  XETR: "Frankfurt",
  XTKS: "Tokyo",
  XHKG: "Hong Kong",
};

export function createMarkets(list, clock) {
  return function draw({ markets }) {
    list.replaceChildren(...markets.map((market) => createItem(market, clock.now())));
  };
}

function createItem(market, now) {
  const { is_open: isOpen, reason } = market;
  const name = NAMES[market.name] ?? market.name;
  const change = isOpen ? market.closes_at : market.opens_at;
  const verb = isOpen ? "closes" : "opens";
  const notes = [reason, change && `${verb} ${format.moment(change)}`].filter(Boolean);
  const item = createStatusItem(name, isOpen ? "open" : "closed", notes.join(" · "));
  item.dataset.market = market.name;
  item.dataset.open = String(isOpen);
  if (change) item.title = `${name} ${verb} in ${format.duration(Date.parse(change) - now, 2)}`;
  return item;
}
