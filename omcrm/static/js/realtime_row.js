/** Rows of assets and portfolios: each writes only what differs from what it shows. */

import { flash } from "./flash.js";
import * as format from "./format.js";
import { describeClass, describeSource, isCurrent } from "./price_class.js";
import { write } from "./template.js";

const BASES = { "24h": "in 24 h", previous_close: "since the last close" };

export function createAssetRow(element) {
  const decimals = Number(element.dataset.decimals);
  const { part, ...row } = createRow(element, element.dataset.key);
  let shown = null;

  return {
    ...row,
    draw(told) {
      const moved = format.movement(shown, told.price);
      shown = told.price;
      element.dataset.class = told.price === null ? "none" : told.price_class;
      write(part.price, format.price(told.price, decimals));
      if (moved !== "none") {
        part.price.dataset.tick = moved;
        if (isCurrent(told.price_class)) flash(part.price, moved);
      }
      write(part.class, describeClass(told.price_class ?? "none").label);
      part.class.title = describeSource(told.source);
      drawSigned(part.change, told.change, decimals);
      write(part.change_percent, note(told.change_percent, BASES[told.change_basis]));
      write(part.high, format.price(told.high, decimals));
      write(part.low, format.price(told.low, decimals));
      write(part.time, format.timeOfDay(told.timestamp));
    },
  };
}

export function createPortfolioRow(element) {
  const name = element.querySelector("[data-field=name]").textContent;
  const { part, ...row } = createRow(element, name);

  return {
    ...row,
    draw(told) {
      const { coverage } = told;
      write(part.name, told.name);
      write(part.total_value, format.price(told.total_value, 2));
      drawSigned(part.daily_change, told.daily_change, 2);
      write(part.daily_change_percent, note(told.daily_change_percent));
      write(part.live, coverage.live_percent === null ? format.ABSENT : `${format.rate(coverage.live_percent)} %`);
      write(part.coverage, coverage.is_complete ? "" : "not all holdings count");
      write(part.time, format.timeOfDay(told.updated_at));
    },
  };
}

function createRow(element, label) {
  const parts = [...element.querySelectorAll("[data-field]")];
  const button = element.querySelector("button");
  element.dataset.off = "";

  return {
    label,
    part: Object.fromEntries(parts.map((each) => [each.dataset.field, each])),
    onToggle: (listener) => button.addEventListener("click", listener),

    /** Shows whether it is subscribed to: what is not stands still, and is grey. */
    turn(isOn) {
      write(button, isOn ? "Unsubscribe" : "Subscribe");
      button.setAttribute("aria-label", `${button.textContent} ${isOn ? "from" : "to"} ${label}`);
      if (isOn) delete element.dataset.off;
      else element.dataset.off = "";
    },
  };
}

function note(percent, words = "") {
  return format.direction(percent) === "none" && percent !== 0 ? "" : `${format.percent(percent)} ${words}`.trimEnd();
}

function drawSigned(element, value, decimals) {
  write(element, format.signed(value, decimals));
  element.dataset.direction = format.signedDirection(value, decimals);
}
