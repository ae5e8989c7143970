// Selecting rows, and going through them by keys. The list is replaced again and again, so everything is looked for when
// it is needed.

import { fileSize } from "./format.js";

const all = (selector) => [...document.querySelectorAll(selector)];
const boxes = () => all("tbody .pick input");
let last = null;

/** After each change of the list: the bar lies over the head of the table while something is selected. */
export function refreshSelection() {
  const bar = document.querySelector("[data-bulk]");
  if (!bar) return;
  const whole = bar.querySelector("[data-select-all]");
  const head = document.querySelector("thead .pick");
  if (!head.querySelector("input")) head.replaceChildren(whole.closest("label").cloneNode(true));
  bar.dataset.bulk = "over";
  for (const box of [whole, head.querySelector("input")]) box.hidden = false;
  last = null;
  update();
}

function update() {
  const bar = document.querySelector("[data-bulk]");
  const chosen = boxes().filter((box) => box.checked);
  bar.hidden = chosen.length === 0;
  const bytes = chosen.reduce((sum, box) => sum + Number(box.dataset.size), 0);
  bar.querySelector("[data-count]").textContent = `${chosen.length} selected${bytes ? ` · ${fileSize(bytes)}` : ""}`;
  for (const box of all("[data-select-all]")) {
    box.checked = chosen.length > 0 && chosen.length === boxes().length;
    box.indeterminate = chosen.length > 0 && !box.checked;
  }
}

function onClick(event) {
  const box = event.target.closest?.("tbody .pick input");
  if (!box) return;
  const rows = boxes();
  const index = rows.indexOf(box);
  if (event.shiftKey && last !== null) {
    for (const other of rows.slice(Math.min(last, index), Math.max(last, index) + 1)) other.checked = box.checked;
  }
  last = index;
  update();
}

function onChange(event) {
  if (!event.target.matches("[data-select-all]")) return;
  const { checked } = event.target;
  for (const box of boxes()) box.checked = checked;
  update();
  document.querySelector(checked ? "[data-bulk] [data-select-all]" : "thead [data-select-all]").focus();
}

/** j, k and the arrows go from row to row, x selects, the space bar looks at a file, Escape selects nothing. */
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog[open], [data-menu][open]")) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
  const row = document.activeElement.closest(".list.files tbody tr");
  const links = all(".list.files tbody th > a");
  const at = row ? links.findIndex((link) => row.contains(link)) : -1;
  const step = { j: 1, k: -1, ...(row && { ArrowDown: 1, ArrowUp: -1 }) }[event.key];
  if (step && links.length) links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
  else if (event.key === "x" && row) row.querySelector(".pick input")?.click();
  else if (event.key === " " && document.activeElement.matches("tbody th > a")) document.activeElement.click();
  else if (event.key === "Escape" && boxes().some((box) => box.checked)) {
    for (const box of boxes()) box.checked = false;
    update();
  } else return;
  event.preventDefault();
}

/** An archive is a download: it leaves the page, and what is on its way, alone. */
function onArchive(event) {
  const button = event.target.closest("[data-zip]");
  if (!button) return;
  const [files, folders] = ["file", "folder"].map((name) => boxes().filter((box) => box.checked && box.name === name));
  if (folders.length > 1 || (folders.length && files.length)) return; // the server says why not
  event.preventDefault();
  const address = new URL(button.dataset.zip, location.href);
  for (const box of files) address.searchParams.append("id", box.value);
  if (folders.length) address.searchParams.set("folder", folders[0].value);
  Object.assign(document.createElement("a"), { href: address.href, download: "" }).click();
}

export function selecting() {
  document.addEventListener("click", onClick);
  document.addEventListener("click", onArchive);
  document.addEventListener("change", onChange);
  document.addEventListener("keydown", onKey);
  // The browser's Back button restores ticks after the page was set up.
  addEventListener("pageshow", refreshSelection);
  refreshSelection();
}
