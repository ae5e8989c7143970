// Sending one piece: when it is its turn, watched for being too large or too slow for what is in between.

import { Lost, Refused, call, pause } from "./api.js";
import { takesNothing } from "./between.js";
import { fileSize } from "./format.js";
import { PATIENCE_MS, SMALLEST } from "./pace.js";

/** Stands for the whole file among the indexes of pieces. */
const ALL = -1;

/** Not even the smallest pieces get through; the message says what can be done. */
export class Hopeless extends Error {}

/** Pieces of that size do not get through; those that the file is cut into from now on are smaller. */
export class Smaller extends Error {}

export class Sender {
  #source;
  #pace;
  #moved;
  #place;
  #flying = new Map();
  /** As it is called on the server. */
  name;

  /** `name` and `place` ({folder, path}) are said when an upload begins; `moved(bytes)` is told of all that leaves. */
  constructor(source, pace, { name, place }, moved) {
    this.#source = source;
    this.#pace = pace;
    this.name = name;
    this.#place = place;
    this.#moved = moved;
  }

  /** Bytes that have left and are not known to have arrived. */
  get flying() {
    return [...this.#flying.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Send piece `index` to upload `id`, "" for a new one; the server's answer. After `cuts` cuts in a row, and after a
   * refusal for the size, smaller pieces are tried. Throws Smaller then, Unreadable, and what `call` throws. */
  async send(index, id, signal, cuts) {
    const bytes = this.#source.length(index);
    let began = 0;
    const post = () => {
      began = performance.now();
      return this.#post(index, id, signal);
    };
    try {
      return await this.#pace.turn(signal, post);
    } catch (error) {
      if (signal.aborted) throw error;
      // Where nothing has left, nothing answers at all.
      const cut = wasCut(error) && this.#flying.get(index) > 0;
      if (cut) this.#pace.wasCut(began);
      // It may be the file: a browser breaks off when that has changed.
      if (wasCut(error) || error.code === "checksum_mismatch") await this.#source.compare(index);
      if (isRefused(error)) this.#cutSmaller(bytes, true);
      else if (cut && this.#pace.cuts >= cuts) this.#cutSmaller(bytes, false);
      throw error;
    } finally {
      this.#flying.delete(index);
    }
  }

  /** All of the file in one body, into upload `id`; what does not come through of it is for pieces. Throws Unreadable,
   * and AbortError. */
  async sendAll(file, id, signal) {
    const own = new AbortController();
    const stop = () => own.abort();
    signal.addEventListener("abort", stop);
    const moved = this.#counted(ALL);
    const began = performance.now();
    // The file itself: what is cut out of one goes through two more processes of the browser.
    const post = () => call("PATCH", `/uploads/${id}`, { query: { offset: 0 }, body: file, signal: own.signal, moved });
    try {
      await this.#pace.turn(signal, () => Promise.race([post(), this.#watchAll(own.signal)]));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Lost || error instanceof Refused || error instanceof Smaller)) throw error;
      // It may be the file: a browser breaks off when that has changed.
      await this.#source.look();
      if (wasCut(error)) this.#pace.wasCut(began);
      this.#pace.noBody({ cut: wasCut(error) });
    } finally {
      own.abort();
      this.#flying.delete(ALL);
      signal.removeEventListener("abort", stop);
    }
  }

  /** Throws Smaller when it is slow. */
  async #watchAll(signal) {
    const never = new Promise(() => {});
    try {
      await pause(PATIENCE_MS, signal);
    } catch {
      return never;
    }
    if (!this.#pace.isSlow(this.#flying.get(ALL) ?? 0)) return never;
    throw new Smaller();
  }

  /** Notes how much of something has left. */
  #counted(index) {
    let before = 0;
    return (bytes) => {
      const more = Math.max(0, bytes - before);
      before = bytes;
      this.#flying.set(index, bytes);
      this.#moved(more);
    };
  }

  #cutSmaller(bytes, refused) {
    const can = this.#pace.cut(bytes, { refused }) && this.#source.countFor(this.#pace.size) > this.#source.count;
    if (can) throw new Smaller();
    if (refused) throw new Hopeless(takesNothing(fileSize(Math.min(bytes, SMALLEST)), fileSize(this.#pace.wanted)));
  }

  async #post(index, id, signal) {
    const piece = this.#source.piece(index);
    const query = { chunk_index: index, total_chunks: this.#source.count };
    query.checksum = `sha256:${await this.#source.digest(index)}`;
    if (id) query.file_id = id;
    else Object.assign(query, { total_size: this.#source.size, name: this.name, folder: this.#place.folder, folder_path: this.#place.path });
    const own = new AbortController();
    const stop = () => own.abort();
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    const moved = this.#counted(index);
    // The piece itself, not the bytes read: the browser then sends it without taking them through this script.
    const answer = call("POST", "/upload_chunk", { query, body: piece, signal: own.signal, moved });
    const first = !id && this.#source.countFor(SMALLEST) > this.#source.count;
    try {
      return await (first ? Promise.race([answer, this.#watch(() => this.#flying.get(index) ?? 0, piece.size, own.signal)]) : answer);
    } finally {
      own.abort();
      signal.removeEventListener("abort", stop);
    }
  }

  /** Throws Smaller when a piece that opens an upload is not half-way in good time: nothing is lost then. */
  async #watch(moved, size, signal) {
    const never = new Promise(() => {});
    try {
      await pause(PATIENCE_MS, signal);
    } catch {
      return never; // it has arrived, or failed
    }
    // Where nothing moves at all, the size is not to blame.
    if (moved() === 0 || moved() * 2 >= size) return never;
    this.#pace.tooSlow(moved(), PATIENCE_MS);
    throw new Smaller();
  }
}

function isRefused(error) {
  return error instanceof Refused && error.foreign && error.status === 413;
}

function wasCut(error) {
  return error instanceof Lost || (error instanceof Refused && (error.status === 408 || error.code === "body_cut"));
}
