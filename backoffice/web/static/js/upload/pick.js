// How files get to the page: the two buttons, dropping, pasting.

/** `chosen(files, purpose)` gets them; `purpose` is what `open` was called with, null otherwise. */
export class Picker {
  #input = Object.assign(document.createElement("input"), { type: "file", multiple: true, hidden: true });
  #folder = Object.assign(document.createElement("input"), { type: "file", webkitdirectory: true, hidden: true });
  #purpose = null;

  constructor(zone, chosen) {
    this.#input.dataset.picker = "files";
    this.#folder.dataset.picker = "folder";
    for (const input of [this.#input, this.#folder]) {
      // Not shown and not focusable: the buttons are what people use.
      input.setAttribute("aria-hidden", "true");
      input.tabIndex = -1;
      input.addEventListener("change", () => {
        const files = [...input.files];
        const purpose = this.#purpose;
        this.#purpose = null;
        input.value = "";
        if (files.length) chosen(files, purpose);
      });
      zone.append(input);
    }
    for (const button of zone.querySelectorAll("[data-pick]")) {
      button.addEventListener("click", () => (button.dataset.pick === "folder" ? this.#folder.click() : this.open()));
    }
    dropping(zone, chosen);
    document.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      chosen(files, null);
    });
  }

  open(purpose = null) {
    this.#purpose = purpose;
    this.#input.click();
  }
}

/** Anywhere on the page; the zone shows that it is meant. */
function dropping(zone, chosen) {
  let depth = 0;
  const withFiles = (event) => event.dataTransfer?.types.includes("Files");
  const show = () => {
    zone.classList.toggle("over", depth > 0);
  };
  document.addEventListener("dragenter", (event) => {
    if (!withFiles(event)) return;
    depth += 1;
    show();
  });
  document.addEventListener("dragleave", (event) => {
    if (!withFiles(event)) return;
    depth = Math.max(0, depth - 1);
    show();
  });
  document.addEventListener("dragover", (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  document.addEventListener("drop", async (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    depth = 0;
    show();
    // Before the first `await`: afterwards the browser has emptied the event.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
    const plain = [...event.dataTransfer.files];
    const files = entries.some((entry) => entry?.isDirectory) ? (await Promise.all(entries.map(filesOf))).flat() : plain;
    if (files.length) chosen(files, null);
  });
}

/** All files below an entry of a drop, at any depth. */
async function filesOf(entry) {
  if (!entry) return [];
  if (entry.isFile) return [await new Promise((resolve, reject) => { entry.file(resolve, reject); })];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader gives a hundred or so at a time, and nothing at the end.
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return found;
    found.push(...(await Promise.all(some.map(filesOf))).flat());
  }
}
