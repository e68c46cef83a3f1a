/** A client of the raw WebSocket for programs: envelopes both ways, and it comes back by itself. */

const LOOK_EVERY = 1_000;
const BEAT_EVERY = 5_000;
const DEAD_AFTER = 5_000;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
const TOO_LONG = 60_000;
const POLICY_VIOLATION = 1008;

const LOST = "The connection is lost. What is shown is the last that was received. Trying again.";
const UNREACHABLE = "The WebSocket cannot be reached, or refuses this page. Trying again.";
const ENDED = "You are not logged in any more.";

/** Gives a link that is not yet open; `path` is on this page's own host. */
export function createRealtimeLink(path) {
  const stateListeners = new Set();
  const handlers = new Map();
  let socket = null;
  let state = { name: "connecting", label: "Connecting", sentence: "", delay: null };
  let pause = FIRST_PAUSE;
  let beatAt = 0;
  let isAsked = false;
  let again = null;

  function become(next) {
    state = { sentence: "", delay: null, ...next };
    for (const listener of stateListeners) listener(state);
  }

  function connect() {
    clearTimeout(again);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}${path}`);
    socket.addEventListener("open", opened);
    socket.addEventListener("message", heard);
    socket.addEventListener("close", closed);
  }

  function opened() {
    become({ name: "connected", label: "Connected" });
    beat();
  }

  function heard({ data }) {
    const message = JSON.parse(data);
    if (message.type === "pong") answered();
    // Only who is let in for good begins again with short pauses.
    if (message.type === "connection") pause = FIRST_PAUSE;
    for (const handle of handlers.get(message.type) ?? []) handle(message.data);
  }

  function closed({ target, code, reason }) {
    if (target !== socket) return;
    const wasUp = state.name === "connected";
    isAsked = false;
    if (code === POLICY_VIOLATION && reason === "Session ended") {
      become({ name: "refused", label: "Logged out", sentence: ENDED, login: true });
      return;
    }
    const sentence = wasUp || state.sentence === LOST ? LOST : UNREACHABLE;
    become({ name: "disconnected", label: "Reconnecting", sentence });
    // Apart from each other, so that many pages do not come back at once.
    again = setTimeout(connect, pause * (0.5 + Math.random() / 2));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }

  /** A socket that does not answer is given up before the browser notices. */
  function look() {
    if (state.name !== "connected") return;
    const since = Date.now() - beatAt;
    if (isAsked && since > DEAD_AFTER && since < TOO_LONG) giveUp();
    else if (!isAsked && since > BEAT_EVERY) beat();
  }

  function giveUp() {
    const dead = socket;
    closed({ target: dead, code: 0, reason: "" });
    // Its own end, which may be told much later, is no news then.
    socket = null;
    dead.close();
  }

  function beat() {
    beatAt = Date.now();
    isAsked = true;
    send("ping");
  }

  function answered() {
    isAsked = false;
    if (state.name === "connected") become({ ...state, delay: Date.now() - beatAt });
  }

  function send(type, data = {}) {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify({ type, data, timestamp: new Date().toISOString() }));
    return true;
  }

  return {
    send,

    open() {
      setInterval(look, LOOK_EVERY);
      connect();
    },

    /** Calls handle(data) for each message of a type. */
    on(type, handle) {
      handlers.set(type, [...(handlers.get(type) ?? []), handle]);
    },

    /** Calls listener(state) now and on every change. */
    subscribe(listener) {
      stateListeners.add(listener);
      listener(state);
    },
  };
}
