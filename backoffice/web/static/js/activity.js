// The log: days and times in the reader's zone (or in UTC), an entry beside the list, J and K to walk.
// Without it the page shows UTC, and an entry is a page of its own.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
// Day before month, as the server words it.
const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
const ZONE = "backoffice.zone";

function chosenZone() {
  try {
    return localStorage.getItem(ZONE) === "utc" ? "utc" : "local";
  } catch {
    return "local"; // storage may be forbidden
  }
}

let zone = chosenZone();
const options = (more) => ({ ...more, timeZone: zone === "utc" ? "UTC" : undefined });
const format = (more) => new Intl.DateTimeFormat(language, options(more));

/** Days are parted where the reader's midnight is, and each time is that of the reader's clock. */
function times() {
  const clock = format({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const day = format({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
  const exact = format({ dateStyle: "medium", timeStyle: "long" });
  for (const log of all("[data-log]")) {
    all("[data-day]", log).forEach((heading) => heading.remove());
    let shown = "";
    for (const row of all("[data-entry]", log)) {
      const time = row.querySelector("[data-clock]");
      const date = new Date(time.dateTime);
      time.textContent = clock.format(date);
      time.title = exact.format(date);
      if (day.format(date) === shown) continue;
      shown = day.format(date);
      row.before(heading(shown));
    }
  }
  const precise = format({ dateStyle: "medium", timeStyle: "long" });
  for (const time of all("time[data-exact]")) {
    time.title = time.dateTime;
    time.textContent = precise.format(new Date(time.dateTime));
  }
}

function heading(text) {
  const item = document.createElement("li");
  item.className = "log-day";
  item.dataset.day = "";
  item.append(Object.assign(document.createElement("h2"), { textContent: text }));
  return item;
}

function zones() {
  const group = document.querySelector("[data-zone]");
  if (!group) return;
  const buttons = all("button", group);
  const mark = () => buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.zoneIs === zone)));
  group.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    zone = button.dataset.zoneIs;
    try {
      localStorage.setItem(ZONE, zone);
    } catch {
      // then it is so for this page alone
    }
    mark();
    times();
    showMoments();
  });
  mark();
  group.hidden = false;
}

/** Controls for a date and time hold UTC, as the address does; people enter what their clock shows. */
const moments = all("input[type=datetime-local]");
const utc = new Map(moments.map((one) => [one, one.value]));

function localText(date) {
  return zone === "utc" ? date.toISOString().slice(0, 16)
    : new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function showMoments() {
  for (const one of moments) {
    const date = new Date(`${utc.get(one)}Z`);
    if (utc.get(one) && !Number.isNaN(date.getTime())) one.value = localText(date);
  }
}

function sending() {
  for (const one of moments) {
    one.addEventListener("change", () => {
      const date = new Date(zone === "utc" ? `${one.value}Z` : one.value);
      utc.set(one, one.value && !Number.isNaN(date.getTime()) ? date.toISOString().slice(0, 16) : "");
    });
    one.form?.addEventListener("submit", () => { one.value = utc.get(one); });
  }
}

const split = document.querySelector("[data-split]");
const aside = split?.querySelector("[data-aside]");
const rows = () => all("[data-entry]", split ?? undefined);
const wide = matchMedia("(min-width: 64.01rem)");
let latest = 0;

/** The entry stands beside the list, and its address in the bar: sent to somebody else, it shows the same. */
async function openEntry(row) {
  if (!wide.matches) { // there is no room beside it
    location.assign(row.querySelector(".log-time").href);
    return;
  }
  const turn = ++latest;
  const answer = await fetch(row.querySelector(".log-time").href, { headers: { Accept: "text/html" } });
  if (turn !== latest) return; // somebody walks faster than the network
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const entry = page.querySelector("[data-log-entry]");
  if (!answer.ok || !entry) {
    location.assign(row.querySelector(".log-time").href);
    return;
  }
  aside.querySelector("[data-aside-content]").replaceChildren(document.importNode(entry, true));
  aside.hidden = false;
  split.classList.add("opened");
  const address = new URL(location.href);
  address.searchParams.set("entry", row.dataset.entry);
  history.replaceState(null, "", address);
  times();
  mark(row);
}

function mark(row) {
  for (const other of rows()) other.toggleAttribute("aria-current", other === row);
  row?.setAttribute("aria-current", "true");
  row?.scrollIntoView({ block: "nearest" });
}

function closeEntry() {
  latest += 1;
  aside.hidden = true;
  split.classList.remove("opened");
  const address = new URL(location.href);
  address.searchParams.delete("entry");
  history.replaceState(null, "", address);
  mark(null);
}

function step(by) {
  const found = rows();
  const at = found.findIndex((row) => row.hasAttribute("aria-current"));
  const next = found[at < 0 ? 0 : at + by];
  if (!next) return;
  openEntry(next);
  next.querySelector(".log-time").focus({ preventScroll: true });
}

function walking() {
  if (!split) return;
  document.querySelector("[data-log]")?.setAttribute("data-log", "live");
  const named = new URL(location.href).searchParams.get("entry");
  if (named) mark(rows().find((row) => row.dataset.entry === named) ?? null);
  split.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("[data-close]")) {
      event.preventDefault();
      closeEntry();
      return;
    }
    const row = event.target.closest("[data-entry]");
    const link = event.target.closest("a");
    if (!row || (link && !link.classList.contains("log-time")) || String(getSelection())) return;
    event.preventDefault();
    openEntry(row);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "Escape" && !aside.hidden && !document.querySelector("[data-menu][open]")) closeEntry();
  });
}

zones();
times();
showMoments();
sending();
walking();
