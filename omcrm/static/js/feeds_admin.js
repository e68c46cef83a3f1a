/** The administrator's page of the feeds: how each one stands, and the buttons that start and stop them. */

import { createConnection } from "./connection.js";
import { createConnectionView } from "./connection_view.js";
import * as format from "./format.js";
import { createNotices } from "./notices.js";
import { describeClass, describeSource } from "./price_class.js";
import { createServerClock } from "./server_clock.js";
import { describeState } from "./sources.js";

const STATUS_EVERY = 2_000;
const FIGURES = {
  clients: {},
  cache: { seq: "last sequence" },
  delivery: { quotes: "quotes told", missed: "missed by slow readers" },
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
const start = byId("feeds-start");
const stop = byId("feeds-stop");
const rows = new Map();
let providers = {};

// The table.

function drawProviders(update) {
  for (const [name, status] of Object.entries(update)) {
    providers[name] = { ...providers[name], ...status };
  }
  for (const name of Object.keys(providers)) drawRow(name, providers[name]);
}

function drawRow(name, status) {
  if (!rows.has(name)) rows.set(name, createRow(name));
  const { row, cell } = rows.get(name);
  // What its prices are only while there are any.
  const priceClass = status.active ? status.price_class : null;
  const label = priceClass ? describeClass(priceClass).label : "";
  row.dataset.state = status.state;
  row.dataset.class = priceClass ?? "none";
  write(cell.state, describeState(status.state));
  write(cell.class, label);
  write(cell.url, status.url ?? "");
  write(cell.rate, format.rate(status.messages_per_second));
  write(cell.messages, format.count(status.messages));
  write(cell.reconnects, format.count(status.reconnects));
  write(cell.since, format.dayAndTime(status.connected_since));
  write(cell.error, status.last_error ?? format.ABSENT);
  drawAge(cell, status);
}

function createRow(name) {
  const row = byId("feed-template").content.firstElementChild.cloneNode(true);
  const cells = [...row.querySelectorAll("[data-field]")].map((cell) => [cell.dataset.field, cell]);
  const cell = Object.fromEntries(cells);
  row.dataset.source = name;
  cell.name.textContent = describeSource(name);
  byId("feeds").tBodies[0].append(row);
  return { row, cell };
}

function drawAge(cell, status) {
  write(cell.age, format.age(status.last_message_at, clock.now()));
}

function drawAges() {
  for (const [name, { cell }] of rows) drawAge(cell, providers[name]);
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// The summary.

function drawSummary({ running, since: begun }) {
  start.disabled = running;
  stop.disabled = !running;
  const lasting = begun ? ` for ${format.duration(clock.now() - Date.parse(begun), 2)}` : "";
  byId("feeds-summary").textContent = running
    ? `Running${lasting}.`
    : "Stopped. No source is read, and prices grow stale.";
}

function drawFigures(status) {
  const figures = Object.entries(FIGURES).flatMap(([part, names]) =>
    Object.entries(status[part])
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
    drawFigures(status);
    drawProviders(status.providers);
    notices.replace("status", "");
  } catch (error) {
    notices.replace("status", `The state of the feeds is not known: ${error.message}`, { kind: "error" });
  }
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

start.addEventListener("click", () => order("start_realtime_feeds"));
stop.addEventListener("click", () => order("stop_realtime_feeds"));
connection.on("connection_status", drawProviders);
createConnectionView(connection, notices, byId("main").dataset.loginUrl);
connection.open();
refresh();
setInterval(drawAges, 1_000);
setInterval(() => document.hidden || refresh(), STATUS_EVERY);
