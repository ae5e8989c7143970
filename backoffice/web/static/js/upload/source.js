// A file on its way out: cut into pieces, each with its checksum, and watched for changes meanwhile.

import { Unreadable, sha256, sha256s } from "./digests.js";
import { chunkBounds, chunkCount } from "./plan.js";

/** Bytes that are read at once for comparing, and how often side by side. */
const TOGETHER = 16 * 1024 * 1024;
const HANDS = 2;

export class Source {
  #file;
  #most;
  #digests = new Map();
  #chunkSize = 0;
  count = 1;

  /** Cut into pieces of about `pieceSize` bytes, into no more than `most`. */
  constructor(file, pieceSize, most) {
    this.#file = file;
    this.#most = most;
    this.count = this.countFor(pieceSize);
  }

  get size() { return this.#file.size; }
  get pieceSize() { return Math.ceil(this.size / this.count); }

  countFor(pieceSize) {
    return chunkCount(this.size, pieceSize, this.#most);
  }

  /** Cut it evenly into so many pieces; with a `chunkSize` into pieces of that size and what they leave, as the command
   * line does it. */
  cut(count, chunkSize = 0) {
    if (count === this.count && chunkSize === this.#chunkSize) return;
    this.count = count;
    this.#chunkSize = chunkSize;
    this.#digests.clear();
  }

  /** Cut it into `count` pieces, as it was when these chunks of it were sent. False: it is not known how. */
  cutAs(count, chunks) {
    const fit = () => chunks.every((chunk) => chunk.size === this.length(chunk.chunk_index));
    if (count === this.count && fit()) return true;
    this.cut(count);
    if (fit()) return true;
    const [one] = chunks;
    const last = one.chunk_index === count - 1;
    const chunkSize = last ? Math.floor((this.size - one.size) / (count - 1)) : one.size;
    if (Math.ceil(this.size / chunkSize) !== count) return false;
    this.cut(count, chunkSize);
    return fit();
  }

  #bounds(index) {
    if (!this.#chunkSize) return chunkBounds(this.size, this.count, index);
    return [index * this.#chunkSize, Math.min(this.size, (index + 1) * this.#chunkSize)];
  }

  length(index) {
    const [start, end] = this.#bounds(index);
    return end - start;
  }

  piece(index) {
    // Where there is nothing to cut off: a cut takes two processes of the browser, and of small files there are many.
    if (this.count === 1) return this.#file;
    return this.#file.slice(...this.#bounds(index));
  }

  /** The checksum of a piece as it was when it was first read. */
  async digest(index) {
    const known = this.#digests.get(index);
    if (known) return known;
    const digest = await sha256(this.piece(index));
    this.#digests.set(index, digest);
    return digest;
  }

  /** Throws Changed when a piece is not what it was when it was first read, Unreadable when it cannot be read. */
  async compare(index) {
    if (await sha256(this.piece(index)) !== await this.digest(index)) throw new Changed("The file was changed.");
  }

  /** Take what the server says of chunks that it has for what was sent; `compareAll` tells whether they are the file. */
  take(chunks) {
    for (const { chunk_index: index, sha256: digest } of chunks) this.#digests.set(index, digest);
  }

  /** Compare all of it; `moved(bytes)` is told how far that is. Throws as `compare`. */
  async compareAll(moved, signal) {
    let next = 0;
    const hand = async () => {
      while (next < this.count) {
        const first = next;
        const [start] = this.#bounds(first);
        do next += 1; while (next < this.count && this.#end(next) - start <= TOGETHER);
        const end = next;
        await this.#compareRun(first, end);
        signal.throwIfAborted();
        moved(this.#end(end - 1) - start);
      }
    };
    await Promise.all(Array.from({ length: HANDS }, hand));
  }

  #end(index) { return this.#bounds(index)[1]; }

  /** Pieces [first, end), which are read in one go. */
  async #compareRun(first, end) {
    const indexes = Array.from({ length: end - first }, (_, place) => first + place);
    const run = this.#file.slice(this.#bounds(first)[0], this.#end(end - 1));
    const found = await sha256s(run, indexes.map((index) => this.length(index)));
    for (const [place, index] of indexes.entries()) {
      if (found[place] !== await this.digest(index)) throw new Changed("The file was changed.");
    }
  }

  /** Throws Unreadable where the browser knows that it is not what was picked. */
  async look() {
    await sha256(this.#file.slice(0, 1));
  }

  /** Of all of it. */
  whole() {
    return sha256(this.#file, { whole: true });
  }
}

/** Somebody wrote into the file while it was being sent. */
export class Changed extends Unreadable {}
