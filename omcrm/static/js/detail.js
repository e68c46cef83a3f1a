/** The selected instrument: its price, its figures, and the source of the price. */

import { flash } from "./flash.js";
import * as format from "./format.js";
import { createFrame } from "./frame.js";
import {
  NOT_CURRENT,
  describeBasis,
  describeQuality,
  describeSource,
  isCurrent,
  labelClass,
} from "./price_class.js";
import { createRange } from "./range.js";

const FIELDS = [
  "symbol", "name", "class", "price", "basis", "change", "bid", "ask", "spread", "volume",
  "meaning", "source", "provider_time", "received_at", "age", "seq",
];

export function createDetail(panel, store) {
  const field = Object.fromEntries(
    FIELDS.map((name) => [name, panel.querySelector(`[data-field="${name}"]`)]),
  );
  const drawRange = createRange(panel.querySelector(".range"));
  let instrument = null;
  let drawn = null;
  let isUp = false;

  function draw() {
    const quote = store.get(instrument.symbol);
    drawPrice(quote);
    drawFacts(quote);
    drawClass(quote);
    drawPassport(quote);
    drawn = quote;
  }

  function drawPrice(quote) {
    const moved = format.movement(drawn?.price, quote?.price);
    field.price.textContent = format.price(quote?.price, instrument.decimals);
    if (moved === "none") return;
    field.price.dataset.tick = moved;
    if (isUp && isCurrent(quote.price_class)) flash(field.price, moved);
  }

  function drawFacts(quote) {
    const { decimals } = instrument;
    field.change.textContent = format.percent(quote?.change_24h);
    field.change.dataset.direction = format.changeDirection(quote?.change_24h);
    field.bid.textContent = format.price(quote?.bid, decimals);
    field.ask.textContent = format.price(quote?.ask, decimals);
    field.spread.textContent = format.spread(quote?.bid, quote?.ask, decimals);
    field.volume.textContent = format.amount(quote?.volume_24h);
    drawRange(quote, decimals);
  }

  function drawClass(quote) {
    const name = quote?.price_class ?? "none";
    const meaning = describeQuality(quote ?? {});
    panel.dataset.class = name;
    field.class.textContent = isUp || !quote ? labelClass(name, quote?.recorded_at) : NOT_CURRENT;
    field.meaning.textContent = meaning;
    field.meaning.hidden = !meaning;
    drawBasis(quote?.price_basis);
  }

  function drawBasis(name) {
    const { label, meaning } = describeBasis(name);
    field.basis.textContent = label;
    field.basis.title = meaning;
    field.basis.hidden = !label;
  }

  function drawPassport(quote) {
    const exact = { milliseconds: true };
    field.source.textContent = describeSource(quote?.source) || format.ABSENT;
    field.provider_time.textContent = format.timeOfDay(quote?.provider_time, exact);
    field.received_at.textContent = format.timeOfDay(quote?.received_at, exact);
    field.seq.textContent = format.count(quote?.seq);
  }

  const drawSoon = createFrame(() => instrument && draw());
  store.subscribe((quote) => {
    if (quote.symbol === instrument?.symbol) drawSoon();
  });

  /** The price in the window's title, while it is current. */
  function drawTitle() {
    const quote = instrument && store.get(instrument.symbol);
    const isShown = quote && isUp && isCurrent(quote.price_class);
    const figure = isShown ? `${format.price(quote.price, instrument.decimals)} ` : "";
    document.title = `${figure}${instrument?.symbol ?? "Desk"} · OMCRM`;
  }

  return {
    show(next) {
      instrument = next;
      drawn = null;
      panel.dataset.symbol = next.symbol;
      field.symbol.textContent = next.symbol;
      field.name.textContent = next.name;
      delete field.price.dataset.tick;
      draw();
    },

    /** Draws what changes with time: the age, and the window's title. */
    drawTime(now) {
      drawTitle();
      const quote = instrument && store.get(instrument.symbol);
      field.age.textContent = quote ? format.age(quote.received_at, now) : format.ABSENT;
    },

    drawLink(nowUp) {
      isUp = nowUp;
      drawTitle();
      if (instrument) drawClass(store.get(instrument.symbol));
    },
  };
}
