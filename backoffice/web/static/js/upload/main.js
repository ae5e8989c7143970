// The page of one's own files, with a script: a list that changes in place. What uploads need is loaded once somebody is
// there to use it.

import { Regions, refreshSelection, selecting } from "./list.js";

const overlay = document.querySelector("[data-drop]");
let uploads = null;

function withScript() {
  for (const one of document.querySelectorAll("[data-with-script]")) one.hidden = false;
  for (const one of document.querySelectorAll("[data-without-script]")) one.hidden = true;
  refreshSelection();
}

const regions = new Regions({
  busy: () => uploads?.busy ?? false,
  swapped: () => { withScript(); uploads?.swapped(); },
  say: (text) => { document.querySelector(overlay ? "[data-status]" : "[data-announce]").textContent = text; },
});

let loading = null;
/** Everything about uploads; asked for again where it could not be had. */
function load() {
  loading ??= import("./uploads.js").then(({ Uploads }) => { uploads = new Uploads(overlay, regions); return uploads; })
    .catch((error) => { loading = null; throw error; });
  return loading;
}

/** The first that somebody does on the page loads it; what comes before it is there waits for it. */
function whenUsed() {
  const first = ["pointermove", "pointerdown", "keydown", "dragenter", "paste"];
  const once = () => {
    for (const event of first) removeEventListener(event, once, true);
    load().catch(() => { for (const event of first) addEventListener(event, once, true); });
  };
  for (const event of first) addEventListener(event, once, true);
}

/** `given(uploads)`, once uploads are there. */
async function hand(given) {
  let ours;
  try {
    ours = await load();
  } catch {
    regions.complain("A part of this page cannot be had. Try again in a moment.");
    return;
  }
  given(ours);
}

/** Files get here by buttons, by dropping them anywhere, and by pasting. */
function taking() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pick], [data-resume]");
    if (!button) return;
    const row = button.closest("[data-unfinished]");
    hand((ours) => ours.pick(row ? "files" : button.dataset.pick, row));
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    hand((ours) => ours.take(files));
  });
  dropping();
  overlay.classList.add("ready");
}

/** The overlay says where it will go. */
function dropping() {
  let depth = 0;
  const withFiles = (event) => event.dataTransfer?.types.includes("Files") && !document.querySelector("dialog[open]");
  const show = (over) => {
    depth = over;
    if (over === 1) overlay.querySelector("[data-drop-where]").textContent = document.getElementById("top").dataset.where || "My files";
    overlay.classList.toggle("over", over > 0);
  };
  document.addEventListener("dragenter", (event) => { if (withFiles(event)) show(depth + 1); });
  document.addEventListener("dragleave", (event) => { if (withFiles(event)) show(Math.max(0, depth - 1)); });
  document.addEventListener("dragover", (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  document.addEventListener("drop", (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    show(0);
    // Now: afterwards the browser has emptied the event.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
    const files = [...event.dataTransfer.files];
    const folders = entries.some((entry) => entry?.isDirectory);
    hand((ours) => (folders ? ours.takeEntries(entries.filter(Boolean)) : ours.take(files)));
  });
}

withScript();
selecting();
if (overlay) {
  whenUsed();
  taking();
}
