/** Makes elements from the page's templates. */

/** A copy of a template's only element, with its parts by their `data-field`. */
export function copyTemplate(id) {
  const element = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const parts = [...element.querySelectorAll("[data-field]")];
  return { element, part: Object.fromEntries(parts.map((each) => [each.dataset.field, each])) };
}

/** Writes text where it is another one: what stays the same keeps its selection. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
