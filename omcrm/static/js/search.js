/** The search field: filters the watchlist while the user types. */

export function createSearch(field, counter, empty, watchlist) {
  function apply() {
    const wanted = field.value.trim().toLowerCase();
    const shown = watchlist.filter((instrument) => matches(instrument, wanted));
    counter.textContent = wanted ? String(shown) : "";
    empty.hidden = shown > 0;
    empty.textContent = `No instrument matches “${field.value.trim()}”. Escape shows all of them.`;
  }

  function clear() {
    field.value = "";
    apply();
    field.blur();
  }

  field.addEventListener("input", apply);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") clear();
    else if (event.key === "ArrowDown") watchlist.move(0);
    else if (event.key === "Enter") watchlist.enter();
    else return;
    event.preventDefault();
  });

  apply();
  return { clear, focus: () => field.select() };
}

function matches({ symbol, name, type }, wanted) {
  return [symbol, name, type].some((text) => text.toLowerCase().includes(wanted));
}
