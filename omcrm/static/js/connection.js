/** The connection to the server: reconnects it, notices when it is dead, and describes its state. */

import { io } from "../vendor/socket.io-client/socket.io.js";

const CHECK_EVERY = 1_000;
const QUIET_AFTER = 3_000;
const DEAD_AFTER = 5_000;
const PING_AT_LEAST_EVERY = 10_000;
const DRAWN_AFTER = 2_000;
const RECONNECT_AFTER = 1_000;
const RETRY_AFTER = 30_000;

const LAST_SEEN = "The prices shown are the last received; they are not current. Trying again.";
const LOST = `The connection to the server is lost. ${LAST_SEEN}`;
const SILENT = `The server does not answer. ${LAST_SEEN}`;
const UNREACHABLE = "The server cannot be reached. Trying again.";
const NOT_LOGGED_IN = "You are no longer logged in.";

/** Creates a connection that is not yet open; `clock` learns the server's time from its pings. */
export function createConnection(clock) {
  const socket = io("/webtrader", {
    autoConnect: false,
    transports: ["websocket", "polling"],
    tryAllTransports: true,
    reconnectionDelay: 500,
    reconnectionDelayMax: 5_000,
  });
  const listeners = new Set();
  let state = { name: "connecting", label: "Connecting", sentence: "", delay: null };
  let receivedAt = 0;
  let pingedAt = 0;
  let isPending = false;
  let again = null;

  function become(next) {
    state = { sentence: "", delay: null, ...next };
    for (const listener of listeners) listener(state);
  }

  // Our own ping: Engine.IO's takes up to 45 s to notice a dead server, too long for prices. Every
  // received message counts as an answer, so that a busy page sends few pings.

  function checkAnswers() {
    if (!socket.connected) return;
    const now = Date.now();
    const quiet = now - receivedAt;
    if (isPending && quiet > DEAD_AFTER && now - pingedAt > DEAD_AFTER) giveUp();
    else if (!isPending && (quiet > QUIET_AFTER || now - pingedAt > PING_AT_LEAST_EVERY)) ping();
  }

  function ping() {
    pingedAt = Date.now();
    isPending = true;
    socket.emit("ping");
  }

  function check() {
    if (socket.connected && !isPending) ping();
  }

  function giveUp() {
    isPending = false;
    lose(SILENT);
    socket.disconnect().connect();
  }

  function answered({ timestamp }) {
    if (!isPending) return;
    isPending = false;
    clock.learn(timestamp, pingedAt);
    if (state.name === "connected") become({ ...state, delay: Date.now() - pingedAt });
  }

  // The socket's events.

  function lose(sentence) {
    become({ name: "disconnected", label: "Reconnecting", sentence });
  }

  function connected() {
    clearTimeout(again);
    receivedAt = Date.now();
    clock.relearn();
    become({ name: "connected", label: "Connected" });
    ping();
    // The first answer waits until the page is drawn; this one measures the connection alone.
    setTimeout(check, DRAWN_AFTER);
  }

  function disconnected(reason) {
    isPending = false;
    if (reason === "io client disconnect") return;
    lose(LOST);
    if (reason === "io server disconnect") again = setTimeout(() => socket.connect(), RECONNECT_AFTER);
  }

  function failed(error) {
    if (socket.active) {
      if (state.name !== "disconnected") lose(UNREACHABLE);
      return;
    }
    refused(error.message);
  }

  function refused(message) {
    if (message === "authentication required") {
      become({ name: "refused", label: "Logged out", sentence: NOT_LOGGED_IN, login: true });
      return;
    }
    const seconds = RETRY_AFTER / 1000;
    const sentence = `The server refuses this page: ${message}. It tries again every ${seconds} s.`;
    become({ name: "refused", label: "Refused", sentence });
    again = setTimeout(() => socket.connect(), RETRY_AFTER);
  }

  return {
    get state() {
      return state;
    },

    open() {
      socket.on("connect", connected);
      socket.on("disconnect", disconnected);
      socket.on("connect_error", failed);
      socket.on("pong", answered);
      socket.on("reload", () => {
        isPending = false; // the answer may be lost, too
      });
      socket.onAny(() => {
        receivedAt = Date.now();
      });
      setInterval(checkAnswers, CHECK_EVERY);
      socket.connect();
    },

    /** Checks at once that the server answers, as after the machine was suspended. */
    check() {
      clock.relearn();
      check();
      if (state.name === "disconnected") socket.connect();
    },

    on: (event, listener) => socket.on(event, listener),

    /** Sends if the connection is up; pages repeat their requests when it is up again. */
    send(event, payload) {
      if (socket.connected) socket.emit(event, payload);
    },

    /** Calls listener(state) now and on every change. */
    subscribe(listener) {
      listeners.add(listener);
      listener(state);
    },
  };
}
