/** Prices for a page that is not the desk: follows symbols, and asks for less while nobody looks. */

import { createConnection } from "./connection.js";
import { createConnectionView } from "./connection_view.js";
import { createPosition } from "./position.js";
import { createStore } from "./store.js";

// Updates of a symbol in a second: as many as a sum can be read in, and fewer on a hidden page.
const RATE = 4;
const HIDDEN_RATE = 1;
// A page is hidden for a moment before it goes away, too.
const HIDDEN_AFTER = 3_000;

export function createPriceLink({ clock, notices, loginUrl }) {
  const connection = createConnection(clock);
  const store = createStore();
  const position = createPosition();
  let symbols = [];
  let slowing = null;

  function subscribe() {
    if (symbols.length === 0) return;
    connection.send("subscribe_to_instruments", {
      symbols,
      since: position.since(),
      max_rate: document.hidden ? HIDDEN_RATE : RATE,
    });
  }

  function attended() {
    clearTimeout(slowing);
    if (document.hidden) {
      slowing = setTimeout(subscribe, HIDDEN_AFTER);
      return;
    }
    connection.check();
    subscribe();
  }

  function accepted(answer) {
    position.name(answer);
    const names = answer.rejected.map(({ symbol }) => symbol).join(", ");
    notices.replace("subscription", names && `No live prices come for ${names}.`, { kind: "warning" });
  }

  connection.on("price_update", (quote) => {
    position.saw(quote);
    store.set(quote);
  });
  connection.on("subscription_success", accepted);
  connection.on("subscription_error", ({ message }) => {
    notices.replace("subscription", `Not all prices come: ${message}.`, { kind: "warning" });
  });
  connection.on("connect", () => {
    store.renew();
    position.renew();
    subscribe();
  });
  connection.on("reload", subscribe);
  document.addEventListener("visibilitychange", attended);
  addEventListener("pageshow", (event) => event.persisted && attended());
  addEventListener("online", attended);
  createConnectionView(connection, notices, loginUrl);

  return {
    store,
    open: connection.open,
    isUp: () => connection.state.name === "connected",

    /** Calls listener(state) now and whenever the link to the server stands otherwise. */
    watch: connection.subscribe,

    /** Asks for the prices of these symbols, and of those from before. */
    follow(wanted) {
      const grown = new Set([...symbols, ...wanted]);
      if (grown.size === symbols.length) return;
      symbols = [...grown];
      subscribe();
    },
  };
}
