// What is looked at before the first byte moves: sizes, the room that is left, names that are taken.

import { Lost, Refused, call } from "./api.js";
import { askAbout } from "./conflicts.js";
import { counted, fileSize, keptName } from "./format.js";

/** Files of one question about names. */
const ASKED = 500;
/** Bytes of one such question: less than the server takes, which long names in long paths would pass. */
const ASKED_BYTES = 48 * 1024;
/** No name is longer, and no path deeper: what is, is refused at its end, and must not keep others from being asked for. */
const LONGEST = 255;
const DEEPEST = 100;

/** Where things go to: the folder that is shown. */
export const placeShown = () => document.getElementById("top").dataset.here;

export class Intake {
  #queue;
  #largest;
  #say;
  #complain;
  #turn = Promise.resolve();

  /** `say(text)` to screen readers, `complain(text)` to everybody. */
  constructor(queue, largest, { say, complain }) {
    this.#queue = queue;
    this.#largest = largest;
    this.#say = say;
    this.#complain = complain;
  }

  /** A batch of the picker for a folder. One after another: a question about names stands alone. */
  take(batch, folder) {
    this.#turn = this.#turn.then(() => this.#take(batch, folder)).catch((error) => { console.warn(error); });
    return this.#turn;
  }

  async #take({ files, folders, unread, load }, folder) {
    if (unread.length) this.#complain(`${counted(unread.length, "file")} could not be read: ${unread.slice(0, 3).join(", ")}.`);
    const items = files.map(({ file, path }) => ({ file, path: path.map(keptName), folder, name: keptName(file.name) }));
    for (let at = 0; at < items.length; at += ASKED) {
      await this.#admit(items.slice(at, at + ASKED), folder, load);
    }
    if (folders.length) await this.#make(folders, folder);
  }

  async #admit(items, folder, load) {
    let free = this.#free();
    for (const item of items) {
      const { size } = item.file;
      if (size > this.#largest) {
        item.refused = `Needs ${fileSize(size)}; a file has at most ${fileSize(this.#largest)}.`;
      } else if (size > free) {
        item.refused = `Needs ${fileSize(size)}, ${fileSize(Math.max(0, free))} free.`;
      } else {
        free -= size;
      }
    }
    const taken = await this.#taken(items.filter((item) => !item.refused), folder);
    const clear = items.filter((item) => !taken.includes(item));
    if (clear.length) this.#add(clear);
    if (taken.length) this.#add(await askAbout(taken, load));
  }

  #add(items) {
    if (!items.length) return;
    this.#queue.add(items);
    const fit = items.filter((item) => !item.refused).length;
    this.#say(`${counted(fit, "file")} added.`);
  }

  /** Bytes that the quota leaves for files that are not yet begun. */
  #free() {
    const left = document.querySelector("[data-left]")?.dataset.left;
    return left === undefined ? Infinity : Number(left) - this.#queue.unreserved;
  }

  /** Those of whose name there is something already. */
  async #taken(items, folder) {
    const taken = [];
    for (const some of portions(items)) taken.push(...await this.#takenOf(some, folder));
    return taken;
  }

  async #takenOf(items, folder) {
    const files = items.map(({ name, path }) => ({ name, folder_path: path }));
    try {
      const { taken, folders } = await call("POST", "/files/taken", { json: { folder, files } });
      for (const index of folders) items[index].likeFolder = true;
      return taken.map((index) => items[index]);
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Lost)) throw error;
      // Nobody could be asked: then the upload itself says it at its end, and nothing is called otherwise unasked.
      for (const item of items) item.onConflict = "fail";
      return [];
    }
  }

  /** Empty folders are kept, too. */
  async #make(folders, parent) {
    for (const path of folders) {
      try {
        await call("POST", "/folders", { json: { path, parent } });
      } catch (error) {
        if (!(error instanceof Refused || error instanceof Lost)) throw error;
        this.#complain(`The folder ${path.join("/")} is not made: ${error.message}`);
      }
    }
    this.#queue.dispatchEvent(new Event("freed"));
  }
}

/** Those of whose names can be asked, in parts that one question takes. */
function* portions(items) {
  const encoder = new TextEncoder();
  let part = [];
  let bytes = 0;
  for (const item of items) {
    const names = [...item.path, item.name];
    if (item.path.length > DEEPEST || names.some((one) => one.length > LONGEST)) continue;
    const more = encoder.encode(JSON.stringify(names)).length + 32;
    if (part.length && bytes + more > ASKED_BYTES) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += more;
  }
  if (part.length) yield part;
}
