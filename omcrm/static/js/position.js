/** Where the page is in what the server tells it: with that it comes back for what it missed. */
export function createPosition() {
  let epoch = "";
  let seq = 0;
  let seen = 0;
  let isNamed = false;

  function advance() {
    if (isNamed) seq = Math.max(seq, seen);
  }

  return {
    /** What a subscription names to be sent only what changed; undefined where nothing is known. */
    since: () => (epoch ? { epoch, seq } : undefined),

    /** Starts a new connection: its numbers mean nothing until the server has named their epoch. */
    renew() {
      seen = 0;
      isNamed = false;
    },

    saw(quote) {
      seen = Math.max(seen, quote.seq);
      advance();
    },

    /** Takes the epoch of an answer to a subscription; another one counts from the beginning. */
    name(answer) {
      if (answer.epoch !== epoch) seq = 0;
      epoch = answer.epoch;
      isNamed = true;
      advance();
    },
  };
}
