// A file on its way out: cut into pieces, each with its checksum, and watched for changes meanwhile.

import { Unreadable, sha256 } from "./digests.js";
import { chunkBounds, chunkCount } from "./plan.js";

export class Source {
  #file;
  #most;
  #digests = new Map();
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

  /** Cut it into so many pieces. */
  cut(count) {
    if (count === this.count) return;
    this.count = count;
    this.#digests.clear();
  }

  length(index) {
    const [start, end] = chunkBounds(this.size, this.count, index);
    return end - start;
  }

  piece(index) {
    return this.#file.slice(...chunkBounds(this.size, this.count, index));
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

  /** Of all of it. */
  whole() {
    return sha256(this.#file, { whole: true });
  }
}

/** Somebody wrote into the file while it was being sent. */
export class Changed extends Unreadable {}
