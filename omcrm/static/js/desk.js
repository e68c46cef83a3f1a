/** The desk: creates its views and passes the server's messages to them. */

import { createCandleChart } from "./chart.js";
import { createConnection } from "./connection.js";
import { createConnectionView } from "./connection_view.js";
import { createDetail } from "./detail.js";
import * as format from "./format.js";
import { listenToKeys } from "./keys.js";
import { createMarkets } from "./markets.js";
import { createNotices } from "./notices.js";
import { createResumeToken } from "./resume_token.js";
import { createSearch } from "./search.js";
import { createSelection } from "./selection.js";
import { createServerClock } from "./server_clock.js";
import { areStopped, createSources } from "./sources.js";
import { createStore } from "./store.js";
import { showUserEvents } from "./user_events.js";
import { createWatchlist } from "./watchlist.js";

const MARKETS_INTERVAL = 60_000;
// Updates of a symbol in a second: no limit for a visible page, and one for a hidden page.
const FULL_RATE = 1_000;
const HIDDEN_RATE = 1;
// A page is also hidden for a moment before it is closed.
const HIDDEN_AFTER = 3_000;
const STOPPED = "The feeds are stopped. Prices become stale until an administrator starts them.";

const byId = (id) => document.getElementById(id);
const desk = byId("main");
const clock = createServerClock();
const store = createStore();
const resumeToken = createResumeToken();
const connection = createConnection(clock);
const notices = createNotices(byId("notices"));

async function loadInstruments() {
  const response = await fetch("/webtrader/instruments", { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return (await response.json()).instruments;
}

function start(instruments) {
  const symbols = instruments.map(({ symbol }) => symbol);
  const views = createViews(instruments, symbols);
  listenToServer(views, symbols);
  listenToVisibility(views, symbols);
  setInterval(() => drawTime(views), 1_000);
  setInterval(() => connection.send("get_market_status"), MARKETS_INTERVAL);
  views.selection.open();
  connection.open();
}

function createViews(instruments, symbols) {
  const bySymbol = new Map(instruments.map((instrument) => [instrument.symbol, instrument]));
  const detail = createDetail(byId("detail"), store);
  const chart = createCandleChart({
    place: byId("chart"),
    message: byId("chart-message"),
    legend: byId("chart-legend"),
    store,
    timeframes: byId("timeframes"),
    requestHistory: (request) => connection.send("get_price_history", request),
  });
  const selection = createSelection(symbols, (symbol) => {
    desk.dataset.view = location.hash && symbol ? "detail" : "list";
    watchlist.mark(symbol);
    if (!symbol) return;
    detail.show(bySymbol.get(symbol));
    chart.show(bySymbol.get(symbol));
    detail.drawTime(clock.now());
  });
  const watchlist = createWatchlist(byId("watchlist"), instruments, store, selection.select);
  const search = createSearch(byId("search"), byId("search-count"), byId("watchlist-empty"), watchlist);
  const markets = createMarkets(byId("markets"), clock);
  const sources = createSources(byId("sources"));
  byId("detail-back").addEventListener("click", selection.leave);
  listenToKeys({ watchlist, search, back: selection.leave });
  return { chart, detail, markets, selection, sources, watchlist };
}

function listenToServer({ chart, detail, markets, sources, watchlist }, symbols) {
  const drawSources = (status) => {
    sources.draw(status);
    notices.replace("feeds", areStopped(status) ? STOPPED : "", { kind: "warning" });
  };
  connection.on("price_update", (quote) => {
    resumeToken.update(quote);
    if (store.set(quote)) chart.add(quote);
  });
  connection.on("price_history", chart.setHistory);
  connection.on("connection_status", drawSources);
  connection.on("market_status", (status) => {
    markets(status);
    drawSources(status.connection_status);
  });
  connection.on("subscription_error", ({ message }) => {
    notices.replace("subscription", `Some prices are missing: ${message}.`, { kind: "warning" });
  });
  connection.on("subscription_success", (answer) => {
    resumeToken.accept(answer);
    const names = answer.rejected.map(({ symbol }) => symbol).join(", ");
    notices.replace("subscription", names && `No prices for ${names}: the server refused them.`, {
      kind: "warning",
    });
  });
  connection.on("connect", () => {
    store.renew();
    resumeToken.renew();
    subscribe(symbols);
  });
  // The server dropped answers and events because the page did not read: request them again.
  connection.on("reload", () => {
    subscribe(symbols);
    chart.refresh();
  });
  showUserEvents(connection, notices);
  createConnectionView(connection, notices, desk.dataset.loginUrl);
  connection.subscribe(({ name }) => {
    const isUp = name === "connected";
    for (const view of [chart, detail, sources, watchlist]) view.drawLink(isUp);
  });
}

function subscribe(symbols) {
  connection.send("subscribe_to_instruments", {
    symbols,
    since: resumeToken.since(),
    max_rate: document.hidden ? HIDDEN_RATE : FULL_RATE,
  });
  connection.send("get_market_status");
}

/**
 * A hidden page subscribes at a lower rate. When it is shown again, it may have been suspended: it
 * checks the connection, and requests a snapshot and the candles, for which it had too few prices.
 */
function listenToVisibility({ chart }, symbols) {
  let slowing = null;
  const changed = () => {
    clearTimeout(slowing);
    if (document.hidden) {
      slowing = setTimeout(() => subscribe(symbols), HIDDEN_AFTER);
      return;
    }
    connection.check();
    subscribe(symbols);
    chart.refresh();
  };
  document.addEventListener("visibilitychange", changed);
  addEventListener("pageshow", (event) => event.persisted && changed());
  addEventListener("online", changed);
}

function drawTime({ detail, watchlist }) {
  const now = clock.now();
  watchlist.drawAges(now);
  detail.drawTime(now);
  byId("clock").textContent = `${format.timeOfDay(now)} UTC`;
}

loadInstruments().then(start, (error) => {
  const empty = byId("watchlist-empty");
  empty.textContent = `The instruments could not be loaded: ${error.message}. Reload the page.`;
});
