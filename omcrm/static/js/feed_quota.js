/** The used quotas of the polled sources, and when they will be used up. */

import * as format from "./format.js";
import { createKeyedList } from "./keyed_list.js";
import { describeSource } from "./price_class.js";
import { copyTemplate, write } from "./template.js";

export function createFeedQuota(table, empty, clock) {
  const list = createKeyedList(table.tBodies[0], {
    keyOf: ({ source, calls, period }) => `${source} ${calls} ${period}`,
    create: (use) => createRow(use, clock),
  });

  return {
    /** Draws the budgets, by source. */
    draw(quota) {
      const uses = Object.entries(quota).flatMap(([source, budgets]) =>
        // The server's order follows the forecast, which changes often.
        budgets.toSorted(byLength).map((budget) => ({ source, ...budget })),
      );
      list.draw(uses);
      table.hidden = uses.length === 0;
      empty.hidden = !table.hidden;
      write(empty, "No source with a quota is in use.");
    },
  };
}

const PERIODS = ["minute", "hour", "day", "month"];

function byLength(one, other) {
  return PERIODS.indexOf(one.period) - PERIODS.indexOf(other.period) || one.calls - other.calls;
}

function createRow({ source, calls, period }, clock) {
  const { element, part } = copyTemplate("quota-template");
  element.dataset.source = source;
  part.source.textContent = describeSource(source);
  part.budget.textContent = `${format.count(calls)} a ${period}`;
  part.bar.setAttribute("aria-label", `Calls of ${describeSource(source)} this ${period}`);
  part.bar.setAttribute("aria-valuemax", calls);

  return {
    element,
    draw(use) {
      const usage = `${format.count(use.used)} used, ${format.count(use.left)} left`;
      element.dataset.level = levelOf(use);
      part.bar.setAttribute("aria-valuenow", Math.min(use.used, calls));
      part.bar.setAttribute("aria-valuetext", usage);
      part.used_bar.style.width = `${Math.min(100, (use.used / calls) * 100)}%`;
      write(part.used, usage);
      write(part.forecast, forecast(use, clock.now()));
    },
  };
}

function levelOf({ left, ends_at }) {
  if (left === 0) return "out";
  return ends_at ? "ends" : "lasts";
}

/** When a budget is used up, in a sentence. */
export function forecast({ used, left, ends_at, renews_at }, now) {
  const renews = `Renews at ${moment(renews_at, now)}.`;
  if (left === 0) return `Used up. ${renews}`;
  if (ends_at) return `Used up at ${moment(ends_at, now)} at this rate. ${renews}`;
  return used === 0 ? `Nothing used yet. ${renews}` : `Lasts at this rate. ${renews}`;
}

/** A moment in UTC, with its day where that is not today. */
function moment(timestamp, now) {
  const written = format.dayAndTime(timestamp);
  const today = new Date(now).toISOString().slice(0, 10);
  return `${written.startsWith(today) ? written.slice(11) : written} UTC`;
}
