/** The page that tests the sockets: connects to one, sends messages, and shows the traffic. */

import { copyTemplate } from "./template.js";
import { createTraffic } from "./traffic.js";
import { createTrafficView } from "./traffic_view.js";

const byId = (id) => document.getElementById(id);
const page = byId("main");
const channels = JSON.parse(page.dataset.channels);
const traffic = createTraffic();
const view = createTrafficView(traffic, {
  log: byId("log"),
  empty: byId("empty"),
  count: byId("count"),
  direction: byId("direction"),
  filter: byId("filter"),
});
let socket = null;
// While a ticket is fetched there is no socket yet, but a click cancels the attempt.
let attempt = 0;

const channel = () => channels.find(({ name }) => name === byId("channel").value);

// The connection

function show(state, words) {
  byId("state").dataset.state = state;
  byId("state").textContent = words;
  const isBusy = state === "open" || state === "connecting";
  byId("connect").textContent = isBusy ? "Disconnect" : "Connect";
  byId("send").disabled = state !== "open";
  for (const id of ["channel", "credential", "token"]) byId(id).disabled = isBusy;
  for (const input of byId("parameters").querySelectorAll("input")) input.disabled = isBusy;
}

function address() {
  const path = [...byId("parameters").querySelectorAll("input")].reduce(
    (text, { name, value }) => text.replace(`{${name}}`, encodeURIComponent(value.trim())),
    channel().path,
  );
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${path}`;
}

async function credential() {
  const kind = byId("credential").value;
  if (kind === "token") return `?token=${encodeURIComponent(byId("token").value.trim())}`;
  if (kind === "ticket") return `?ticket=${encodeURIComponent(await fetchTicket())}`;
  return "";
}

async function fetchTicket() {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const headers = { Accept: "application/json", "X-CSRFToken": token };
  const response = await fetch(page.dataset.ticketUrl, { method: "POST", headers });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error?.message ?? `The server answered ${response.status}.`);
  return answer.ticket;
}

async function connect() {
  attempt += 1;
  const mine = attempt;
  show("connecting", "Connecting …");
  try {
    const query = await credential();
    if (mine !== attempt) return;
    open(new WebSocket(address() + query));
  } catch (error) {
    if (mine !== attempt) return;
    traffic.add("note", `No connection: ${error.message}`);
    show("failed", "Not connected");
  }
}

function open(opened) {
  socket = opened;
  const mine = (listener) => (event) => socket === opened && listener(event);
  traffic.add("note", `Connecting to ${address()}`);
  opened.addEventListener("open", mine(() => {
    traffic.add("note", "Connected");
    show("open", `Connected to ${channel().title}`);
  }));
  opened.addEventListener("message", mine(({ data }) => {
    traffic.add("received", typeof data === "string" ? data : `${data.size} bytes that are no text`);
  }));
  opened.addEventListener("close", mine(({ code, reason }) => {
    socket = null;
    traffic.add("note", closed(code, reason));
    show(code === 1000 ? "closed" : "failed", "Not connected");
  }));
}

function closed(code, reason) {
  // Browsers do not tell pages why a handshake was refused.
  if (code === 1006) return "Closed without a close frame (1006): refused, or the connection was lost.";
  return reason ? `Closed with ${code}: ${reason}` : `Closed with ${code}`;
}

function disconnect() {
  attempt += 1;
  const was = socket;
  socket = null;
  was?.close(1000);
  traffic.add("note", "Disconnected");
  show("closed", "Not connected");
}

// The channel and its presets

function drawChannel() {
  byId("parameters").replaceChildren(...Object.entries(channel().parameters).map(createParameter));
  byId("presets").replaceChildren(...channel().presets.map(createPreset));
  byId("text").value = channel().presets[0]?.text ?? "";
  for (const messages of page.querySelectorAll("[data-channel]")) {
    messages.hidden = messages.dataset.channel !== channel().name;
  }
  drawAddress();
}

function createParameter([name, about]) {
  const { element, part } = copyTemplate("parameter");
  part.label.textContent = about;
  part.input.name = name;
  part.input.value = "AAPL";
  part.input.addEventListener("input", drawAddress);
  return element;
}

function createPreset({ name, text, about }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.textContent = name;
  button.title = about;
  button.addEventListener("click", () => {
    byId("text").value = text;
    byId("text").focus();
  });
  return button;
}

function drawAddress() {
  byId("address").textContent = address();
}

// The forms and buttons

byId("connect-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (byId("state").dataset.state === "connecting" || socket) disconnect();
  else connect();
});

byId("send-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket?.readyState !== WebSocket.OPEN) return;
  socket.send(byId("text").value);
  traffic.add("sent", byId("text").value);
});

byId("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("send-form").requestSubmit();
});

byId("credential").addEventListener("change", () => {
  byId("token-field").hidden = byId("credential").value !== "token";
});

byId("clear").addEventListener("click", traffic.clear);

byId("copy").addEventListener("click", async () => {
  const text = view.text();
  try {
    await navigator.clipboard.writeText(text);
    traffic.add("note", "Copied what is shown");
  } catch {
    // Without HTTPS browsers do not allow access to the clipboard.
    traffic.add("note", "Your browser does not let this page copy: select the text instead.");
  }
});

byId("channel").addEventListener("change", drawChannel);
byId("channel").replaceChildren(...channels.map(({ name, title, path }) => new Option(`${title} – ${path}`, name)));
drawChannel();
show("closed", "Not connected");
