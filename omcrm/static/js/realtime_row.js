/** Rows of assets and portfolios: each updates only cells that change. */

import { flash } from "./flash.js";
import * as format from "./format.js";
import { describeSource, isCurrent, labelClass } from "./price_class.js";
import { write } from "./template.js";

const BASES = { "24h": "in 24 h", previous_close: "since the last close" };

export function createAssetRow(element) {
  const decimals = Number(element.dataset.decimals);
  const { part, ...row } = createRow(element, element.dataset.key);
  let shown = null;

  return {
    ...row,
    draw(data) {
      const moved = format.movement(shown, data.price);
      shown = data.price;
      element.dataset.class = data.price === null ? "none" : data.price_class;
      write(part.price, format.price(data.price, decimals));
      if (moved !== "none") {
        part.price.dataset.tick = moved;
        if (isCurrent(data.price_class)) flash(part.price, moved);
      }
      write(part.class, labelClass(data.price_class ?? "none", data.recorded_at));
      part.class.title = describeSource(data.source);
      drawSigned(part.change, data.change, decimals);
      write(part.change_percent, note(data.change_percent, BASES[data.change_basis]));
      write(part.high, format.price(data.high, decimals));
      write(part.low, format.price(data.low, decimals));
      write(part.time, format.timeOfDay(data.timestamp));
    },
  };
}

export function createPortfolioRow(element) {
  const name = element.querySelector("[data-field=name]").textContent;
  const { part, ...row } = createRow(element, name);

  return {
    ...row,
    draw(data) {
      const { coverage } = data;
      write(part.name, data.name);
      write(part.total_value, format.price(data.total_value, 2));
      drawSigned(part.daily_change, data.daily_change, 2);
      write(part.daily_change_percent, note(data.daily_change_percent));
      write(part.live, coverage.live_percent === null ? format.ABSENT : `${format.rate(coverage.live_percent)} %`);
      write(part.coverage, coverage.is_complete ? "" : "not all holdings count");
      write(part.time, format.timeOfDay(data.updated_at));
    },
  };
}

function createRow(element, label) {
  const cells = [...element.querySelectorAll("[data-field]")];
  const button = element.querySelector("button");
  element.dataset.off = "";

  return {
    label,
    part: Object.fromEntries(cells.map((cell) => [cell.dataset.field, cell])),
    onToggle: (listener) => button.addEventListener("click", listener),

    /** Shows whether the row is subscribed; a row that is not is grey. */
    setSubscribed(isOn) {
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
