/** The page of one portfolio: its holdings at the newest prices. */

import { createAllocation } from "./allocation.js";
import { createCoverage } from "./coverage.js";
import * as format from "./format.js";
import { createHoldingsTable, drawSigned } from "./holdings_table.js";
import { createNotices } from "./notices.js";
import { createPriceLink } from "./price_link.js";
import { createServerClock } from "./server_clock.js";
import { write } from "./template.js";
import { valueHoldings } from "./worth.js";

// The server's own valuation brings what no price tells: rates, the prices of the day before.
const ASK_EVERY = 15_000;
const CHANGED = "This portfolio was changed elsewhere.";

const byId = (id) => document.getElementById(id);
const page = byId("main");
const totals = Object.fromEntries(
  [...document.querySelectorAll("[data-total]")].map((each) => [each.dataset.total, each]),
);
const rules = { trust: page.dataset.trust.split(" "), counted: page.dataset.counted.split(" ") };
const clock = createServerClock();
const notices = createNotices(byId("notices"));
const link = createPriceLink({ clock, notices, loginUrl: page.dataset.loginUrl });
const table = createHoldingsTable(byId("holdings"));
const allocation = createAllocation(byId("allocation"), byId("allocation-ring"), byId("allocation-legend"));
const coverage = createCoverage(byId("coverage-bar"), byId("coverage-classes"), byId("coverage-note"));
let holdings = null;
let isDue = false;

async function ask() {
  const response = await fetch(page.dataset.url, { headers: { Accept: "application/json" } });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error?.message ?? `The server answered ${response.status}.`);
  return answer.portfolio;
}

async function refresh() {
  try {
    take(await ask());
    notices.replace("valuation", "");
  } catch (error) {
    notices.replace("valuation", `The valuation is not known: ${error.message}`, { kind: "error" });
  }
}

function take(portfolio) {
  const isOther = portfolio.version !== Number(page.dataset.version);
  const again = { text: "Load it again", url: location.pathname };
  notices.replace("changed", isOther ? CHANGED : "", { kind: "warning", link: again });
  // The rows are those of the page: what was changed meanwhile is shown when it is loaded again.
  if (isOther && holdings) return;
  holdings = portfolio.holdings;
  const rates = holdings.map(({ rate_symbol: symbol }) => symbol).filter(Boolean);
  link.follow([...holdings.map(({ symbol }) => symbol), ...rates]);
  draw();
}

function draw() {
  isDue = false;
  if (!holdings) return;
  const worth = valueHoldings(holdings, link.store.get, rules);
  table.draw(worth.lines, link.isUp());
  allocation.draw(worth.lines);
  coverage.draw(worth, clock.now());
  drawTotals(worth);
}

function drawTotals(worth) {
  write(totals.value, format.price(worth.value, 2));
  write(totals.cost, format.price(worth.cost, 2));
  drawSigned(totals.change, worth.change);
  write(totals.change_percent, note(worth.changePercent));
  drawSigned(totals.profit, worth.profit);
  write(totals.profit_percent, note(worth.profitPercent));
}

const note = (percent) => (percent === null ? "" : format.percent(percent));

/** However many prices come, the page is drawn once a frame. */
function drawSoon() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(draw);
}

link.store.subscribe(drawSoon);
link.watch(drawSoon);
link.open();
refresh();
setInterval(() => document.hidden || refresh(), ASK_EVERY);
setInterval(drawSoon, 1_000);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
