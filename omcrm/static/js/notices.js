/** Sentences above the page's content, each under a key so that a newer one takes its place. */

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
    /** Shows a sentence in place of the one before it; none when it is empty. */
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
