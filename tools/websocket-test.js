#!/usr/bin/env node
/** Speaks to one of OMCRM's raw WebSockets from the command line; `--help` says how. */

"use strict";

const { spawnSync } = require("node:child_process");
const http = require("node:http");
const https = require("node:https");
const { parseArgs } = require("node:util");

const END = { heard: 0, refused: 1, usage: 2, closed: 3, silent: 4 };

// By dialect: where it is, and what is said where nothing is given.
const DIALECTS = {
  market_feed: { path: "/ws/market/feed", say: ['{"action":"subscribe","symbols":["BTC","AAPL"]}'] },
  realtime: { path: "/ws/realtime/", say: ['{"type":"subscribe_asset","data":{"symbol":"BTC"}}'] },
  quotes: { path: "/quotes", say: ["BTC,AAPL"] },
  market: { path: "/market", say: [] },
  hours: { path: "/hours", say: [] },
  profile: { path: "/profile/BTC", say: [] },
};

const HELP = `node tools/websocket-test.js [options] [message …]

  --dialect NAME   ${Object.keys(DIALECTS).join(", ")}; market_feed
  --path PATH      another path than the dialect's, such as /profile/AAPL
  --url URL        the installation; ws://localhost:5000
  --token TOKEN    an API token; better in OMCRM_TOKEN, where other users do not see it
  --seconds N      how long to listen at most; 10
  --count N        end after so many messages
  --help

Each message is sent in its order as it is written; without any, one that suits the dialect. Prints
what is sent (>), what comes (<) and what happens (#).

Ends with 0 when something was heard, 1 when it was refused or there is nobody, 2 when called
wrongly, 3 when the server closed, 4 when nothing was heard.
`;

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(END.usage);
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
    messages: positionals.length ? positionals : dialect.say,
  };
}

function number(name, text, least, most) {
  const found = Number(text);
  if (!(found >= least && found <= most)) fail(`--${name}: ${text} is no number that can be used`);
  return found;
}

function print(mark, text) {
  process.stdout.write(`${mark} ${text}\n`);
}

/** Why a handshake is refused, which WebSocket itself does not tell. */
function askWhy({ url, headers }) {
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
    const asked = request(address, { headers: handshake, timeout: 5000 }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (part) => (body += part));
      answer.on("end", () => resolve(`${answer.statusCode} ${body.trim()}`));
    });
    asked.on("upgrade", (_, socket) => {
      socket.destroy();
      resolve("it was not possible, but would be now");
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", (error) => resolve(error.message || error.code));
    asked.end();
  });
}

function speak(asked) {
  const socket = new WebSocket(asked.url, { headers: asked.headers });
  let heard = 0;
  let isOpen = false;
  let isOurs = false;

  function finish() {
    isOurs = true;
    process.exitCode = heard ? END.heard : END.silent;
    socket.close(1000);
    // Who does not answer the close is not waited for.
    setTimeout(() => process.exit(), 1000).unref();
  }

  async function refused() {
    clearTimeout(timer);
    process.exitCode = END.refused;
    print("#", `refused: ${await askWhy(asked)}`);
  }

  const timer = setTimeout(finish, asked.seconds * 1000);
  socket.addEventListener("open", () => {
    isOpen = true;
    print("#", `connected to ${asked.url}`);
    for (const message of asked.messages) {
      print(">", message);
      socket.send(message);
    }
  });
  socket.addEventListener("message", ({ data }) => {
    if (isOurs) return;
    heard += 1;
    print("<", data);
    if (heard === asked.count) finish();
  });
  // Not every Node says `close` where there was no connection.
  socket.addEventListener("error", () => isOpen || isOurs || refused());
  socket.addEventListener("close", ({ code, reason }) => {
    clearTimeout(timer);
    if (!isOpen || isOurs) return;
    print("#", `closed by the server: ${code} ${reason}`);
    process.exitCode = END.closed;
  });
}

if (typeof WebSocket === "undefined") {
  // Node 20 has it, but only shows it to those who ask.
  if (Number(process.versions.node.split(".")[0]) < 20) fail("Node 20 or newer is needed.");
  const again = ["--experimental-websocket", "--no-warnings", ...process.argv.slice(1)];
  process.exit(spawnSync(process.execPath, again, { stdio: "inherit" }).status ?? END.usage);
}
speak(readOptions());
