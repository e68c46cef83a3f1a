/** The link to the server: keeps it up, notices when it is dead, and says in words how it stands. */

import { io } from "../vendor/socket.io-client/socket.io.js";

const LOOK_EVERY = 1_000;
const QUIET_AFTER = 3_000;
const DEAD_AFTER = 5_000;
const BEAT_AT_LEAST_EVERY = 10_000;
const SETTLED_AFTER = 2_000;
const RETURN_AFTER = 1_000;
const ASK_AGAIN_AFTER = 30_000;

const LAST_SEEN = "What is shown is the last that was received; it is not current. Trying again.";
const LOST = `The connection to the server is lost. ${LAST_SEEN}`;
const SILENT = `The server does not answer. ${LAST_SEEN}`;
const UNREACHABLE = "The server cannot be reached. Trying again.";
const NOT_LOGGED_IN = "You are not logged in any more.";

/** Gives a connection that is not yet open; `clock` learns the server's time from its beats. */
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
  let heardAt = 0;
  let beatAt = 0;
  let isAsked = false;
  let again = null;

  function become(next) {
    state = { sentence: "", delay: null, ...next };
    for (const listener of listeners) listener(state);
  }

  // The beat: Engine.IO's own takes up to 45 s to notice a dead peer, too long for prices. Anything
  // heard is a sign of life, so that on a busy page hardly any beats are sent.

  function look() {
    if (!socket.connected) return;
    const now = Date.now();
    const quiet = now - heardAt;
    if (isAsked && quiet > DEAD_AFTER && now - beatAt > DEAD_AFTER) giveUp();
    else if (!isAsked && (quiet > QUIET_AFTER || now - beatAt > BEAT_AT_LEAST_EVERY)) beat();
  }

  function beat() {
    beatAt = Date.now();
    isAsked = true;
    socket.emit("ping");
  }

  function check() {
    if (socket.connected && !isAsked) beat();
  }

  function giveUp() {
    isAsked = false;
    lose(SILENT);
    socket.disconnect().connect();
  }

  function answered({ timestamp }) {
    if (!isAsked) return;
    isAsked = false;
    clock.learn(timestamp, beatAt);
    if (state.name === "connected") become({ ...state, delay: Date.now() - beatAt });
  }

  // What the socket says.

  function lose(sentence) {
    become({ name: "disconnected", label: "Reconnecting", sentence });
  }

  function connected() {
    clearTimeout(again);
    heardAt = Date.now();
    clock.relearn();
    become({ name: "connected", label: "Connected" });
    beat();
    // The first answer waits until the page has drawn itself; this one measures the link alone.
    setTimeout(check, SETTLED_AFTER);
  }

  function disconnected(reason) {
    isAsked = false;
    if (reason === "io client disconnect") return;
    lose(LOST);
    if (reason === "io server disconnect") again = setTimeout(() => socket.connect(), RETURN_AFTER);
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
    const seconds = ASK_AGAIN_AFTER / 1000;
    const sentence = `The server refuses this page: ${message}. It asks again every ${seconds} s.`;
    become({ name: "refused", label: "Refused", sentence });
    again = setTimeout(() => socket.connect(), ASK_AGAIN_AFTER);
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
        isAsked = false; // the answer may be among what was lost
      });
      socket.onAny(() => {
        heardAt = Date.now();
      });
      setInterval(look, LOOK_EVERY);
      socket.connect();
    },

    /** Asks at once whether the server is there, as after the machine has slept. */
    check() {
      clock.relearn();
      check();
      if (state.name === "disconnected") socket.connect();
    },

    on: (event, listener) => socket.on(event, listener),

    /** Sends if the link is up; what a page asks for is asked again when it comes up. */
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
