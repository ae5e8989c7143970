// Uploads in progress: the rows are kept current in their place, so that nothing flickers and no focus or selection is
// lost. It looks only while somebody is there: an open page that nobody uses must not keep a session alive.

import { Meter, fileSize, timeLeft } from "./upload/format.js";

const EVERY = 2000;
const UNUSED = 10 * 60_000;

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const rowsOf = (root) => new Map(all(".table-panel tbody tr[data-open]", root).map((row) => [keyOf(row), row]));
/** The record that a row is about. */
const keyOf = (row) => new URL(row.querySelector("th a").href, location.href).searchParams.get("id");

const mark = document.querySelector("[data-live]");
const meters = new Map();
let used = performance.now();
let looking = false;

for (const event of ["pointermove", "pointerdown", "keydown", "scroll"]) {
  addEventListener(event, () => { used = performance.now(); }, { passive: true });
}

function say(text, on) {
  mark.hidden = false;
  mark.textContent = text;
  mark.classList.toggle("on", on);
}

async function look() {
  if (looking || document.hidden) return;
  if (performance.now() - used > UNUSED) {
    say("Paused: nobody is here", false);
    return;
  }
  looking = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    say("Live", true);
  } catch {
    say("Not current: the site does not answer", false);
  } finally {
    looking = false;
  }
}

function show(page) {
  const here = rowsOf(document);
  const now = rowsOf(page);
  if (!here.size && now.size) {
    location.reload();
    return;
  }
  for (const [key, row] of here) {
    if (now.has(key)) update(row, now.get(key), key);
    else leave(row);
  }
  let before = null;
  for (const [key, row] of now) {
    const mine = here.get(key) ?? document.importNode(row, true);
    if (!here.has(key)) (before ? before.after(mine) : document.querySelector(".table-panel tbody").prepend(mine));
    before = mine;
  }
  const count = page.querySelector("h1 .count");
  if (count) document.querySelector("h1 .count").textContent = count.textContent;
}

/** What is finished or given up stays for one more look, so that the eye can follow, and for as long as it is in use. */
function leave(row) {
  const inUse = row.contains(document.activeElement) || row.querySelector("input:checked");
  if (row.classList.contains("row-gone") && !inUse) row.remove();
  else row.classList.add("row-gone");
}

function update(row, next, key) {
  row.classList.remove("row-gone");
  const bar = row.querySelector("progress");
  const nextBar = next.querySelector("progress");
  if (bar && nextBar) {
    bar.value = nextBar.value;
    bar.setAttribute("aria-label", nextBar.getAttribute("aria-label"));
  }
  replaceText(row.querySelector("[data-arrived]"), next.querySelector("[data-arrived]"));
  const time = row.querySelector("time");
  const nextTime = next.querySelector("time");
  if (time && nextTime && time.dateTime !== nextTime.dateTime) {
    time.dateTime = nextTime.dateTime;
    time.textContent = nextTime.textContent;
  }
  pace(row.querySelector("[data-pace]"), next.querySelector("[data-pace]"), key);
}

function replaceText(old, next) {
  if (old && next && old.textContent !== next.textContent) old.textContent = next.textContent;
}

/** From two looks or more; as long as nothing has moved between them, what the server says. */
function pace(old, next, key) {
  if (!old || !next) return;
  const [was, is, size] = [Number(old.dataset.bytes), Number(next.dataset.bytes), Number(next.dataset.size)];
  if (!meters.has(key)) meters.set(key, new Meter());
  const meter = meters.get(key);
  if (is > was) meter.add(is - was);
  old.dataset.bytes = next.dataset.bytes;
  const speed = meter.speed();
  if (!speed) {
    if (old.innerHTML !== next.innerHTML) old.replaceChildren(...document.importNode(next, true).childNodes);
    return;
  }
  const left = size > 0 ? ` · ${timeLeft((size - is) / speed)}` : "";
  old.textContent = `${fileSize(speed)}/s${left}`;
}

say("Live", true);
setInterval(look, EVERY);
document.addEventListener("visibilitychange", look);
