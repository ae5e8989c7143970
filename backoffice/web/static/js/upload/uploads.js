// Everything about uploads on the page of one's own files, put together.

import { Connection } from "./connection.js";
import { fileSize, keptName } from "./format.js";
import { Intake, placeShown } from "./intake.js";
import { Picker, batchOf, walk } from "./pick.js";
import { Queue } from "./queue.js";
import { inHand } from "./transfer.js";
import { View } from "./view.js";

const OFTEN_MS = 400;
/** Of thousands of files that come one after another the list is not asked for after each. */
const SELDOM_MS = 3000;
const MANY = 50;

export class Uploads {
  #queue;
  #intake;
  #picker;
  #regions;
  #soon = null;
  #look = null;

  constructor(overlay, regions) {
    const { dataset } = document.querySelector("[data-upload]");
    const connection = new Connection(dataset.user);
    this.#regions = regions;
    this.#queue = new Queue({ chunkSize: Number(dataset.chunkSize), maxChunks: Number(dataset.maxChunks) }, connection);
    const view = new View(this.#queue, connection);
    this.#intake = new Intake(this.#queue, Number(dataset.maxFileSize), {
      say: (text) => view.say(text), complain: (text) => regions.complain(text),
    });
    this.#picker = new Picker((batch, row) => this.#chosen(batch, row));
    this.#queue.addEventListener("stored", () => this.#refresh());
    this.#queue.addEventListener("freed", () => this.#refresh());
    this.#queue.addEventListener("change", () => this.#changed());
    addEventListener("beforeunload", (event) => { if (this.busy) event.preventDefault(); });
  }

  get busy() { return this.#queue.busy; }

  /** Open the dialogue; `row`: of the unfinished upload that is to go on. */
  pick(kind, row = null) { this.#picker.open(kind, row); }

  take(files) { this.#chosen(batchOf(files.map((file) => ({ file, path: [] }))), null); }

  async takeEntries(entries) {
    const folder = placeShown();
    for await (const batch of walk(entries)) this.#intake.take(batch, folder);
  }

  /** Of thousands of files each change is not looked at by itself. */
  #changed() {
    if (this.#queue.transfers.length <= MANY) this.swapped();
    else this.#look ??= setTimeout(() => { this.#look = null; this.swapped(); }, OFTEN_MS);
  }

  /** The list is another one: uploads that go on in this page are in the tray, not listed as unfinished. */
  swapped() {
    const region = document.querySelector("[data-region=unfinished]");
    const rows = [...region.querySelectorAll("[data-unfinished]")];
    for (const row of rows) row.hidden = inHand.has(row.dataset.unfinished);
    region.hidden = rows.every((row) => row.hidden);
  }

  #chosen(batch, row) {
    if (row?.isConnected) this.#goOn(row, batch);
    else this.#intake.take(batch, placeShown());
  }

  #goOn(row, batch) {
    const name = row.dataset.name;
    const size = Number(row.dataset.size);
    const item = batch.files.find(({ file }) => keptName(file.name) === name && file.size === size);
    if (!item) {
      problem(row, `That is another file: this one is called ${name} and has ${fileSize(size)}.`);
      return;
    }
    const { folder, path } = row.dataset;
    this.#queue.add([{ file: item.file, name, resumed: true, folder, path: JSON.parse(path) }]);
  }

  #refresh() {
    const many = this.busy && this.#queue.transfers.length > MANY;
    this.#soon ??= setTimeout(() => { this.#soon = null; this.#regions.refresh(); }, many ? SELDOM_MS : OFTEN_MS);
  }
}

function problem(row, text) {
  const line = row.querySelector("[data-problem]");
  line.textContent = text;
  line.hidden = false;
}
