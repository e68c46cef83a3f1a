#!/usr/bin/env node
/** Tests one of OMCRM's raw WebSockets from the command line; see `--help`. */

"use strict";

const { spawnSync } = require("node:child_process");
const http = require("node:http");
const https = require("node:https");
const { parseArgs } = require("node:util");

const EXIT = { received: 0, refused: 1, usage: 2, closed: 3, silent: 4 };

// By dialect: its path, and the messages that are sent by default.
const DIALECTS = {
  market_feed: { path: "/ws/market/feed", messages: ['{"action":"subscribe","symbols":["BTC","AAPL"]}'] },
  realtime: { path: "/ws/realtime/", messages: ['{"type":"subscribe_asset","data":{"symbol":"BTC"}}'] },
  quotes: { path: "/quotes", messages: ["BTC,AAPL"] },
  market: { path: "/market", messages: [] },
  hours: { path: "/hours", messages: [] },
  profile: { path: "/profile/BTC", messages: [] },
};

const HELP = `node tools/websocket-test.js [options] [message …]

  --dialect NAME   ${Object.keys(DIALECTS).join(", ")}; market_feed
  --path PATH      another path than the dialect's, such as /profile/AAPL
  --url URL        the installation; ws://localhost:5000
  --token TOKEN    an API token; better in OMCRM_TOKEN, where other users do not see it
  --seconds N      how long to receive at most; 10
  --count N        end after so many messages
  --help

The messages are sent in their order as they are; without any, one of the dialect. Prints sent
messages (>), received ones (<) and events (#).

Exits with 0 when a message was received, 1 when the connection was refused or failed, 2 for wrong
arguments, 3 when the server closed, 4 when no message was received.
`;

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(EXIT.usage);
}

function readOptions() {
  const options = {
    dialect: { type: "string", default: "market_feed" },
    path: { type: "string" },
    url: { type: "string", default: "ws://localhost:5000" },
    token: { type: "string", default: process.env.OMCRM_TOKEN ?? "" },
    seconds: { type: "string", default: "10" },
    count: { type: "string", default: "0" },
    help: { type: "boolean", default: false },
  };
  let values, positionals;
  try {
    ({ values, positionals } = parseArgs({ options, allowPositionals: true }));
  } catch (error) {
    fail(error.message);
  }
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  const dialect = DIALECTS[values.dialect];
  if (!dialect) fail(`--dialect: there is no ${values.dialect}, but ${Object.keys(DIALECTS).join(", ")}`);
  const base = values.url.replace(/^http/, "ws").replace(/\/+$/, "");
  const url = base + (values.path ?? dialect.path);
  if (!/^wss?:\/\/[^/]+\/./.test(url) || !URL.canParse(url)) fail(`--url: ${values.url} is none`);
  return {
    url,
    headers: values.token ? { Authorization: `Bearer ${values.token}` } : {},
    seconds: number("seconds", values.seconds, 0.001, 86_400),
    count: number("count", values.count, 0, Number.MAX_SAFE_INTEGER),
    messages: positionals.length ? positionals : dialect.messages,
  };
}

function number(name, text, least, most) {
  const value = Number(text);
  if (!(value >= least && value <= most)) fail(`--${name}: ${text} is no number from ${least} to ${most}`);
  return value;
}

function print(mark, text) {
  process.stdout.write(`${mark} ${text}\n`);
}

/** The answer to a refused handshake, which WebSocket does not expose. */
function fetchRefusal({ url, headers }) {
  const address = new URL(url.replace(/^ws/, "http"));
  const handshake = {
    ...headers,
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "c2l4dGVlbiBieXRlcy4uLg==",
  };
  return new Promise((resolve) => {
    const { request } = address.protocol === "https:" ? https : http;
    const sent = request(address, { headers: handshake, timeout: 5000 }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (text) => (body += text));
      answer.on("end", () => resolve(`${answer.statusCode} ${body.trim()}`));
    });
    sent.on("upgrade", (_, socket) => {
      socket.destroy();
      resolve("it failed, but would succeed now");
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer")));
    sent.on("error", (error) => resolve(error.message || error.code));
    sent.end();
  });
}

function run(options) {
  const socket = new WebSocket(options.url, { headers: options.headers });
  let received = 0;
  let isOpen = false;
  let isFinished = false;

  function finish() {
    isFinished = true;
    process.exitCode = received ? EXIT.received : EXIT.silent;
    socket.close(1000);
    // Do not wait for a server that does not answer the close.
    setTimeout(() => process.exit(), 1000).unref();
  }

  async function refused() {
    clearTimeout(timer);
    process.exitCode = EXIT.refused;
    print("#", `refused: ${await fetchRefusal(options)}`);
  }

  const timer = setTimeout(finish, options.seconds * 1000);
  socket.addEventListener("open", () => {
    isOpen = true;
    print("#", `connected to ${options.url}`);
    for (const message of options.messages) {
      print(">", message);
      socket.send(message);
    }
  });
  socket.addEventListener("message", ({ data }) => {
    if (isFinished) return;
    received += 1;
    print("<", data);
    if (received === options.count) finish();
  });
  // Not every Node fires `close` where the connection failed.
  socket.addEventListener("error", () => isOpen || isFinished || refused());
  socket.addEventListener("close", ({ code, reason }) => {
    clearTimeout(timer);
    if (!isOpen || isFinished) return;
    print("#", `closed by the server: ${code} ${reason}`);
    process.exitCode = EXIT.closed;
  });
}

if (typeof WebSocket === "undefined") {
  // Node 20 has it behind a flag.
  if (Number(process.versions.node.split(".")[0]) < 20) fail("Node 20 or newer is needed.");
  const again = ["--experimental-websocket", "--no-warnings", ...process.argv.slice(1)];
  process.exit(spawnSync(process.execPath, again, { stdio: "inherit" }).status ?? EXIT.usage);
}
run(readOptions());
