// One file on its way to the server: finding out what is there already, sending what is not, completing.
//
//   queued ─▶ sending ─▶ finishing ─▶ done
//     ▲          │ ▲          │
//     └─ paused ◀┘ └─ waiting ┘        failed, cancelled: from anywhere
//
// `waiting` is for the server or the network; it ends by itself.

import { Lost, Refused, call, checksum, unfinished } from "./api.js";
import { forget, recall, remember } from "./memory.js";
import { bytesIn, chunkBounds, chunkCount, spread } from "./plan.js";
import { Retry } from "./retry.js";

const PARALLEL = 4;
const ROUNDS = 5;

/** Ids of all uploads that this page has in hand: what is listed as unfinished beside them is somebody else's. */
export const inHand = new Set();

export class Transfer extends EventTarget {
  #connection;
  #moved;
  #retry;
  #stop = null;
  #flying = new Map();
  #doing = "queued";
  state = "queued";
  problem = "";
  id = "";
  acked = 0;
  stored = null;

  /** `limits`: {chunkSize, maxChunks}; `moved(bytes)` is told of all that leaves, for the speed. */
  constructor(file, limits, connection, moved) {
    super();
    this.file = file;
    this.name = file.name.normalize("NFC");
    this.count = chunkCount(file.size, limits.chunkSize, limits.maxChunks);
    this.#connection = connection;
    this.#moved = moved;
    this.#retry = new Retry(connection);
    connection.addEventListener("change", () => this.#become(this.#doing));
  }

  get size() { return this.file.size; }
  get sent() { return Math.min(this.size, this.acked + [...this.#flying.values()].reduce((sum, bytes) => sum + bytes, 0)); }
  get active() { return ["sending", "waiting", "finishing"].includes(this.state); }
  get over() { return ["done", "failed", "cancelled"].includes(this.state); }

  /** Send until it is done, paused or hopeless. Never throws. */
  async run() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.problem = "";
    this.#retry.reset();
    this.#become("sending");
    try {
      let pending = await this.#missing(signal);
      for (let round = 0; pending; round += 1) {
        if (round === ROUNDS) throw new Error("The server keeps losing parts of the file.");
        await this.#send(pending, signal);
        this.#become("finishing");
        pending = await this.#complete(signal);
      }
      this.#drop();
      this.#become("done");
    } catch (error) {
      if (signal.aborted) return;
      this.#stop.abort();
      this.#fail(error);
    } finally {
      this.#flying.clear();
    }
  }

  pause() {
    if (this.over || this.state === "paused") return;
    this.#stop?.abort();
    this.#become("paused");
  }

  /** Back into the queue, after a pause or a failure. */
  requeue() {
    this.#become("queued");
  }

  /** Give it up, here and on the server. */
  async cancel() {
    const { id } = this;
    this.#stop?.abort();
    this.#drop();
    this.id = "";
    this.#become("cancelled");
    if (!id) return;
    try {
      await call("DELETE", `/uploads/${id}`);
    } catch (error) {
      // Gone already, or out of reach: then it is listed as unfinished, and expires by itself.
      if (!(error instanceof Refused || error instanceof Lost)) throw error;
    }
    this.dispatchEvent(new Event("freed"));
  }

  // --- what is there already

  /** Indexes of the chunks to send. */
  async #missing(signal) {
    if (!this.id) await this.#find(signal);
    if (!this.id) return Array.from({ length: this.count }, (_, index) => index);
    let state;
    try {
      state = await this.#retry.run(() => call("GET", `/uploads/${this.id}`, { signal }), signal);
    } catch (error) {
      if (!(error instanceof Refused && error.status === 404)) throw error;
      // Completed by a request whose answer was lost, or expired: asking to complete tells which.
      return this.#restart(signal);
    }
    const missing = spread(state.missing);
    this.acked = this.size - bytesIn(this.size, this.count, missing);
    return missing;
  }

  async #restart(signal) {
    try {
      const left = await this.#complete(signal);
      return left ?? [];
    } catch (error) {
      if (!(error instanceof Refused && error.status === 404)) throw error;
      this.#drop();
      this.id = "";
      this.acked = 0;
      return this.#missing(signal);
    }
  }

  /** Look for an unfinished upload of this very file, and take it over. */
  async #find(signal) {
    const listed = await this.#retry.run(() => unfinished(signal), signal);
    for (const one of listed) {
      const alike = one.name === this.name && one.total_size === this.size && one.total_chunks === this.count
        && one.state === "open" && !inHand.has(one.file_id);
      if (alike && await this.#same(one.file_id, signal)) {
        this.#own(one.file_id);
        return;
      }
    }
  }

  /** Whether the chunks that the server has of an upload are those of this file: the first and the last are compared,
   * by sending them again. A file that was changed meanwhile has another date, too. */
  async #same(id, signal) {
    const date = recall(id);
    if (date && date !== this.file.lastModified) return false;
    inHand.add(id);
    try {
      const state = await this.#retry.run(() => call("GET", `/uploads/${id}`, { signal }), signal);
      const missing = new Set(spread(state.missing));
      const there = Array.from({ length: this.count }, (_, index) => index).filter((index) => !missing.has(index));
      for (const index of new Set([there.at(0), there.at(-1)])) {
        if (index !== undefined) await this.#retry.run(() => this.#post(index, id, signal), signal);
      }
      return true;
    } catch (error) {
      inHand.delete(id);
      if (error instanceof Refused && ["chunk_conflict", "not_found", "conflict"].includes(error.code)) return false;
      throw error;
    } finally {
      this.#flying.clear();
    }
  }

  #own(id) {
    this.id = id;
    inHand.add(id);
    remember(id, this.file.lastModified);
    this.dispatchEvent(new Event("change"));
  }

  #drop() {
    if (!this.id) return;
    inHand.delete(this.id);
    forget(this.id);
  }

  // --- sending

  async #send(indexes, signal) {
    const pending = [...indexes];
    if (!this.id && pending.length) await this.#first(pending.shift(), signal);
    const group = new AbortController();
    const stop = () => group.abort();
    signal.addEventListener("abort", stop);
    const worker = async () => {
      while (pending.length) await this.#chunk(pending.shift(), group.signal);
    };
    try {
      await Promise.all(Array.from({ length: Math.min(PARALLEL, pending.length) }, worker));
    } finally {
      group.abort();
      signal.removeEventListener("abort", stop);
    }
  }

  /** The chunk that opens the upload. When its answer is lost, the upload may be there nevertheless. */
  async #first(index, signal) {
    const began = Date.now();
    let doubtful = false;
    await this.#retry.run(async () => {
      if (doubtful) {
        const listed = await unfinished(signal);
        const mine = listed.find((one) => one.name === this.name && one.total_size === this.size
          && one.total_chunks === this.count && one.received <= 1 && !inHand.has(one.file_id)
          && Date.parse(one.created_at) > began - 120_000);
        if (mine) this.#own(mine.file_id);
      }
      doubtful = true;
      const answer = await this.#post(index, this.id, signal);
      if (!this.id) this.#own(answer.file_id);
    }, signal);
    this.#arrived(index);
  }

  async #chunk(index, signal) {
    await this.#retry.run(() => this.#post(index, this.id, signal), signal);
    this.#arrived(index);
  }

  #arrived(index) {
    const [start, end] = chunkBounds(this.size, this.count, index);
    this.#flying.delete(index);
    this.acked += end - start;
    this.#retry.reset();
    this.dispatchEvent(new Event("progress"));
  }

  async #post(index, id, signal) {
    const [start, end] = chunkBounds(this.size, this.count, index);
    const piece = this.file.slice(start, end);
    const query = { chunk_index: index, total_chunks: this.count };
    if (id) query.file_id = id;
    else Object.assign(query, { total_size: this.size, name: this.name });
    const sum = await this.#checksum(piece);
    if (sum) query.checksum = sum;
    let before = 0;
    const moved = (bytes) => {
      this.#moved(Math.max(0, bytes - before));
      before = bytes;
      // What is sent again to compare it is no progress.
      if (id === this.id) this.#flying.set(index, bytes);
      this.dispatchEvent(new Event("progress"));
    };
    try {
      // The piece itself, not the bytes read: the browser then sends it without taking them through this script.
      return await call("POST", "/upload_chunk", { query, body: piece, signal, moved });
    } catch (error) {
      this.#flying.delete(index);
      throw error;
    }
  }

  async #checksum(piece) {
    try {
      return await checksum(piece);
    } catch {
      throw new Error("The file cannot be read any more: it was moved or changed. Pick it again.");
    }
  }

  /** Null when the file is stored, else the chunks to send again. */
  async #complete(signal) {
    const json = { file_id: this.id, name: this.name, total_size: this.size, mime_type: this.file.type };
    try {
      this.stored = await this.#retry.run(() => call("POST", "/upload_complete", { json, signal }), signal);
      return null;
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "chunks_missing") throw error;
      const missing = spread(error.body.missing);
      this.acked = this.size - bytesIn(this.size, this.count, missing);
      this.#become("sending");
      return missing;
    }
  }

  // --- how it ends

  #fail(error) {
    if (error instanceof Refused && error.code === "chunk_conflict") {
      this.problem = "The file was changed while it was being sent. Cancel, and send it anew.";
    } else if (error instanceof Lost) {
      this.problem = "The connection breaks again and again.";
    } else {
      this.problem = error.message;
    }
    if (!(error instanceof Refused || error instanceof Lost)) console.warn(error);
    this.#become("failed");
  }

  #become(doing) {
    this.#doing = doing;
    const held = ["sending", "finishing"].includes(doing) && this.#connection.state !== "ok";
    const shown = held ? "waiting" : doing;
    if (shown === this.state) return;
    this.state = shown;
    this.dispatchEvent(new Event("change"));
  }
}
