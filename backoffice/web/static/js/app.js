// What every page has: menus, times, messages, the look, copying, and `/` for the search box.
// All of it adds to pages that already work without a script. A script that puts new HTML into the page says so by the
// event "fresh".

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Menus are <details>: close them on Escape and on a click elsewhere. */
function menus() {
  document.addEventListener("click", (event) => {
    for (const menu of all("[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    // What lies in a menu and uses the key itself says so: a list of suggestions.
    if (event.key !== "Escape" || event.defaultPrevented) return;
    for (const menu of all("[data-menu][open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

const steps = [[60, 1, "second"], [3600, 60, "minute"], [86400, 3600, "hour"], [45 * 86400, 86400, "day"],
  [365 * 86400, 30 * 86400, "month"], [Infinity, 365 * 86400, "year"]];

/** "3 minutes ago", as the server words it. */
function ago(date) {
  const seconds = (Date.now() - date) / 1000;
  const distance = Math.abs(seconds);
  if (distance < 10) return "just now";
  const [, step, unit] = steps.find(([limit, step]) => Math.round(distance / step) * step < limit);
  const count = Math.round(distance / step);
  const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return seconds > 0 ? `${words} ago` : `in ${words}`;
}

const language = document.documentElement.lang;
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
const longDay = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "long" });

/** "Today 14:21", "Yesterday 09:05", "14 Nov 14:21", "14 Nov 2025". */
function moment(date) {
  const now = new Date();
  const daysAgo = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  if (daysAgo === 0) return `Today ${clock.format(date)}`;
  if (daysAgo === 1) return `Yesterday ${clock.format(date)}`;
  return date.getFullYear() === now.getFullYear() ? `${day.format(date)} ${clock.format(date)}` : longDay.format(date);
}

/** Keep distances and days current, in the reader's own zone, with the exact time on hover. */
function times() {
  const refresh = () => {
    for (const time of all("time[data-when]")) {
      const date = new Date(time.dateTime);
      time.textContent = moment(date);
      time.title = exact.format(date);
    }
    for (const time of all("time[data-ago]")) {
      const date = new Date(time.dateTime);
      time.textContent = ago(date);
      time.title = exact.format(date);
    }
  };
  refresh();
  document.addEventListener("fresh", refresh);
  setInterval(refresh, 30_000);
}

/** Messages can be put away; their text is announced once the page is read. */
function flashes() {
  const box = document.querySelector("[data-flashes]");
  if (!box) return;
  for (const button of all("[data-dismiss]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      button.closest(".flash, .toast").remove();
      document.querySelector("#main")?.focus();
    });
  }
  // One that offers to undo stays until it is put away: nobody has to be quick (WCAG 2.2.1).
  const withoutAct = (selector) => all(selector).filter((toast) => !toast.querySelector("form"));
  withoutAct("[data-toast]").forEach(goingAway);
  document.addEventListener("fresh", () => withoutAct("[data-region] [data-toast]").forEach(goingAway));
  const quiet = all(".flash:not([role], [hidden]), .toast p").map((flash) => flash.innerText.trim());
  const announce = document.querySelector("[data-announce]");
  if (quiet.length) setTimeout(() => { announce.textContent = quiet.join(" "); }, 400);
}

/** A toast goes after 8 s in which nobody points at it or has the focus in it. */
function goingAway(toast) {
  let timer = 0;
  const start = () => { timer = setTimeout(() => toast.remove(), 8000); };
  for (const hold of ["pointerenter", "focusin"]) toast.addEventListener(hold, () => clearTimeout(timer));
  for (const go of ["pointerleave", "focusout"]) toast.addEventListener(go, start);
  start();
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

/** What a button copies: the text of an element of the page (`data-copy`), or that of an address (`data-copy-from`). */
function copying() {
  const wanted = "[data-copy], [data-copy-from]";
  const reveal = () => all(wanted).forEach((button) => { button.hidden = false; });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest(wanted);
    if (!button) return;
    const label = button.querySelector("span");
    const source = document.getElementById(button.dataset.copy);
    source?.select?.();
    try {
      await toClipboard(source ? source.value ?? source.textContent : await textAt(button.dataset.copyFrom), button);
      label.textContent = "Copied";
    } catch {
      // What stands on the page is selected, ready for the keyboard.
      label.textContent = source ? "Press Ctrl+C" : "Not copied";
    }
  });
  document.addEventListener("fresh", reveal);
  reveal();
}

async function textAt(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}

/** Without TLS browsers have no clipboard for scripts, but copy what is selected. */
async function toClipboard(text, button) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = Object.assign(document.createElement("textarea"), { value: text, className: "visually-hidden" });
  button.after(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  button.focus();
  if (!copied) throw new Error("no clipboard");
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

/** Tell the server the zone of the reader: days that lists are filtered by begin and end there. */
function zone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const secure = location.protocol === "https:" ? "; Secure" : "";
  if (timeZone) document.cookie = `tz=${timeZone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

/** Ctrl-K, or the button for it, opens the palette; the button is a link where there is no script. */
function finding() {
  const link = document.querySelector("[data-palette]");
  if (!link) return;
  let early = null;
  const open = async () => {
    if (early !== null) return;
    early = "";
    try {
      (await import(link.dataset.palette)).open(link, () => early);
    } finally {
      early = null;
    }
  };
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  document.addEventListener("keydown", (event) => {
    // What is typed while it is loading belongs to it.
    if (early !== null && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      early += event.key;
      event.preventDefault();
    }
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    if (document.querySelector("dialog[open]")) return;
    event.preventDefault();
    open();
  });
}

zone();
finding();
menus();
all(".sidebar nav [aria-current], .tabs [aria-current]").forEach((here) => here.scrollIntoView({ block: "nearest", inline: "center" }));
times();
flashes();
themes();
copying();
shortcuts();
document.querySelector("[data-focus-first]")?.focus();
