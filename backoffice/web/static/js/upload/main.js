// The page of one's own files, with a script: resumable uploads, and a list that changes in place.

import { Connection } from "./connection.js";
import { counted, fileSize, keptName } from "./format.js";
import { Picker } from "./pick.js";
import { Queue } from "./queue.js";
import { Regions } from "./regions.js";
import { inHand } from "./transfer.js";
import { View } from "./view.js";

const page = document.querySelector("[data-upload]");
const zone = document.querySelector("[data-drop]");

function withScript() {
  for (const one of document.querySelectorAll("[data-with-script]")) one.hidden = false;
  for (const one of document.querySelectorAll("[data-without-script]")) one.hidden = true;
}

/** Uploads that go on in this page are listed above, not as unfinished. */
function hideOwn() {
  const region = document.querySelector("[data-region=unfinished]");
  const rows = [...region.querySelectorAll("[data-unfinished]")];
  for (const row of rows) row.hidden = inHand.has(row.dataset.unfinished);
  region.hidden = rows.every((row) => row.hidden);
}

function sending() {
  const { dataset } = page;
  const largest = Number(dataset.maxFileSize);
  const limits = { chunkSize: Number(dataset.chunkSize), maxChunks: Number(dataset.maxChunks) };
  const connection = new Connection(dataset.user);
  const queue = new Queue(limits, connection);
  const view = new View(queue, connection);
  const swapped = () => { withScript(); hideOwn(); };
  const regions = new Regions({ busy: () => queue.busy, swapped, say: (text) => view.say(text) });

  let soon = null;
  const refresh = () => { soon ??= setTimeout(() => { soon = null; regions.refresh(); }, 400); };
  queue.addEventListener("stored", refresh);
  queue.addEventListener("freed", refresh);
  queue.addEventListener("change", hideOwn);

  const picker = new Picker(zone, (files, row) => {
    const fitting = files.filter((file) => file.size <= largest);
    if (row?.isConnected && !files.some((file) => keptName(file.name) === row.dataset.name
        && file.size === Number(row.dataset.size))) {
      problem(row, `That is another file: this one is called ${row.dataset.name} and has ${fileSize(Number(row.dataset.size))}.`);
      return;
    }
    if (fitting.length < files.length) {
      const many = files.length - fitting.length;
      regions.complain(`${many === 1 ? "One file is" : `${many} files are`} too large: at most ${fileSize(largest)} each.`);
    }
    if (!fitting.length) return;
    queue.add(fitting);
    view.say(`${counted(fitting.length, "file")} added.`);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-resume]");
    if (button) picker.open(button.closest("[data-unfinished]"));
  });
  zone.classList.add("ready");
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
if (zone) {
  sending();
} else {
  reading();
}
