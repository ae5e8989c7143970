// Files that were chosen or dropped, as batches of {file, path}: `path` has the names of the folders that it lies in, which
// a dropped or chosen folder keeps.

const BATCH = 200;

/** The dialogues. `chosen({files, folders, unread, load}, row)` gets a batch: `folders` are paths of empty ones, `unread`
 * names of what cannot be read; `row` is what `open` was called with. */
export class Picker {
  #inputs = {};
  #row = null;
  #chosen;

  constructor(chosen) {
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
  }

  open(kind, row = null) {
    this.#row = row;
    this.#inputs[kind].click();
  }

  #taken(input) {
    const files = [...input.files].map((file) => ({ file, path: file.webkitRelativePath.split("/").slice(0, -1) }));
    const row = this.#row;
    this.#row = null;
    input.value = "";
    const menu = document.querySelector("[data-menu][open]:has([data-pick])");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    const load = { more: files.length > BATCH, answer: "" };
    for (let at = 0; at < files.length; at += BATCH) {
      this.#chosen(batchOf(files.slice(at, at + BATCH), load), row);
    }
  }
}

/** `load` is one for all batches of a drop or choice: `more`: there are several, `answer` what they have in common. */
export const batchOf = (files, load = { more: false, answer: "" }) => ({ files, folders: [], unread: [], load });

/** Batches of all that lies below entries of a drop. They come as they are read, so that thousands stop nothing. */
export async function* walk(entries) {
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
