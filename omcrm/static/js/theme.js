// The theme: dark unless this browser chose light. A classic script, so that it runs before the
// first paint; a module would run too late, and the page would flash.
(() => {
  const KEY = "omcrm-theme";
  const root = document.documentElement;

  function storedTheme() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage may be disabled; the theme then lasts as long as the page
    }
  }

  function storeTheme(theme) {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // as above
    }
  }

  function apply(theme) {
    root.dataset.theme = theme;
    root.dispatchEvent(new CustomEvent("themechange", { detail: theme }));
  }

  function wire() {
    const button = document.getElementById("theme");
    const name = () => {
      const other = root.dataset.theme === "light" ? "Dark theme" : "Light theme";
      button.setAttribute("aria-label", other);
      button.title = other;
    };
    name();
    button.addEventListener("click", () => {
      const theme = root.dataset.theme === "light" ? "dark" : "light";
      storeTheme(theme);
      apply(theme);
      name();
    });
  }

  apply(storedTheme() === "light" ? "light" : "dark");
  document.addEventListener("DOMContentLoaded", wire);
})();
