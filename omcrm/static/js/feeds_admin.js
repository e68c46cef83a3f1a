/** The page of the feeds: their state, and for administrators the buttons that start and stop them. */

import { createConnection } from "./connection.js";
import { createConnectionView } from "./connection_view.js";
import { createExplanation } from "./explanation.js";
import { createFeedChain } from "./feed_chain.js";
import { createFeedEvents } from "./feed_events.js";
import { createFeedQuarantine } from "./feed_quarantine.js";
import { createFeedQuota } from "./feed_quota.js";
import { createFeedTable } from "./feed_table.js";
import * as format from "./format.js";
import { createNotices } from "./notices.js";
import { createServerClock } from "./server_clock.js";

const STATUS_INTERVAL = 2_000;
// Of an instrument that is not in the catalogue.
const FALLBACK_DECIMALS = 4;
const FIGURES = {
  clients: {},
  cache: { seq: "last sequence" },
  delivery: { quotes: "quotes sent", missed: "dropped for slow clients" },
};
const ANSWERS = {
  started: "The feeds are started.",
  already_running: "The feeds were running already.",
  stopped: "The feeds are stopped. They stay stopped until an administrator starts them.",
  already_stopped: "The feeds were stopped already.",
};

const byId = (id) => document.getElementById(id);
const clock = createServerClock();
const connection = createConnection(clock);
const notices = createNotices(byId("notices"));
// Only administrators have them.
const start = byId("feeds-start");
const stop = byId("feeds-stop");
const decimals = new Map();
const decimalsOf = (symbol) => decimals.get(symbol) ?? FALLBACK_DECIMALS;
const table = createFeedTable(byId("feeds"), clock);
const chain = createFeedChain(byId("chain"), byId("chain-empty"), decimalsOf);
const quota = createFeedQuota(byId("quota"), byId("quota-empty"), clock);
const events = createFeedEvents(byId("events"), byId("events-empty"), byId("events-count"), {
  source: byId("events-source"),
  kind: byId("events-kind"),
});
const quarantine = createFeedQuarantine(
  byId("quarantine"),
  byId("quarantine-empty"),
  byId("quarantine-count"),
  decimalsOf,
);
// Only where an instrument is chosen.
const explanation = byId("explanation") && createExplanation(byId("explanation"));

// The summary.

function drawSummary({ running, since: begun }) {
  if (start) {
    start.disabled = running;
    stop.disabled = !running;
  }
  const lasting = begun ? ` for ${format.duration(clock.now() - Date.parse(begun), 2)}` : "";
  byId("feeds-summary").textContent = running
    ? `Running${lasting}.`
    : "Stopped. No source is read, and prices become stale.";
}

/** Where an installation has several processes: whether this one reaches the others. */
function drawBus(bus) {
  const lost = bus?.lost_since;
  const text = lost
    ? `bus: lost since ${format.dayAndSecond(lost)} UTC. Prices of the engine do not arrive, and those that are shown age.`
    : "";
  notices.replace("bus", text, { kind: "error" });
}

function drawFigures(status) {
  const figures = Object.entries(FIGURES).flatMap(([section, names]) =>
    Object.entries(status[section])
      .filter(([, value]) => typeof value === "number")
      .map(([name, value]) => createFigure(names[name] ?? format.words(name), format.count(value))),
  );
  byId("feeds-figures").replaceChildren(...figures);
}

function createFigure(name, value) {
  const figure = document.createElement("div");
  const term = document.createElement("dt");
  const description = document.createElement("dd");
  term.textContent = name;
  description.textContent = value;
  figure.append(term, description);
  return figure;
}

function drawFeeds({ feeds, cache }) {
  chain.draw(feeds.symbols);
  quota.draw(feeds.quota);
  events.draw(feeds.events);
  quarantine.draw(feeds.quarantine, cache.refused);
}

// The server.

async function request(path, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  const response = await fetch(`/webtrader/${path}`, { ...options, headers });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok || answer.success === false) {
    throw new Error(answer.error?.message ?? `The server answered ${response.status}.`);
  }
  return answer;
}

async function refresh() {
  try {
    const status = await request("realtime_status");
    drawSummary(status);
    drawBus(status.bus);
    drawFigures(status);
    table.draw(status.providers);
    await learnDecimals(status.feeds.symbols);
    drawFeeds(status);
    await explanation?.refresh();
    notices.replace("status", "");
  } catch (error) {
    notices.replace("status", `The state of the feeds is not known: ${error.message}`, { kind: "error" });
  }
}

/** Requests the catalogue where it has grown since. */
async function learnDecimals(symbols) {
  if (symbols.every(({ symbol }) => decimals.has(symbol))) return;
  const { instruments } = await request("instruments");
  for (const instrument of instruments) decimals.set(instrument.symbol, instrument.decimals);
}

async function order(path) {
  start.disabled = true;
  stop.disabled = true;
  const token = document.querySelector('meta[name="csrf-token"]').content;
  try {
    const { status } = await request(path, { method: "POST", headers: { "X-CSRFToken": token } });
    notices.replace("order", ANSWERS[status] ?? format.words(status));
  } catch (error) {
    notices.replace("order", `That did not work: ${error.message}`, { kind: "error" });
  }
  await refresh();
}

start?.addEventListener("click", () => order("start_realtime_feeds"));
stop?.addEventListener("click", () => order("stop_realtime_feeds"));
connection.on("connection_status", table.draw);
createConnectionView(connection, notices, byId("main").dataset.loginUrl);
connection.open();
refresh();
setInterval(table.drawAges, 1_000);
setInterval(() => document.hidden || refresh(), STATUS_INTERVAL);
