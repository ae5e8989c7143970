// The page of a request for files: a guest drops some, and they leave in pieces that survive a lost connection.
//
// Without this module the page is a form, which sends the same. What came is listed by the server: after each delivery
// the parts marked `data-region` are fetched anew.

import { Lost, Refused, call, pause, stopped } from "./upload/api.js";
import { sha256 } from "./upload/digests.js";
import { fileSize, keptName } from "./upload/format.js";

const PIECE = Number(document.querySelector("script[data-chunk-size]").dataset.chunkSize);
const LONGEST_MS = 30_000;
const here = location.pathname.replace(/\/$/, "");
const base = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const path = here.slice(base.length);
const list = document.querySelector("[data-list]");
const status = document.querySelector("[data-status]");
const queue = [];
let sending = false;

/** What the page says is taken, as of now. */
function terms() {
  const said = document.querySelector("[data-left]")?.dataset;
  if (!said) return null;
  return { left: Number(said.left), room: said.room === undefined ? Infinity : Number(said.room), largest: Number(said.largest), types: said.types.split(" ").filter(Boolean) };
}

/** Why a file is not taken, "" where it may be. */
function refusal(file, now) {
  if (!now || now.left < 1) return "This request has all the files that it takes.";
  if (now.types.length && !now.types.some((one) => fits(one, file))) return `Only ${now.types.join(", ")} are taken here.`;
  if (file.size > now.largest) return `Too large: at most ${fileSize(now.largest)} each.`;
  if (file.size > now.room) return `Too large: there is room for ${fileSize(now.room)}.`;
  return "";
}

function fits(type, file) {
  if (type.startsWith(".")) return file.name.toLowerCase().endsWith(type);
  return type.endsWith("/*") ? file.type.startsWith(type.slice(0, -1)) : file.type === type;
}

class Row {
  constructor(file) {
    this.file = file;
    this.name = keptName(file.name);
    this.control = new AbortController();
    this.element = document.querySelector("[data-transfer]").content.firstElementChild.cloneNode(true);
    const part = (name) => this.element.querySelector(`[data-part=${name}]`);
    Object.assign(this, { bar: part("bar"), text: part("status"), again: part("retry"), end: part("end") });
    part("name").textContent = this.name;
    this.bar.setAttribute("aria-label", this.name);
    this.end.setAttribute("aria-label", `Cancel ${this.name}`);
    this.again.setAttribute("aria-label", `Try ${this.name} again`);
    this.again.addEventListener("click", () => enqueue(this));
    this.end.addEventListener("click", () => this.remove());
    list.append(this.element);
  }

  say(state, text, done = 0) {
    this.element.dataset.state = state;
    this.text.textContent = text;
    this.bar.value = this.file.size ? Math.round(1000 * done / this.file.size) : 0;
    this.again.hidden = state !== "failed";
  }

  /** Give it up, and what came of it. */
  remove() {
    this.control.abort();
    if (this.id && this.element.dataset.state !== "done") call("POST", `${path}/uploads/${this.id}/cancel`).catch(() => {});
    this.element.remove();
  }
}

/** The answer of `request`, again and again while that can help. */
async function patiently(row, request) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request();
    } catch (error) {
      if (row.control.signal.aborted) throw stopped();
      const passing = error instanceof Lost || (error instanceof Refused && (error.foreign || [408, 429, 500, 502, 503, 504].includes(error.status) || ["checksum_mismatch", "body_cut", "completing"].includes(error.code)));
      if (!passing || attempt > 60) throw error;
      row.say("waiting", error instanceof Lost ? "No connection; it goes on by itself" : "Waits a moment; it goes on by itself", row.sent);
      await pause(Math.max(Math.min(LONGEST_MS, 500 * 2 ** attempt), (error.retryAfter ?? 0) * 1000), row.control.signal);
    }
  }
}

async function sendPiece(row, index, count) {
  const piece = row.file.slice(index * PIECE, (index + 1) * PIECE);
  const query = { chunk_index: index, total_chunks: count, checksum: `sha256:${await sha256(piece)}` };
  if (row.id) query.file_id = row.id;
  else Object.assign(query, { total_size: row.file.size, name: row.name });
  const moved = (bytes) => row.say("sending", `${fileSize(row.sent + Math.min(bytes, piece.size))} of ${fileSize(row.file.size)}`, row.sent + Math.min(bytes, piece.size));
  const answer = await call("POST", `${path}/chunks`, { query, body: piece, signal: row.control.signal, moved });
  row.id = answer.file_id;
  row.sent += piece.size;
}

async function deliver(row) {
  const count = Math.max(1, Math.ceil(row.file.size / PIECE));
  row.sent ??= 0;
  row.next ??= 0;
  row.say("sending", "Begins", row.sent);
  await patiently(row, introduce);
  for (; row.next < count; row.next += 1) await patiently(row, () => sendPiece(row, row.next, count));
  const json = { file_id: row.id, name: row.name, mime_type: row.file.type, total_size: row.file.size };
  await patiently(row, () => call("POST", `${path}/complete`, { json, signal: row.control.signal }));
}

/** Say who one is; the answer makes this browser a guest, before the first byte is sent. */
function introduce() {
  return call("POST", path, { body: new URLSearchParams(new FormData(document.querySelector("[data-who]"))), type: "application/x-www-form-urlencoded" });
}

async function work() {
  if (sending) return;
  sending = true;
  for (let row = queue.shift(); row; row = queue.shift()) {
    if (row.control.signal.aborted) continue;
    try {
      const no = refusal(row.file, terms());
      if (no) throw new Error(no);
      await deliver(row);
      row.say("done", "Delivered", row.file.size);
      row.element.remove();
      status.textContent = `${row.name} is delivered.`;
      await refresh();
    } catch (error) {
      if (error.name === "AbortError") continue;
      if (error instanceof Refused && ["not_found", "upload_closed", "chunk_conflict", "request_full"].includes(error.code)) Object.assign(row, { id: "", sent: 0, next: 0 });
      row.say("failed", error.message, row.sent ?? 0);
      status.textContent = `${row.name}: ${error.message}`;
    }
  }
  sending = false;
}

function enqueue(row) {
  row.say("queued", "Waits its turn", row.sent ?? 0);
  queue.push(row);
  work();
}

/** Put fresh copies in the place of the parts that change. */
async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const fresh of page.querySelectorAll("[data-region]")) {
    document.querySelector(`[data-region=${fresh.dataset.region}]`)?.replaceWith(fresh);
  }
  dress();
  document.dispatchEvent(new Event("fresh"));
}

/** What only a script can do is shown, and the form without one hidden. */
function dress() {
  for (const one of document.querySelectorAll("[data-with-script]")) one.hidden = false;
  for (const one of document.querySelectorAll("[data-without-script]")) one.hidden = true;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-pick]")) document.querySelector("#files").click();
});
document.addEventListener("change", (event) => {
  if (event.target.id !== "files") return;
  for (const file of event.target.files) enqueue(new Row(file));
  event.target.value = "";
});
for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.querySelector("[data-zone]")?.classList.toggle("over", over);
    if (name !== "drop") return;
    for (const file of event.dataTransfer.files) enqueue(new Row(file));
  });
}
addEventListener("beforeunload", (event) => {
  if (sending) event.preventDefault();
});
dress();
