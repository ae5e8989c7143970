// The page of one's own files, with a script: resumable uploads, and a list that changes in place.

import { Connection } from "./connection.js";
import { fileSize, keptName } from "./format.js";
import { Intake, placeShown } from "./intake.js";
import { Picker } from "./pick.js";
import { Queue } from "./queue.js";
import { Regions } from "./regions.js";
import { refreshSelection, selecting } from "./select.js";
import { inHand, placeOf } from "./transfer.js";
import { View } from "./view.js";

const page = document.querySelector("[data-upload]");
const overlay = document.querySelector("[data-drop]");

function withScript() {
  for (const one of document.querySelectorAll("[data-with-script]")) one.hidden = false;
  for (const one of document.querySelectorAll("[data-without-script]")) one.hidden = true;
  refreshSelection();
}

/** Uploads that go on in this page are in the tray, not listed as unfinished. */
function hideOwn() {
  const region = document.querySelector("[data-region=unfinished]");
  const rows = [...region.querySelectorAll("[data-unfinished]")];
  for (const row of rows) row.hidden = inHand.has(row.dataset.unfinished);
  region.hidden = rows.every((row) => row.hidden);
}

function sending() {
  const { dataset } = page;
  const limits = { chunkSize: Number(dataset.chunkSize), maxChunks: Number(dataset.maxChunks) };
  const connection = new Connection(dataset.user);
  const queue = new Queue(limits, connection);
  const view = new View(queue, connection);
  const swapped = () => { withScript(); hideOwn(); };
  const regions = new Regions({ busy: () => queue.busy, swapped, say: (text) => view.say(text) });
  const intake = new Intake(queue, Number(dataset.maxFileSize), {
    say: (text) => view.say(text), complain: (text) => regions.complain(text),
  });

  let soon = null;
  // Of thousands of files that come one after another the list is not asked for after each.
  const refresh = () => {
    soon ??= setTimeout(() => { soon = null; regions.refresh(); }, queue.busy && queue.transfers.length > 50 ? 3000 : 400);
  };
  queue.addEventListener("stored", refresh);
  queue.addEventListener("freed", refresh);
  queue.addEventListener("change", hideOwn);

  const picker = new Picker(overlay, (batch, row) => {
    if (row?.isConnected) goOn(row, batch);
    else intake.take(batch, placeShown());
  });
  const goOn = (row, batch) => {
    const name = row.dataset.name;
    const size = Number(row.dataset.size);
    const item = batch.files.find(({ file }) => keptName(file.name) === name && file.size === size);
    if (!item) {
      problem(row, `That is another file: this one is called ${name} and has ${fileSize(size)}.`);
      return;
    }
    const place = placeOf(row.dataset.unfinished) ?? { folder: "", path: [] };
    queue.add([{ file: item.file, name, ...place }]);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-resume]");
    if (button) picker.open(button.closest("[data-unfinished]"));
  });
  overlay.classList.add("ready");
  addEventListener("beforeunload", (event) => { if (queue.busy) event.preventDefault(); });
}

function problem(row, text) {
  const line = row.querySelector("[data-problem]");
  line.textContent = text;
  line.hidden = false;
}

function reading() {
  const status = document.querySelector("[data-announce]");
  return new Regions({ busy: () => false, swapped: withScript, say: (text) => { status.textContent = text; } });
}

withScript();
selecting();
if (overlay) {
  sending();
} else {
  reading();
}
