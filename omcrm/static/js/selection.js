/** The instrument that is shown in detail, stored in the address for links and the back button. */
export function createSelection(symbols, onChange) {
  const narrow = matchMedia("(max-width: 999px)");

  function current() {
    const wanted = decodeURIComponent(location.hash.slice(1));
    if (symbols.includes(wanted)) return wanted;
    return narrow.matches ? null : symbols[0];
  }

  const notify = () => onChange(current());
  addEventListener("hashchange", notify);
  narrow.addEventListener("change", notify);

  return {
    open: notify,

    select(symbol) {
      const address = `#${encodeURIComponent(symbol)}`;
      // On a phone the detail is a view of its own, and the back button leads to the list.
      if (narrow.matches) {
        location.hash = address;
        return;
      }
      history.replaceState(null, "", address);
      notify();
    },

    leave() {
      history.replaceState(null, "", location.pathname + location.search);
      notify();
    },
  };
}
