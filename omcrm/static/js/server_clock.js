/** Tells the server's time from this machine's clock and the answers to pings. */
export function createServerClock(machine = Date.now) {
  let offset = 0;
  let best = Infinity;

  return {
    /** Milliseconds since 1970 as the server would say now. */
    now: () => machine() + offset,

    /** Learns from an answer; the quickest one so far is the most exact. */
    learn(timestamp, sentAt, receivedAt = machine()) {
      const server = Date.parse(timestamp);
      const delay = receivedAt - sentAt;
      if (Number.isNaN(server) || delay < 0 || delay > best) return;
      best = delay;
      offset = server - (sentAt + receivedAt) / 2;
    },

    /** Forgets which answer was the quickest: after sleep the clocks may have parted. */
    relearn() {
      best = Infinity;
    },
  };
}
