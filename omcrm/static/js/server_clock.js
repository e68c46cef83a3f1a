/** Estimates the server's time from this machine's clock and the answers to pings. */
export function createServerClock(machine = Date.now) {
  let offset = 0;
  let best = Infinity;

  return {
    /** The server's time in milliseconds since 1970. */
    now: () => machine() + offset,

    /** Updates the offset from an answer; the fastest one is the most exact. */
    learn(timestamp, sentAt, receivedAt = machine()) {
      const server = Date.parse(timestamp);
      const delay = receivedAt - sentAt;
      if (Number.isNaN(server) || delay < 0 || delay > best) return;
      best = delay;
      offset = server - (sentAt + receivedAt) / 2;
    },

    /** Resets the fastest answer: after a suspension the clocks may differ. */
    relearn() {
      best = Infinity;
    },
  };
}
