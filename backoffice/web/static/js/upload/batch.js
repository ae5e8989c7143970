// Small files on their way together: what a request costs is more than what a small file does.
//
// Each is as if it were sent alone, in one request: it may be stopped by itself, and has an answer of its own. What is
// stopped after the request has left may be stored all the same, as with a request of its own.

import { Refused, call, put, stopped } from "./api.js";

/** Files of one request. */
export const TOGETHER = 25;
/** Bytes: what is in front of sites takes that where it has not been told otherwise. */
const MOST_BYTES = 512 * 1024;
const REQUESTS = 2;
/** How long a request waits for others to go along. */
const WAIT_MS = 20;

export class Batches {
  #pace;
  #waiting = [];
  #timer = null;
  #running = 0;

  constructor(pace) {
    this.#pace = pace;
  }

  /** Have a file stored; its record. `query`: as of `put`, with a checksum; `left()` is called when it may be on its
   * way. Throws as `put`. */
  store(name, file, query, left, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(stopped());
      const one = { name, file, query, left, over: false, request: null };
      const stop = () => {
        reject(stopped());
        this.#end(one);
      };
      one.settle = (settle, value) => {
        signal.removeEventListener("abort", stop);
        one.over = true;
        settle(value);
      };
      one.resolve = (record) => one.settle(resolve, record);
      one.reject = (error) => one.settle(reject, error);
      signal.addEventListener("abort", stop, { once: true });
      this.#waiting.push(one);
      this.#soon();
    });
  }

  /** Nobody waits for it any more: where that goes for all of a request, that need not go on. */
  #end(one) {
    one.over = true;
    this.#waiting = this.#waiting.filter((other) => other !== one);
    if (one.request?.all.every(({ over }) => over)) one.request.own.abort();
  }

  #soon() {
    if (this.#running >= REQUESTS) return;
    if (this.#waiting.length >= TOGETHER) this.#send();
    else this.#timer ??= setTimeout(() => { this.#timer = null; this.#send(); }, WAIT_MS);
  }

  async #send() {
    if (this.#running >= REQUESTS || !this.#waiting.length) return;
    this.#running += 1;
    const all = this.#taken();
    const own = new AbortController();
    for (const one of all) one.request = { own, all };
    try {
      await this.#pace.turn(own.signal, () => post(all.filter((one) => !one.over), own.signal));
    } catch (error) {
      if (isTooLarge(error)) this.#pace.cut(MOST_BYTES, { refused: true });
      for (const one of all) if (!one.over) one.reject(error);
    } finally {
      this.#running -= 1;
      if (this.#waiting.length) this.#soon();
    }
  }

  /** The next ones that go into one folder, or into some within it. */
  #taken() {
    const most = Math.min(MOST_BYTES, this.#pace.size);
    const { folder } = this.#waiting[0].query;
    const taken = [];
    let bytes = 0;
    for (const one of this.#waiting) {
      if (taken.length === TOGETHER || one.query.folder !== folder) break;
      bytes += one.file.size;
      if (taken.length && bytes > most) break;
      taken.push(one);
    }
    this.#waiting = this.#waiting.slice(taken.length);
    return taken;
  }
}

/** Send them, and tell each what came of it. */
async function post(all, signal) {
  for (const one of all) one.left();
  if (all.length === 1) {
    const [{ name, file, query, resolve }] = all;
    resolve(await put(name, file, query, signal));
    return;
  }
  const { items } = await call("POST", "/files/batch", { body: formOf(all), type: "", signal });
  all.forEach((one, place) => {
    const { file, problem } = items[place];
    if (one.over) return;
    if (file) one.resolve(file);
    else one.reject(new Refused(problem.status, problem));
  });
}

function formOf(all) {
  const form = new FormData();
  const files = all.map(({ name, file, query }) => ({
    name, mime_type: file.type, sha256: query.checksum.replace("sha256:", ""), on_conflict: query.on_conflict, folder_path: query.folder_path,
  }));
  form.append("files", JSON.stringify({ folder: all[0].query.folder, files }));
  for (const { file } of all) form.append("content", file, "content");
  return form;
}

function isTooLarge(error) {
  return error instanceof Refused && error.foreign && error.status === 413;
}
