/** Keeps the newest quote of each symbol. Knows no DOM and no socket. */
export function createStore() {
  const quotes = new Map();
  const fresh = new Set();
  const listeners = new Set();

  function isOlder(quote) {
    const held = quotes.get(quote.symbol);
    return fresh.has(quote.symbol) && held !== undefined && quote.seq < held.seq;
  }

  return {
    get: (symbol) => quotes.get(symbol),

    /** Stores a quote and calls the listeners; false when it is older than the stored one. */
    set(quote) {
      if (isOlder(quote)) return false;
      const previous = quotes.get(quote.symbol);
      quotes.set(quote.symbol, quote);
      fresh.add(quote.symbol);
      for (const listener of listeners) listener(quote, previous);
      return true;
    },

    /** Starts a new connection: a restarted server counts from zero again. */
    renew: () => fresh.clear(),

    /** Calls listener(quote, previous) on every change; returns the function that unsubscribes. */
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
