// How files get to the page: buttons, dropping anywhere, pasting. What is chosen comes as batches of {file, path}: `path`
// has the names of the folders that it lies in, which a dropped or chosen folder keeps.

const BATCH = 200;

/** `chosen({files, folders, unread}, purpose)` gets a batch: `folders` are paths of empty ones, `unread` names of what
 * cannot be read; `purpose` is what `open` was called with, null otherwise. */
export class Picker {
  #inputs = {};
  #purpose = null;
  #chosen;

  constructor(overlay, chosen) {
    this.#chosen = chosen;
    for (const [kind, options] of [["files", { multiple: true }], ["folder", { webkitdirectory: true }]]) {
      const input = Object.assign(document.createElement("input"), { type: "file", hidden: true, ...options });
      input.dataset.picker = kind;
      // Not shown and not focusable: the buttons are what people use.
      input.setAttribute("aria-hidden", "true");
      input.tabIndex = -1;
      input.addEventListener("change", () => this.#taken(input));
      // A click elsewhere closes menus: this one is the menu's own.
      input.addEventListener("click", (event) => event.stopPropagation());
      document.body.append(input);
      this.#inputs[kind] = input;
    }
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-pick]");
      if (button) this.open(null, button.dataset.pick);
    });
    dropping(overlay, (batch) => chosen(batch, null));
    document.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      chosen(batchOf(files.map((file) => ({ file, path: [] }))), null);
    });
  }

  open(purpose = null, kind = "files") {
    this.#purpose = purpose;
    this.#inputs[kind].click();
  }

  #taken(input) {
    const files = [...input.files].map((file) => ({ file, path: file.webkitRelativePath.split("/").slice(0, -1) }));
    const purpose = this.#purpose;
    this.#purpose = null;
    input.value = "";
    const menu = document.querySelector("[data-menu][open]:has([data-pick])");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    const load = { more: files.length > BATCH, answer: "" };
    for (let at = 0; at < files.length; at += BATCH) {
      this.#chosen(batchOf(files.slice(at, at + BATCH), load), purpose);
    }
  }
}

/** `load` is one for all batches of a drop or choice: `more`: there are several, `answer` what they have in common. */
const batchOf = (files, load = { more: false, answer: "" }) => ({ files, folders: [], unread: [], load });

/** Anywhere on the page; the overlay says where it will go. */
function dropping(overlay, chosen) {
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
  document.addEventListener("drop", async (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    show(0);
    // Before the first `await`: afterwards the browser has emptied the event.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
    const plain = [...event.dataTransfer.files];
    if (!entries.some((entry) => entry?.isDirectory)) {
      if (plain.length) chosen(batchOf(plain.map((file) => ({ file, path: [] }))));
      return;
    }
    for await (const batch of walk(entries.filter(Boolean))) chosen(batch);
  });
}

/** Batches of all that lies below entries of a drop. They come as they are read, so that thousands stop nothing. */
async function* walk(entries) {
  const left = [[[], entries]];
  let batch = batchOf([]);
  const { load } = batch;
  while (left.length) {
    const [path, level] = left.pop();
    for (let at = 0; at < level.length; at += BATCH) {
      const into = batch;
      await Promise.all(level.slice(at, at + BATCH).map(async (entry) => {
        try {
          if (entry.isFile) {
            into.files.push({ file: await new Promise((resolve, reject) => { entry.file(resolve, reject); }), path });
            return;
          }
          const inside = await children(entry);
          if (inside.length) left.push([[...path, entry.name], inside]);
          else into.folders.push([...path, entry.name]);
        } catch {
          into.unread.push(entry.name);
        }
      }));
      if (batch.files.length + batch.folders.length < BATCH) continue;
      load.more = true;
      yield batch;
      batch = batchOf([], load);
    }
  }
  yield batch;
}

async function children(entry) {
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader gives a hundred or so at a time, and nothing at the end.
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return found.sort((one, other) => one.name.localeCompare(other.name));
    found.push(...some);
  }
}
