/** Stores the newest messages of a socket. Knows no DOM and no socket. */

// At most so many: a socket may be open for days.
const MOST = 500;

const encoder = new TextEncoder();

export function createTraffic() {
  const listeners = new Set();
  let entries = [];
  let number = 0;

  function notify() {
    for (const listener of listeners) listener();
  }

  return {
    /** Adds a message, `sent` or `received`, or a `note` of the page. */
    add(direction, text) {
      const size = direction === "note" ? null : encoder.encode(text).length;
      number += 1;
      entries = [...entries.slice(1 - MOST), { number, direction, text, size, at: new Date() }];
      notify();
    },

    clear() {
      entries = [];
      notify();
    },

    /** The entries of a direction (all where it is empty) that contain a text, in any case. */
    find(direction, wanted) {
      const low = wanted.toLowerCase();
      return entries.filter(
        (entry) => (!direction || entry.direction === direction) && entry.text.toLowerCase().includes(low),
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
