/** The resume token of a subscription: the newest quote that the page has received. */
export function createResumeToken() {
  let epoch = "";
  let seq = 0;
  let isAccepted = false;

  return {
    /** The token for the next subscription, which then gets only changes; undefined without one. */
    since: () => (epoch ? { epoch, seq } : undefined),

    /** Starts a new connection: numbers count only after an answer has named their epoch. */
    renew() {
      isAccepted = false;
    },

    /** Takes the token from the answer to a subscription. */
    accept(answer) {
      ({ epoch, seq } = answer);
      isAccepted = true;
    },

    /** Moves the token on to a received quote. */
    update(quote) {
      if (isAccepted) seq = Math.max(seq, quote.seq);
    },
  };
}
