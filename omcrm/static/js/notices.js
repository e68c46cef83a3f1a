/** Sentences above the page's content, each with a key, so that a newer one replaces it. */

export function createNotices(place) {
  const shown = new Map();

  function remove(key) {
    shown.get(key)?.remove();
    shown.delete(key);
  }

  function create(sentence, { kind, link }) {
    const notice = document.createElement("p");
    notice.className = "notice";
    notice.dataset.kind = kind;
    notice.setAttribute("role", kind === "error" ? "alert" : "status");
    const text = document.createElement("span");
    text.textContent = sentence;
    notice.append(text);
    if (link) notice.append(createLink(link));
    return notice;
  }

  return {
    /** Replaces the sentence of a key; an empty one removes it. */
    replace(key, sentence, { kind = "info", link = null } = {}) {
      if (shown.get(key)?.firstChild.textContent === sentence) return;
      remove(key);
      if (!sentence) return;
      shown.set(key, create(sentence, { kind, link }));
      place.append(shown.get(key));
    },
  };
}

function createLink({ text, url }) {
  const link = document.createElement("a");
  link.href = url;
  link.textContent = text;
  return link;
}
