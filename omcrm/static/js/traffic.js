/** Keeps what was said on a socket, the newest of it. Knows no DOM and no socket. */

// So many are kept: a socket may be watched for days.
const MOST = 500;

const encoder = new TextEncoder();

export function createTraffic() {
  const listeners = new Set();
  let entries = [];
  let number = 0;

  function tell() {
    for (const listener of listeners) listener();
  }

  return {
    /** Notes a message, `sent` or `received`, or a `note` of our own. */
    add(direction, text) {
      const size = direction === "note" ? null : encoder.encode(text).length;
      number += 1;
      entries = [...entries.slice(1 - MOST), { number, direction, text, size, at: new Date() }];
      tell();
    },

    clear() {
      entries = [];
      tell();
    },

    /** Those that go in a direction (all where it is empty) and contain a text, in any case. */
    find(direction, wanted) {
      const low = wanted.toLowerCase();
      return entries.filter(
        (each) => (!direction || each.direction === direction) && each.text.toLowerCase().includes(low),
      );
    },

    count: () => entries.length,

    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** An entry as a line of text. */
export function written({ direction, at, size, text }) {
  const mark = { sent: ">", received: "<", note: "#" }[direction];
  return [mark, at.toISOString(), size ?? "-", text].join(" ");
}
