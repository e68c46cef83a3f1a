/** Keeps one element for each item of a list, so that it keeps its focus while the list changes. */
export function createKeyedList(place, { create, keyOf }) {
  let shown = new Map();

  return {
    /** Draws the items in their order; each item's view has an `element` and a `draw`. */
    draw(items) {
      const next = new Map(items.map((item) => [keyOf(item), item]));
      for (const [key, { element }] of shown) if (!next.has(key)) element.remove();
      let after = place.firstElementChild;
      const drawn = new Map();
      for (const [key, item] of next) {
        const view = shown.get(key) ?? create(item);
        view.draw?.(item);
        drawn.set(key, view);
        if (view.element === after) after = after.nextElementSibling;
        else place.insertBefore(view.element, after);
      }
      shown = drawn;
    },
  };
}
