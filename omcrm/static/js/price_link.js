/** Prices for pages other than the desk: subscribes to symbols, at a lower rate while hidden. */

import { createConnection } from "./connection.js";
import { createConnectionView } from "./connection_view.js";
import { createResumeToken } from "./resume_token.js";
import { createStore } from "./store.js";
import { showUserEvents } from "./user_events.js";

// Updates of a symbol in a second: as fast as a sum can be read, and fewer on a hidden page.
const RATE = 4;
const HIDDEN_RATE = 1;
// A page is also hidden for a moment before it is closed.
const HIDDEN_AFTER = 3_000;

export function createPriceLink({ clock, notices, loginUrl }) {
  const connection = createConnection(clock);
  const store = createStore();
  const resumeToken = createResumeToken();
  let symbols = [];
  let slowing = null;

  function subscribe() {
    if (symbols.length === 0) return;
    connection.send("subscribe_to_instruments", {
      symbols,
      since: resumeToken.since(),
      max_rate: document.hidden ? HIDDEN_RATE : RATE,
    });
  }

  function visibilityChanged() {
    clearTimeout(slowing);
    if (document.hidden) {
      slowing = setTimeout(subscribe, HIDDEN_AFTER);
      return;
    }
    connection.check();
    subscribe();
  }

  function accepted(answer) {
    resumeToken.accept(answer);
    const names = answer.rejected.map(({ symbol }) => symbol).join(", ");
    notices.replace("subscription", names && `No live prices for ${names}.`, { kind: "warning" });
  }

  connection.on("price_update", (quote) => {
    resumeToken.update(quote);
    store.set(quote);
  });
  connection.on("subscription_success", accepted);
  connection.on("subscription_error", ({ message }) => {
    notices.replace("subscription", `Some prices are missing: ${message}.`, { kind: "warning" });
  });
  connection.on("connect", () => {
    store.renew();
    resumeToken.renew();
    subscribe();
  });
  connection.on("reload", subscribe);
  document.addEventListener("visibilitychange", visibilityChanged);
  addEventListener("pageshow", (event) => event.persisted && visibilityChanged());
  addEventListener("online", visibilityChanged);
  showUserEvents(connection, notices);
  createConnectionView(connection, notices, loginUrl);

  return {
    store,
    open: connection.open,
    isUp: () => connection.state.name === "connected",

    /** Calls listener(state) now and on every change of the connection. */
    subscribe: connection.subscribe,

    /** Subscribes to these symbols, in addition to the earlier ones. */
    follow(wanted) {
      const grown = new Set([...symbols, ...wanted]);
      if (grown.size === symbols.length) return;
      symbols = [...grown];
      subscribe();
    },
  };
}
