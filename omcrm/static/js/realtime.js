/** The page of the WebSocket for programs: assets and portfolios as they are told there. */

import { createConnectionView } from "./connection_view.js";
import * as format from "./format.js";
import { createNotices } from "./notices.js";
import { createRealtimeLink } from "./realtime_link.js";
import { createAssetRow, createPortfolioRow } from "./realtime_row.js";
import { write } from "./template.js";

const ASK_EVERY = 5_000;
// The server takes so many messages at once; the rest follows at the pace it allows.
const AT_ONCE = 30;
const PACE = 60;

const byId = (id) => document.getElementById(id);
const page = byId("main");
const notices = createNotices(byId("notices"));
const link = createRealtimeLink(page.dataset.path);
const most = Number(page.dataset.most);
const rows = new Map();
let messages = 0;
let waiting = [];
let sending = null;

const WORDS = {
  asset: { create: createAssetRow, field: "symbol", read: (key) => key },
  portfolio: { create: createPortfolioRow, field: "portfolio_id", read: Number },
};

function subject({ kind, key }) {
  const { field, read } = WORDS[kind];
  return { [field]: read(key) };
}

const nameOf = (kind, data) => `${kind} ${data[WORDS[kind].field]}`;

for (const element of page.querySelectorAll("tr[data-kind]")) {
  const { kind, key } = element.dataset;
  const row = { kind, key, ...WORDS[kind].create(element) };
  row.isWanted = rows.size < most;
  row.onToggle(() => toggle(row));
  rows.set(`${kind} ${key}`, row);
}

function toggle(row) {
  row.isWanted = !row.isWanted;
  ask([row]);
}

function ask(asked) {
  waiting.push(...asked);
  if (sending === null) drain(AT_ONCE);
}

function drain(count) {
  for (const row of waiting.splice(0, count)) {
    link.send(`${row.isWanted ? "subscribe" : "unsubscribe"}_${row.kind}`, subject(row));
  }
  sending = waiting.length > 0 ? setTimeout(() => drain(1), PACE) : null;
}

function confirm(data, isOn) {
  rows.get(nameOf(data.type, data))?.turn(isOn);
}

function update(kind, data) {
  messages += 1;
  rows.get(nameOf(kind, data))?.draw(data);
}

/** What cannot be had is not asked for again when the connection comes back. */
function refused(data) {
  if (data.code === "EVENTS_LOST") {
    askAnew();
    return;
  }
  const kind = Object.keys(WORDS).find((each) => WORDS[each].field in data);
  const row = kind && rows.get(nameOf(kind, data));
  if (row) {
    row.isWanted = false;
    row.turn(false);
  }
  const about = row ? `${row.label}: ` : "";
  notices.replace("error", `${about}${data.message}.`, { kind: "warning" });
}

function askAnew() {
  clearTimeout(sending);
  [sending, waiting] = [null, []];
  for (const row of rows.values()) row.turn(false);
  notices.replace("error", "");
  ask([...rows.values()].filter(({ isWanted }) => isWanted));
}

link.on("connection", askAnew);
link.on("subscription_confirmed", (data) => confirm(data, true));
link.on("unsubscription_confirmed", (data) => confirm(data, false));
link.on("asset_update", (data) => update("asset", data));
link.on("portfolio_update", (data) => update("portfolio", data));
link.on("error", refused);

async function refresh() {
  try {
    const response = await fetch(page.dataset.statusUrl, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    drawStatus(await response.json());
    notices.replace("status", "");
  } catch (error) {
    notices.replace("status", `The statistics are not known: ${error.message}.`, { kind: "warning" });
  }
}

function drawStatus({ global_stats: counts, price_feed: feed }) {
  for (const element of page.querySelectorAll("[data-total]")) {
    write(element, format.count(counts[element.dataset.total]));
  }
  write(byId("price-feed"), feed.is_running ? "Running" : "Stopped");
}

createConnectionView(link, notices, page.dataset.loginUrl);
link.open();
refresh();
setInterval(() => document.hidden || refresh(), ASK_EVERY);
setInterval(() => write(byId("messages"), format.count(messages)), 1_000);
