// What every page has: menus, times, messages, the look, copying, and `/` for the search box.
// All of it adds to pages that already work without a script.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Menus are <details>: close them on Escape and on a click elsewhere. */
function menus() {
  document.addEventListener("click", (event) => {
    for (const menu of all("[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of all("[data-menu][open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

const steps = [[60, 1, "second"], [3600, 60, "minute"], [86400, 3600, "hour"], [30 * 86400, 86400, "day"],
  [365 * 86400, 30 * 86400, "month"], [Infinity, 365 * 86400, "year"]];

/** "3 minutes ago", as the server words it. */
function ago(date) {
  const seconds = (Date.now() - date) / 1000;
  const distance = Math.abs(seconds);
  if (distance < 10) return "just now";
  const [, step, unit] = steps.find(([limit]) => distance < limit);
  const count = Math.floor(distance / step);
  const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return seconds > 0 ? `${words} ago` : `in ${words}`;
}

/** Keep distances current, and show the exact time in the reader's own zone. */
function times() {
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  const refresh = () => {
    for (const time of all("time[data-ago]")) {
      const date = new Date(time.dateTime);
      time.textContent = ago(date);
      time.title = exact.format(date);
    }
  };
  refresh();
  setInterval(refresh, 30_000);
}

/** Messages can be put away; their text is announced once the page is read. */
function flashes() {
  const box = document.querySelector("[data-flashes]");
  if (!box) return;
  for (const button of all("[data-dismiss]", box)) {
    button.hidden = false;
    button.addEventListener("click", () => {
      button.closest(".flash").remove();
      document.querySelector("#main")?.focus();
    });
  }
  const quiet = all(".flash:not([role])", box).map((flash) => flash.innerText.trim());
  const announce = document.querySelector("[data-announce]");
  if (quiet.length) setTimeout(() => { announce.textContent = quiet.join(" "); }, 400);
}

function themes() {
  for (const group of all("[data-theme-switch]")) {
    const buttons = all("button", group);
    const mark = () => buttons.forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.theme === globalThis.theme.chosen())));
    group.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      globalThis.theme.choose(button.dataset.theme);
      mark();
    });
    mark();
    group.hidden = false;
  }
}

function copying() {
  for (const button of all("[data-copy]")) {
    const source = document.getElementById(button.dataset.copy);
    const label = button.querySelector("span");
    button.hidden = false;
    button.addEventListener("click", async () => {
      source.select?.();
      try {
        await navigator.clipboard.writeText(source.value ?? source.textContent);
        label.textContent = "Copied";
      } catch {
        // No clipboard without TLS: the text is selected, ready for the keyboard.
        label.textContent = "Press Ctrl+C";
      }
    });
  }
}

/** `/` goes to the search box, unless somebody is typing. */
function shortcuts() {
  const search = document.querySelector("[data-search]");
  if (!search) return;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    search.focus();
    search.select();
  });
}

menus();
document.querySelector(".sidebar nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
times();
flashes();
themes();
copying();
shortcuts();
document.querySelector("[data-focus-first]")?.focus();
