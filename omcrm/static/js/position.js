/** Where the page is in what the server tells it: with that it comes back for what it missed. */
export function createPosition() {
  let epoch = "";
  let seq = 0;
  let isNamed = false;

  return {
    /** What a subscription names to be sent only what changed; undefined where nothing is known. */
    since: () => (epoch ? { epoch, seq } : undefined),

    /** Starts a new connection: its numbers mean nothing until an answer has named their epoch. */
    renew() {
      isNamed = false;
    },

    /** Takes the answer to a subscription, which says where the page is by that. */
    name(answer) {
      ({ epoch, seq } = answer);
      isNamed = true;
    },

    saw(quote) {
      if (isNamed) seq = Math.max(seq, quote.seq);
    },
  };
}
