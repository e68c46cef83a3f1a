/** Which instrument is shown in detail, kept in the address so that it can be linked and gone back from. */
export function createSelection(symbols, onChange) {
  const narrow = matchMedia("(max-width: 999px)");

  function current() {
    const wanted = decodeURIComponent(location.hash.slice(1));
    if (symbols.includes(wanted)) return wanted;
    return narrow.matches ? null : symbols[0];
  }

  const tell = () => onChange(current());
  addEventListener("hashchange", tell);
  narrow.addEventListener("change", tell);

  return {
    open: tell,

    select(symbol) {
      const address = `#${encodeURIComponent(symbol)}`;
      // On a phone the detail is a view of its own, and the back button leads to the list.
      if (narrow.matches) {
        location.hash = address;
        return;
      }
      history.replaceState(null, "", address);
      tell();
    },

    leave() {
      history.replaceState(null, "", location.pathname + location.search);
      tell();
    },
  };
}
