/** The page of the WebSocket for programs: assets and portfolios as it sends them. */

import { createConnectionView } from "./connection_view.js";
import * as format from "./format.js";
import { createNotices } from "./notices.js";
import { createRealtimeLink } from "./realtime_link.js";
import { createAssetRow, createPortfolioRow } from "./realtime_row.js";
import { write } from "./template.js";

const REFRESH_INTERVAL = 5_000;
// The server accepts so many messages at once; the rest follows at the rate it allows.
const BURST = 30;
const SEND_INTERVAL = 60;

const byId = (id) => document.getElementById(id);
const page = byId("main");
const notices = createNotices(byId("notices"));
const link = createRealtimeLink(page.dataset.path);
const most = Number(page.dataset.most);
const rows = new Map();
let messages = 0;
let waiting = [];
let sending = null;

const KINDS = {
  asset: { create: createAssetRow, field: "symbol", read: (key) => key },
  portfolio: { create: createPortfolioRow, field: "portfolio_id", read: Number },
};

function subject({ kind, key }) {
  const { field, read } = KINDS[kind];
  return { [field]: read(key) };
}

const nameOf = (kind, data) => `${kind} ${data[KINDS[kind].field]}`;

for (const element of page.querySelectorAll("tr[data-kind]")) {
  const { kind, key } = element.dataset;
  const row = { kind, key, ...KINDS[kind].create(element) };
  row.isWanted = rows.size < most;
  row.onToggle(() => toggle(row));
  rows.set(`${kind} ${key}`, row);
}

function toggle(row) {
  row.isWanted = !row.isWanted;
  request([row]);
}

function request(changed) {
  waiting.push(...changed);
  if (sending === null) drain(BURST);
}

function drain(count) {
  for (const row of waiting.splice(0, count)) {
    link.send(`${row.isWanted ? "subscribe" : "unsubscribe"}_${row.kind}`, subject(row));
  }
  sending = waiting.length > 0 ? setTimeout(() => drain(1), SEND_INTERVAL) : null;
}

function confirm(data, isOn) {
  rows.get(nameOf(data.type, data))?.setSubscribed(isOn);
}

function update(kind, data) {
  messages += 1;
  rows.get(nameOf(kind, data))?.draw(data);
}

/** A refused subscription is not requested again after a reconnection. */
function refused(data) {
  if (data.code === "EVENTS_LOST") {
    requestAll();
    return;
  }
  const kind = Object.keys(KINDS).find((name) => KINDS[name].field in data);
  const row = kind && rows.get(nameOf(kind, data));
  if (row) {
    row.isWanted = false;
    row.setSubscribed(false);
  }
  const about = row ? `${row.label}: ` : "";
  notices.replace("error", `${about}${data.message}.`, { kind: "warning" });
}

function requestAll() {
  clearTimeout(sending);
  [sending, waiting] = [null, []];
  for (const row of rows.values()) row.setSubscribed(false);
  notices.replace("error", "");
  request([...rows.values()].filter(({ isWanted }) => isWanted));
}

link.on("connection", requestAll);
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
setInterval(() => document.hidden || refresh(), REFRESH_INTERVAL);
setInterval(() => write(byId("messages"), format.count(messages)), 1_000);
