/** The page of one portfolio: its holdings at the newest prices. */

import { createAllocation } from "./allocation.js";
import { createCoverage } from "./coverage.js";
import * as format from "./format.js";
import { createHoldingsTable, drawSigned } from "./holdings_table.js";
import { createNotices } from "./notices.js";
import { createPriceLink } from "./price_link.js";
import { createServerClock } from "./server_clock.js";
import { write } from "./template.js";
import { valueHoldings } from "./valuation.js";

// The server's valuation also has what quotes do not have: rates, and yesterday's prices.
const REFRESH_INTERVAL = 15_000;
const CHANGED = "This portfolio was changed elsewhere.";

const byId = (id) => document.getElementById(id);
const page = byId("main");
const totals = Object.fromEntries(
  [...document.querySelectorAll("[data-total]")].map((element) => [element.dataset.total, element]),
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

async function fetchPortfolio() {
  const response = await fetch(page.dataset.url, { headers: { Accept: "application/json" } });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error?.message ?? `The server answered ${response.status}.`);
  return answer.portfolio;
}

async function refresh() {
  try {
    show(await fetchPortfolio());
    notices.replace("valuation", "");
  } catch (error) {
    notices.replace("valuation", `The valuation is not known: ${error.message}`, { kind: "error" });
  }
}

function show(portfolio) {
  const isOther = portfolio.version !== Number(page.dataset.version);
  const reload = { text: "Load it again", url: location.pathname };
  notices.replace("changed", isOther ? CHANGED : "", { kind: "warning", link: reload });
  // The rows are those of the loaded page: changes are shown after a reload.
  if (isOther && holdings) return;
  holdings = portfolio.holdings;
  const rates = holdings.map(({ rate_symbol: symbol }) => symbol).filter(Boolean);
  link.follow([...holdings.map(({ symbol }) => symbol), ...rates]);
  draw();
}

function draw() {
  isDue = false;
  if (!holdings) return;
  const valuation = valueHoldings(holdings, link.store.get, rules);
  table.draw(valuation.lines, link.isUp());
  allocation.draw(valuation.lines);
  coverage.draw(valuation, clock.now());
  drawTotals(valuation);
}

function drawTotals(valuation) {
  write(totals.value, format.price(valuation.value, 2));
  write(totals.cost, format.price(valuation.cost, 2));
  drawSigned(totals.change, valuation.change);
  write(totals.change_percent, note(valuation.changePercent));
  drawSigned(totals.profit, valuation.profit);
  write(totals.profit_percent, note(valuation.profitPercent));
}

const note = (percent) => (percent === null ? "" : format.percent(percent));

/** Draws the page once a frame, for any number of prices. */
function drawSoon() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(draw);
}

link.store.subscribe(drawSoon);
link.subscribe(drawSoon);
link.open();
refresh();
setInterval(() => document.hidden || refresh(), REFRESH_INTERVAL);
setInterval(drawSoon, 1_000);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
