// What the page shows of the uploads: a row for each, the whole, what is in the way, and what a screen reader says.

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

export class View {
  #queue;
  #connection;
  #section = document.querySelector("[data-transfers]");
  #list = this.#section.querySelector("[data-list]");
  #template = document.querySelector("template[data-transfer]");
  #status = document.querySelector("[data-status]");
  #rows = new Map();
  #timer = null;

  constructor(queue, connection) {
    this.#queue = queue;
    this.#connection = connection;
    queue.addEventListener("change", () => this.#soon(0));
    queue.addEventListener("progress", () => this.#soon(EVERY_MS));
    queue.addEventListener("stored", ({ detail: one }) => this.say(`${one.stored?.name ?? one.name} is stored.`));
    connection.addEventListener("change", () => this.#trouble());
    this.#part("[data-all=toggle]").addEventListener("click", () => this.#toggleAll());
    this.#part("[data-all=clear]").addEventListener("click", () => {
      queue.clear();
      this.#part("h2").focus();
    });
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
    for (const [transfer, row] of this.#rows) {
      if (transfers.includes(transfer)) continue;
      if (row.element.contains(document.activeElement)) this.#part("h2").focus();
      row.element.remove();
      this.#rows.delete(transfer);
    }
    for (const transfer of transfers) {
      if (!this.#rows.has(transfer)) this.#rows.set(transfer, this.#newRow(transfer));
      this.#drawRow(transfer, this.#rows.get(transfer));
    }
    this.#section.hidden = transfers.length === 0;
    this.#drawTotals();
  }

  #newRow(transfer) {
    const element = this.#template.content.firstElementChild.cloneNode(true);
    const part = (name) => element.querySelector(`[data-part=${name}]`);
    const row = { element, status: part("status"), note: part("note"), bar: part("bar"), toggle: part("toggle"), end: part("end"), said: "" };
    part("name").textContent = transfer.name;
    row.bar.setAttribute("aria-label", transfer.name);
    row.toggle.addEventListener("click", () => {
      if (transfer.active || transfer.state === "queued") transfer.pause();
      else transfer.requeue();
    });
    row.end.addEventListener("click", () => {
      if (!transfer.over) transfer.cancel();
      else if (transfer.state === "failed") transfer.cancel().then(() => this.#queue.remove(transfer));
      else this.#queue.remove(transfer);
    });
    this.#list.append(element);
    return row;
  }

  #drawRow(transfer, row) {
    const { state } = transfer;
    row.element.dataset.state = state;
    row.bar.value = transfer.size ? Math.floor((transfer.sent / transfer.size) * 1000) : 0;
    const text = this.#text(transfer);
    if (row.status.textContent !== text) row.status.textContent = text;
    row.note.hidden = !transfer.note || transfer.over;
    if (row.note.textContent !== transfer.note) {
      row.note.textContent = transfer.note;
      if (transfer.note) this.say(`${transfer.name}: ${transfer.note}`);
    }
    row.toggle.hidden = state === "done" || state === "cancelled";
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
      case "done": return transfer.stored && transfer.stored.name !== transfer.name
        ? `${size} · stored as “${transfer.stored.name}”` : `${size} · stored`;
      case "cancelled": return "Cancelled";
      default: return transfer.problem;
    }
  }

  #drawTotals() {
    const { files, done, bytes, sent, speed, left } = this.#queue.totals;
    const { busy } = this.#queue;
    const over = files > 0 && done === files;
    const parts = [`${done} of ${counted(files, "file")}`];
    if (!over) parts.push(`${percent(sent, bytes)} %`);
    if (busy && !over && speed && this.#connection.state === "ok") parts.push(`${fileSize(speed)}/s`, timeLeft(left));
    const text = over ? `${counted(files, "file")} stored` : parts.filter(Boolean).join(" · ");
    this.#part("[data-total-text]").textContent = files ? text : "";
    const bar = this.#part("[data-total-bar]");
    bar.value = bytes ? Math.floor((sent / bytes) * 1000) : 0;
    bar.hidden = over || !files;
    this.#drawLimit();
    const paused = this.#queue.transfers.some((one) => one.state === "paused");
    const toggle = this.#part("[data-all=toggle]");
    toggle.hidden = !busy && !paused;
    toggle.textContent = busy ? "Pause all" : "Resume all";
    this.#part("[data-all=clear]").hidden = !this.#queue.transfers.some((one) => one.over);
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
