/** A client of the raw WebSocket for programs: sends and receives envelopes, and reconnects. */

const CHECK_EVERY = 1_000;
const PING_EVERY = 5_000;
const DEAD_AFTER = 5_000;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
const TOO_LONG = 60_000;
const POLICY_VIOLATION = 1008;

const LOST = "The connection is lost. The prices shown are the last received. Trying again.";
const UNREACHABLE = "The WebSocket cannot be reached, or refuses this page. Trying again.";
const ENDED = "You are no longer logged in.";

/** Creates a connection that is not yet open; `path` is on this page's own host. */
export function createRealtimeLink(path) {
  const stateListeners = new Set();
  const handlers = new Map();
  let socket = null;
  let state = { name: "connecting", label: "Connecting", sentence: "", delay: null };
  let pause = FIRST_PAUSE;
  let pingedAt = 0;
  let isPending = false;
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
    socket.addEventListener("message", received);
    socket.addEventListener("close", closed);
  }

  function opened() {
    become({ name: "connected", label: "Connected" });
    ping();
  }

  function received({ data }) {
    const message = JSON.parse(data);
    if (message.type === "pong") answered();
    // Only an accepted connection resets the pause.
    if (message.type === "connection") pause = FIRST_PAUSE;
    for (const handle of handlers.get(message.type) ?? []) handle(message.data);
  }

  function closed({ target, code, reason }) {
    if (target !== socket) return;
    const wasUp = state.name === "connected";
    isPending = false;
    if (code === POLICY_VIOLATION && reason === "Session ended") {
      become({ name: "refused", label: "Logged out", sentence: ENDED, login: true });
      return;
    }
    const sentence = wasUp || state.sentence === LOST ? LOST : UNREACHABLE;
    become({ name: "disconnected", label: "Reconnecting", sentence });
    // With jitter, so that many pages do not reconnect at the same time.
    again = setTimeout(connect, pause * (0.5 + Math.random() / 2));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }

  /** Closes a socket that does not answer, before the browser notices. */
  function checkAnswers() {
    if (state.name !== "connected") return;
    const since = Date.now() - pingedAt;
    if (isPending && since > DEAD_AFTER && since < TOO_LONG) giveUp();
    else if (!isPending && since > PING_EVERY) ping();
  }

  function giveUp() {
    const dead = socket;
    closed({ target: dead, code: 0, reason: "" });
    // Its close event, which may come much later, is ignored then.
    socket = null;
    dead.close();
  }

  function ping() {
    pingedAt = Date.now();
    isPending = true;
    send("ping");
  }

  function answered() {
    isPending = false;
    if (state.name === "connected") become({ ...state, delay: Date.now() - pingedAt });
  }

  function send(type, data = {}) {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify({ type, data, timestamp: new Date().toISOString() }));
    return true;
  }

  return {
    send,

    open() {
      setInterval(checkAnswers, CHECK_EVERY);
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
