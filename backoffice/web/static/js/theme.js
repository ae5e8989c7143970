// Sets light or dark before the first paint. Runs in <head>, not as a module, so that nothing flashes.
(() => {
  const key = "theme";
  const system = matchMedia("(prefers-color-scheme: dark)");

  /** "light", "dark" or "auto"; storage can be switched off, then the system decides. */
  const chosen = () => {
    try {
      return localStorage.getItem(key) ?? "auto";
    } catch {
      return "auto";
    }
  };
  const show = () => {
    const choice = chosen();
    const dark = choice === "dark" || (choice !== "light" && system.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  };

  show();
  system.addEventListener("change", show);
  addEventListener("storage", show);
  globalThis.theme = {
    chosen,
    choose(choice) {
      try {
        localStorage.setItem(key, choice);
      } catch {
        // Without storage the choice lasts for this page.
        document.documentElement.dataset.theme = choice === "dark" ? "dark" : "light";
        return;
      }
      show();
    },
  };
})();
