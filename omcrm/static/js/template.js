/** Creates elements from the page's templates. */

/** A copy of a template's only element, with its parts by their `data-field`. */
export function copyTemplate(id) {
  const element = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const fields = [...element.querySelectorAll("[data-field]")];
  return { element, part: Object.fromEntries(fields.map((field) => [field.dataset.field, field])) };
}

/** Writes a text if it differs, so that a selection in the same text is kept. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
