// The tray: what the page shows of the uploads. What failed comes first; of thousands only those rows are made that say
// something now, and the rest is counted.

import { takesLess } from "./between.js";
import { counted, fileSize, timeLeft } from "./format.js";

const TROUBLE = {
  offline: "Waiting for the network.",
  down: "The store does not answer just now. The uploads go on by themselves as soon as it does.",
  between: "Something between here and the site answers in its place: a proxy that does not get through to it, or the"
    + " sign-in page of this network. The uploads go on by themselves as soon as the site answers.",
  "signed-out": "You have been signed out. The uploads go on when you have signed in again.",
  stranger: "Somebody else has signed in here. Nothing more is sent; reload the page.",
};
const WAITING = {
  offline: "Waiting for the network",
  down: "Waiting for the store",
  between: "Waiting for the site",
  "signed-out": "Waiting for you to sign in",
  stranger: "Stopped",
};
const EVERY_MS = 150;
/** Of so many files each change is not drawn by itself. */
const MANY = 50;
const SELDOM_MS = 500;
/** Rows of each kind, and in what order. */
const SHOWN = [["failed", 50], ["active", 20], ["paused", 20], ["queued", 5], ["done", 8], ["cancelled", 3]];
/** Files that are said one by one when they are stored. */
const SAID = 5;
const TITLE = /^\d+ % · /;

export class View {
  #queue;
  #connection;
  #section = document.querySelector("[data-transfers]");
  #list = this.#section.querySelector("[data-list]");
  #template = document.querySelector("template[data-transfer]");
  #status = document.querySelector("[data-status]");
  #rows = new Map();
  #timer = null;
  #over = false;

  constructor(queue, connection) {
    this.#queue = queue;
    this.#connection = connection;
    queue.addEventListener("change", () => this.#soon(queue.transfers.length > MANY ? SELDOM_MS : 0));
    queue.addEventListener("progress", () => this.#soon(queue.transfers.length > MANY ? SELDOM_MS : EVERY_MS));
    queue.addEventListener("stored", ({ detail: one }) => {
      if (queue.transfers.length <= SAID) this.say(`${one.stored?.name ?? one.name} is stored.`);
      else if (!queue.busy) this.say(outcome(queue));
    });
    connection.addEventListener("change", () => this.#trouble());
    this.#part("[data-all=toggle]").addEventListener("click", () => this.#toggleAll());
    this.#part("[data-all=clear]").addEventListener("click", () => {
      queue.clear();
      this.#part("h2").focus();
    });
    this.#part("[data-all=retry]").addEventListener("click", () => queue.retryAll());
    this.#part("[data-all=fold]").addEventListener("click", () => this.#fold(!this.#part("#tray-body").hidden));
    setInterval(() => { if (queue.busy) this.#soon(0); }, 1000);
    this.#trouble();
  }

  /** Have it read out, when nothing else is being read. */
  say(text) {
    this.#status.textContent = text;
  }

  #part(selector) {
    return this.#section.querySelector(selector);
  }

  #soon(ms) {
    this.#timer ??= setTimeout(() => { this.#timer = null; this.#draw(); }, ms);
  }

  #draw() {
    const { transfers } = this.#queue;
    const { shown, rest } = visible(transfers);
    const wanted = new Set(shown);
    const focused = document.activeElement;
    for (const [transfer, row] of this.#rows) {
      if (wanted.has(transfer)) continue;
      if (row.element.contains(focused)) this.#part("h2").focus();
      row.element.remove();
      this.#rows.delete(transfer);
    }
    shown.forEach((transfer, index) => {
      if (!this.#rows.has(transfer)) this.#rows.set(transfer, this.#newRow(transfer));
      const row = this.#rows.get(transfer);
      this.#drawRow(transfer, row);
      const there = this.#list.children[index];
      if (there !== row.element) this.#list.insertBefore(row.element, there ?? null);
    });
    // What is put elsewhere loses the focus.
    if (this.#list.contains(focused) && document.activeElement !== focused) focused.focus();
    this.#section.hidden = transfers.length === 0;
    this.#part("[data-rest]").hidden = !rest;
    this.#part("[data-rest]").textContent = rest;
    this.#drawTotals();
  }

  #newRow(transfer) {
    const element = this.#template.content.firstElementChild.cloneNode(true);
    const part = (name) => element.querySelector(`[data-part=${name}]`);
    const row = {
      element, name: part("name"), status: part("status"), note: part("note"), bar: part("bar"), rename: part("rename"),
      toggle: part("toggle"), end: part("end"), said: "",
    };
    row.rename.addEventListener("submit", (event) => {
      event.preventDefault();
      transfer.rename(row.rename.elements.name.value);
    });
    row.toggle.addEventListener("click", () => {
      if (transfer.active || transfer.state === "queued") transfer.pause();
      else transfer.requeue();
    });
    row.end.addEventListener("click", () => {
      if (!transfer.over) transfer.cancel();
      else if (transfer.state === "failed") this.#putAway(transfer);
      else this.#queue.remove(transfer);
    });
    return row;
  }

  /** What failed, off the list; unless it turns out to be stored. */
  async #putAway(transfer) {
    await transfer.cancel();
    if (!transfer.late) this.#queue.remove(transfer);
  }

  #fold(folded) {
    this.#part("[data-all=fold]").setAttribute("aria-expanded", String(!folded));
    this.#part("#tray-body").hidden = folded;
  }

  /** It folds by itself once all is stored, unless somebody is in it, and opens for what comes then. */
  #foldWhenOver(over) {
    if (over === this.#over) return;
    this.#over = over;
    if (!over || this.#queue.failed) this.#fold(false);
    else if (!this.#part("#tray-body").contains(document.activeElement)) this.#fold(true);
  }

  #drawRow(transfer, row) {
    const { state } = transfer;
    row.element.dataset.state = state;
    if (row.name.textContent !== transfer.name) {
      row.name.textContent = transfer.name;
      row.name.title = [...transfer.place.path, transfer.name].join("/");
      row.bar.setAttribute("aria-label", transfer.name);
      row.rename.elements.name.value = transfer.name;
    }
    const misnamed = state === "failed" && transfer.misnamed;
    if (row.rename.hidden === misnamed) row.rename.hidden = !misnamed;
    row.bar.value = transfer.size ? Math.floor((transfer.sent / transfer.size) * 1000) : 0;
    const text = this.#text(transfer);
    if (row.status.textContent !== text) row.status.textContent = text;
    row.note.hidden = !transfer.note || transfer.over;
    if (row.note.textContent !== transfer.note) {
      row.note.textContent = transfer.note;
      if (transfer.note) this.say(`${transfer.name}: ${transfer.note}`);
    }
    row.toggle.hidden = state === "done" || state === "cancelled" || misnamed;
    const [toggle, icon] = { failed: ["Try again", "retry"], paused: ["Resume", "play"] }[state] ?? ["Pause", "pause"];
    label(row.toggle, toggle, transfer.name, icon);
    label(row.end, transfer.over ? "Remove from the list" : "Cancel", transfer.name, "x");
    if (row.said !== state) {
      row.said = state;
      if (state === "failed") this.say(`${transfer.name}: ${transfer.problem}`);
      if (state === "checking") this.say(`${transfer.name}: comparing with what has arrived.`);
    }
  }

  #text(transfer) {
    const size = fileSize(transfer.size);
    const part = `${fileSize(transfer.sent)} of ${size}`;
    switch (transfer.state) {
      case "queued": return `${size} · in the queue`;
      case "checking": return `${part} · comparing with what has arrived`;
      case "sending": return part;
      case "comparing": return `${part} · comparing with the file, ${percent(transfer.compared, transfer.size)} %`;
      case "finishing": return `${part} · being checked`;
      case "waiting": return `${part} · ${WAITING[this.#connection.state] ?? "waiting"}`;
      case "paused": return `${part} · paused`;
      case "done":
        if (transfer.late) return `${size} · stored before it could be cancelled`;
        return transfer.stored && transfer.stored.name !== transfer.name
          ? `${size} · stored as “${transfer.stored.name}”` : `${size} · stored`;
      case "cancelled": return transfer.doubtful ? "Cancelled · it may have been stored just before" : "Cancelled";
      default: return transfer.problem;
    }
  }

  #drawTotals() {
    const { files, done, bytes, sent, speed, left } = this.#queue.totals;
    const { busy, failed } = this.#queue;
    const over = !busy && done === files;
    const parts = [`${done} of ${counted(files, "file")}`, `${percent(sent, bytes)} %`];
    if (failed) parts.push(`${failed} refused`);
    if (busy && speed && this.#connection.state === "ok") parts.push(`${fileSize(speed)}/s`, timeLeft(left));
    const text = over ? outcome(this.#queue) : parts.filter(Boolean).join(" · ");
    this.#foldWhenOver(over && files > 0);
    const line = this.#part("[data-total-text]");
    if (line.textContent !== text) line.textContent = text;
    const bar = this.#part("[data-total-bar]");
    bar.value = bytes ? Math.floor((sent / bytes) * 1000) : 0;
    bar.hidden = over;
    this.#drawLimit();
    const paused = this.#queue.transfers.some((one) => one.state === "paused");
    const toggle = this.#part("[data-all=toggle]");
    toggle.hidden = !busy && !paused;
    toggle.textContent = busy ? "Pause" : "Resume";
    this.#part("[data-all=retry]").hidden = busy || !this.#queue.transfers.some((one) => one.state === "failed" && !one.misnamed);
    this.#part("[data-all=clear]").hidden = busy || !this.#queue.transfers.some((one) => one.over);
    const title = document.title.replace(TITLE, "");
    const wanted = over ? title : `${percent(sent, bytes)} % · ${title}`;
    if (document.title !== wanted) document.title = wanted;
  }

  /** That smaller pieces are sent: for whoever can change that. */
  #drawLimit() {
    const { refused, wanted } = this.#queue.pace;
    const line = this.#part("[data-limit]");
    line.hidden = !refused;
    const text = refused ? takesLess(fileSize(refused), fileSize(wanted)) : "";
    if (line.textContent !== text) line.textContent = text;
  }

  #toggleAll() {
    if (this.#queue.busy) this.#queue.pauseAll();
    else this.#queue.resumeAll();
  }

  #trouble() {
    const { state } = this.#connection;
    const text = TROUBLE[state] ?? "";
    const box = this.#part("[data-trouble]");
    const was = !box.hidden;
    box.hidden = !text;
    this.#part("[data-trouble-text]").textContent = text;
    this.#part("[data-sign-in]").hidden = state !== "signed-out";
    if (text) this.say(text);
    else if (was) this.say("Going on.");
    this.#soon(0);
  }
}

/** The rows to show, in order, and a line about the others. */
function visible(transfers) {
  const kinds = Object.fromEntries(SHOWN.map(([kind]) => [kind, []]));
  for (const one of transfers) kinds[one.active ? "active" : one.state].push(one);
  const shown = [];
  const rest = [];
  const words = { failed: "more refused", active: "more on their way", paused: "more paused", queued: "more in the queue", done: "more stored", cancelled: "more cancelled" };
  for (const [kind, most] of SHOWN) {
    const some = kinds[kind];
    shown.push(...(kind === "done" ? some.slice(-most).reverse() : some.slice(0, most)));
    if (some.length > most) rest.push(`${some.length - most} ${words[kind]}`);
  }
  return { shown, rest: rest.join(" · ") };
}

/** What came of it all: "50 files stored", "1 stored, 3 refused". */
function outcome(queue) {
  const { done } = queue.totals;
  const { failed } = queue;
  if (!failed) return done ? `${counted(done, "file")} stored` : "Nothing stored";
  return `${done} stored, ${failed} refused`;
}

function percent(part, whole) {
  return whole ? Math.floor((part / whole) * 100) : 0;
}

function label(button, verb, name, icon) {
  const text = `${verb}: ${name}`;
  if (button.getAttribute("aria-label") === text) return;
  button.setAttribute("aria-label", text);
  button.title = verb;
  button.querySelector("use").setAttribute("href", `#i-${icon}`);
}
