// The page of a request for files: a guest drops some, and they leave in pieces that survive a lost connection.
//
// Without this module the page is a form, which sends the same. What came, and what is unfinished, is listed by the server:
// after each delivery the parts marked `data-region` are fetched anew. Who picks an unfinished file again goes on with it
// where the pieces that arrived are those of that file, by their checksums.

import { Lost, Refused, call, pause, stopped } from "./upload/api.js";
import { sha256 } from "./upload/digests.js";
import { fileSize, keptName } from "./upload/format.js";

const PIECE = Number(document.querySelector("script[data-chunk-size]").dataset.chunkSize);
const LONGEST_MS = 30_000;
const here = location.pathname.replace(/\/$/, "");
const base = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const path = here.slice(base.length);
const all = (selector) => [...document.querySelectorAll(selector)];
const list = document.querySelector("[data-list]");
const status = document.querySelector("[data-status]");
const queue = [];
/** Uploads that this page has in hand. */
const inHand = new Set();
let sending = false;
/** The unfinished upload whose file is being picked. */
let resumed = null;

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
    this.piece = PIECE;
    this.there = new Set();
    this.sent = 0;
    this.id = "";
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

  get count() { return Math.max(1, Math.ceil(this.file.size / this.piece)); }

  slice(index) { return this.file.slice(index * this.piece, (index + 1) * this.piece); }

  own(id) {
    this.id = id;
    inHand.add(id);
  }

  /** From the beginning: it is another upload. */
  anew() {
    inHand.delete(this.id);
    Object.assign(this, { id: "", piece: PIECE, sent: 0, there: new Set(), proved: false });
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
    this.element.remove();
    if (!this.id || this.element.dataset.state === "done") return;
    call("POST", `${path}/uploads/${this.id}/cancel`).catch(() => {}).then(refresh);
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

async function sendPiece(row, index) {
  const piece = row.slice(index);
  const query = { chunk_index: index, total_chunks: row.count, checksum: `sha256:${await sha256(piece)}` };
  if (row.id) query.file_id = row.id;
  else Object.assign(query, { total_size: row.file.size, name: row.name });
  const moved = (bytes) => row.say("sending", `${fileSize(row.sent + Math.min(bytes, piece.size))} of ${fileSize(row.file.size)}`, row.sent + Math.min(bytes, piece.size));
  const answer = await call("POST", `${path}/chunks`, { query, body: piece, signal: row.control.signal, moved });
  row.own(answer.file_id);
  row.sent += piece.size;
  row.there.add(index);
}

/** Find out what has arrived of an upload that was begun before. False: it is of another file, by its pieces. */
async function prove(row, total) {
  for (let cursor = 0; cursor !== null;) {
    const page = await patiently(row, () => call("GET", `${path}/uploads/${row.id}/chunks`, { query: { cursor }, signal: row.control.signal }));
    for (const { chunk_index: index, size, sha256: known } of page.items) {
      if (!row.there.size && index < total - 1) row.piece = size; // as it was cut then
      if (row.count !== total || await sha256(row.slice(index)) !== known) return false;
      row.there.add(index);
      row.sent += size;
      row.say("checking", "Comparing with what has arrived", row.sent);
    }
    cursor = page.next_cursor;
  }
  return true;
}

/** What is listed as unfinished and may be this file, by its name and size. */
function unfinishedOf(row) {
  return all("[data-unfinished]").find(({ dataset }) => dataset.name === row.name && Number(dataset.size) === row.file.size && !inHand.has(dataset.unfinished));
}

/** Go on where an earlier upload of this file stopped, if there is one. */
async function takeUp(row) {
  const one = row.id ? null : unfinishedOf(row);
  if (!one) return;
  row.own(one.dataset.unfinished);
  dress();
  try {
    if (await prove(row, Number(one.dataset.chunks))) return;
  } catch (error) {
    if (!(error instanceof Refused && error.code === "not_found")) throw error;
    row.anew(); // it has expired, or was given up elsewhere
    return;
  }
  row.anew();
  status.textContent = `The unfinished upload of ${row.name} has other content, so this one is sent from the beginning.`;
}

async function deliver(row) {
  row.say("sending", "Begins", row.sent);
  await patiently(row, introduce);
  await takeUp(row);
  for (let index = 0; index < row.count; index += 1) {
    if (!row.there.has(index)) await patiently(row, () => sendPiece(row, index));
  }
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
      if (error instanceof Refused && ["not_found", "upload_closed", "chunk_conflict", "request_full"].includes(error.code)) row.anew();
      row.say("failed", error.message, row.sent);
      status.textContent = `${row.name}: ${error.message}`;
    }
  }
  sending = false;
}

function enqueue(row) {
  row.say("queued", "Waits its turn", row.sent);
  queue.push(row);
  work();
}

/** Put fresh copies in the place of the parts that change. Where there is no connection they stay until it is done again. */
async function refresh() {
  let text;
  try {
    text = await (await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" })).text();
  } catch {
    return;
  }
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const fresh of page.querySelectorAll("[data-region]")) {
    document.querySelector(`[data-region=${fresh.dataset.region}]`)?.replaceWith(fresh);
  }
  dress();
  document.dispatchEvent(new Event("fresh"));
}

/** What only a script can do is shown, and the form without one hidden. */
function dress() {
  for (const one of all("[data-with-script]")) one.hidden = false;
  for (const one of all("[data-without-script]")) one.hidden = true;
  // What goes on in this page is in its list.
  for (const one of all("[data-unfinished]")) one.hidden = inHand.has(one.dataset.unfinished);
  document.querySelector("[data-region=unfinished]").hidden = all("[data-unfinished]").every((one) => one.hidden);
}

/** Files that were picked for an unfinished upload, or for themselves. */
function pick(files) {
  const row = resumed;
  resumed = null;
  if (row?.isConnected && !files.some((file) => keptName(file.name) === row.dataset.name && file.size === Number(row.dataset.size))) {
    const line = row.querySelector("[data-problem]");
    line.textContent = `That is another file: this one is called ${row.dataset.name} and has ${fileSize(Number(row.dataset.size))}.`;
    line.hidden = false;
    return;
  }
  for (const file of files) enqueue(new Row(file));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pick], [data-resume]");
  if (!button) return;
  resumed = button.closest("[data-unfinished]");
  document.querySelector("#files").click();
});
document.addEventListener("change", (event) => {
  if (event.target.id !== "files") return;
  const files = [...event.target.files];
  event.target.value = "";
  pick(files);
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
