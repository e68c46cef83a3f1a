/** Why a price is what it is: the server writes the words, here its newest parts replace older ones. */

/** The parts have a `data-part`; one that has not changed, or in which text is selected, stays. */
export function createExplanation(place) {
  return {
    async refresh() {
      const response = await fetch(place.dataset.url);
      if (!response.ok) throw new Error(`The server answered ${response.status}.`);
      const answer = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const part of place.querySelectorAll("[data-part]")) {
        const next = answer.querySelector(`[data-part="${part.dataset.part}"]`);
        if (next && !part.isEqualNode(next) && !isSelected(part)) part.replaceWith(next);
      }
    },
  };
}

function isSelected(part) {
  const selection = document.getSelection();
  return !selection.isCollapsed && selection.containsNode(part, true);
}
