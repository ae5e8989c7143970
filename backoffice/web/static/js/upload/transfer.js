// One file on its way to the server: finding out what is there already, sending what is not, completing.
//
//   queued ─▶ checking ─▶ sending ─▶ comparing ─▶ finishing ─▶ done
//     ▲                    │ ▲                       │
//     └────── paused ◀─────┘ └────── waiting ────────┘        failed, cancelled: from anywhere
//
// `checking`: are the chunks that the server has those of this file; `comparing`: is the file still what was sent. Name,
// size and date do not tell: disk images and vaults change in the middle and keep their date. `waiting` is for the
// server or the network; it ends by itself.

import { Lost, Refused, call, chunksThere, pause, storedAs, unfinished } from "./api.js";
import { Unreadable } from "./digests.js";
import { keptName } from "./format.js";
import { spread } from "./plan.js";
import { SMALLEST } from "./pace.js";
import { Retry } from "./retry.js";
import { Hopeless, Sender, Smaller } from "./sender.js";
import { Changed, Source } from "./source.js";

/** As far as the pace allows. */
const PARALLEL = 6;
const ROUNDS = 5;
/** So many uploads are begun for a file, because those before did not do, until that is called hopeless. */
const MOST_BEGUN = 20;
/** Cuts of one piece in a row that make the pieces smaller; more of them where that would throw much away. */
const CUTS = 3;
/** How long what the server listed may be looked at, by files that nothing was begun for. */
const FRESH_MS = 1000;
const listing = { at: -Infinity, items: [] };
/** When to look for what was given up while its one request was under way, each after the one before. */
const LOOKS_MS = [0, 1000, 3000];
const ACTIVE = ["checking", "sending", "waiting", "comparing", "finishing"];
const OTHER_CONTENT = "The unfinished upload of that name has other content, so this one is sent from the beginning.";
const OTHER_PIECES = "The unfinished upload of that name was cut in a way that is not known here, so this one is sent from"
  + " the beginning.";

/** Ids of all uploads that this page has in hand: what is listed as unfinished beside them is somebody else's. */
export const inHand = new Set();

/** The upload does not do: begin another one. `remove`: nobody else can use it either. */
class Anew extends Error {
  constructor({ remove = false } = {}) {
    super("anew");
    this.remove = remove;
  }
}

export class Transfer extends EventTarget {
  #connection;
  #pace;
  #batches;
  #moved;
  #retry;
  #source;
  #stop = null;
  #sender;
  #rejected = new Set();
  #there = new Set();
  #begun = 0;
  #doing = "queued";
  /** Whether it may be sent in one request; and whether one that was may have come through, for all that is known. */
  #small;
  #doubtful = false;
  state = "queued";
  problem = "";
  /** What the person should know although all goes well. */
  note = "";
  id = "";
  acked = 0;
  compared = 0;
  stored = null;
  /** Whether it was stored before it could be given up. */
  late = false;
  /** Whether another name mends the problem. */
  misnamed = false;

  /** `item`: {file, name, path, folder, onConflict, refused}, where `folder` and the names in `path` say where it goes,
   * and `refused` why it is not even tried; `most`: chunks of a file; `pace`, `batches`: see there; `moved(bytes)` is told of all
   * that leaves, for the speed. */
  constructor(item, most, pace, batches, connection, moved) {
    super();
    const { file } = item;
    this.file = file;
    this.name = item.name;
    this.place = { folder: item.folder, path: item.path };
    this.onConflict = item.onConflict ?? "rename";
    // Not where both are to be kept: done twice, that would be two. Nor where an upload is to go on.
    this.#small = file.size <= SMALLEST && item.onConflict !== "rename" && !item.resumed;
    if (item.refused) [this.state, this.#doing, this.problem] = ["failed", "failed", item.refused];
    this.#source = new Source(file, pace.size, most);
    this.#pace = pace;
    this.#batches = batches;
    this.#moved = moved;
    this.#sender = new Sender(this.#source, pace, { name: this.name, place: this.place }, (bytes) => {
      moved(bytes);
      this.dispatchEvent(new Event("progress"));
    });
    this.#connection = connection;
    this.#retry = new Retry(connection);
    connection.addEventListener("change", () => this.#become(this.#doing));
  }

  get size() { return this.file.size; }
  get sent() { return Math.min(this.size, this.acked + this.#sender.flying); }
  /** Whether it may be stored, for all that is known. */
  get doubtful() { return this.#doubtful; }
  /** Whether it is sent in one request, as far as that is known. */
  get small() { return this.#small && !this.id; }
  get active() { return ACTIVE.includes(this.state); }
  get over() { return ["done", "failed", "cancelled"].includes(this.state); }

  /** Send until it is done, paused or hopeless. Never throws. */
  async run() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.problem = "";
    this.misnamed = false;
    this.#begun = 0;
    this.#retry.reset();
    this.#become(this.id ? "checking" : "sending");
    try {
      if (!await this.#atOnce(signal)) while (!await this.#whole(signal));
      const { id } = this;
      this.#drop();
      if (id) inHand.add(id); // a list that was fetched before has it still
      this.#become("done");
    } catch (error) {
      if (signal.aborted) return;
      this.#stop.abort();
      if (error instanceof Changed) this.#remove();
      this.#fail(error);
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

  /** Under another name, after a failure. */
  rename(name) {
    this.name = this.#sender.name = keptName(name);
    this.requeue();
  }

  /** Give it up, here and on the server. What was stored before is `done` after all, and `late`. */
  async cancel() {
    this.#stop?.abort();
    const removed = this.#remove();
    this.#become("cancelled");
    await removed;
    if (this.#doubtful) await this.#tooLate();
  }

  /** Whether one that is given up had arrived with its one request: it may take a moment until that can be seen. */
  async #tooLate() {
    try {
      const own = await this.#source.whole();
      for (const wait of LOOKS_MS) {
        await pause(wait);
        this.stored = await storedAs(this.name, own, this.place);
        if (this.stored) break;
      }
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Lost || error instanceof Unreadable)) throw error;
      return; // nobody knows, and that is what the page says
    }
    this.#doubtful = false;
    this.late = Boolean(this.stored);
    if (this.late) this.#become("done");
    else this.dispatchEvent(new Event("change"));
  }

  /** End the upload on the server, as far as that can be reached; else it is listed as unfinished, and expires. */
  async #remove() {
    const { id } = this;
    this.#drop();
    if (!id) return;
    inHand.add(id);
    try {
      await call("DELETE", `/uploads/${id}`);
    } catch (error) {
      inHand.delete(id);
      if (!(error instanceof Refused || error instanceof Lost)) throw error;
    }
    this.dispatchEvent(new Event("freed"));
  }

  /** A small file, in one request. False: that did not do, for whatever reason, and it goes the way of large ones. */
  async #atOnce(signal) {
    if (!this.small) return false;
    await this.#connection.ready(signal);
    const { folder, path } = this.place;
    const fresh = this.onConflict === "rename";
    try {
      const query = {
        checksum: `sha256:${await this.#source.digest(0)}`, on_conflict: fresh ? "fail" : this.onConflict, folder, folder_path: path,
      };
      // In doubt until there is an answer; also where it is stopped before.
      const left = () => { this.#doubtful = true; };
      this.stored = await this.#batches.store(this.name, this.file, query, left, signal);
      this.#doubtful = false;
      this.#moved(this.size);
      return true;
    } catch (error) {
      if (signal.aborted || error instanceof Unreadable) throw error;
      // A browser sends again by itself what was cut off on a kept connection: then it is taken by this very file.
      this.#doubtful = error instanceof Lost || error.foreign || error.status >= 500 || error.code === "name_taken";
      return false;
    } finally {
      this.#small = false;
    }
  }

  /** Whether the one request came through although nobody heard of it. */
  async #cameThrough(signal) {
    if (!this.#doubtful) return false;
    const own = await this.#source.whole();
    const stored = await this.#retry.run(() => storedAs(this.name, own, this.place, signal), signal);
    this.#doubtful = false;
    if (!stored) return false;
    this.stored = stored;
    await this.#remove();
    return true;
  }

  /** One upload from what is there to the stored file. False: it did not do, and another one has to be begun. */
  async #whole(signal) {
    try {
      let pending = await this.#pending(signal);
      for (let round = 0; round < ROUNDS; round += 1) {
        const mine = pending !== null && await this.#send(pending, signal);
        if (mine && this.#source.count > 1) await this.#compare(signal);
        this.#become("finishing");
        pending = await this.#complete(signal);
        if (!pending) return mine || await this.#isThisFile(signal);
      }
    } catch (error) {
      if (!(error instanceof Anew)) throw error;
      if (error.remove) await this.#remove();
      else this.#drop();
      this.#begun += 1;
      if (this.#begun > MOST_BEGUN) throw new Error("The upload ends on the server again and again.");
      return false;
    }
    throw new Error("The server keeps losing parts of the file.");
  }

  // --- what is there already

  /** Indexes of the chunks to send; null when it is an upload no more, but perhaps a file. */
  async #pending(signal) {
    if (!this.id) {
      await this.#find(signal);
      return this.id ? this.#left() : this.#indexes();
    }
    this.#become("checking");
    try {
      if (await this.#differs(this.id, this.#source.count, signal)) throw new Anew();
    } catch (error) {
      if (error instanceof Refused && error.code === "not_found") return null;
      throw error;
    }
    return this.#left();
  }

  #indexes() { return Array.from({ length: this.#source.count }, (_, index) => index); }

  #left() { return this.#indexes().filter((index) => !this.#there.has(index)); }

  /** The unfinished uploads; many files that begin one after another ask once. */
  async #listed(signal) {
    if (this.#begun || performance.now() - listing.at > FRESH_MS) {
      const items = await unfinished(signal);
      Object.assign(listing, { at: performance.now(), items });
    }
    return listing.items;
  }

  /** Look for an unfinished upload of this very file, and take it over; else the file is cut as is good just now. */
  async #find(signal) {
    const listed = await this.#retry.run(() => this.#listed(signal), signal);
    for (const one of listed) {
      const alike = one.name === this.name && one.total_size === this.size
        && one.total_chunks > 0 && one.total_chunks <= Math.max(1, this.size)
        && one.state === "open" && !one.by_another
        && !inHand.has(one.file_id) && !this.#rejected.has(one.file_id);
      if (!alike) continue;
      inHand.add(one.file_id);
      this.#become("checking");
      try {
        this.note = await this.#differs(one.file_id, one.total_chunks, signal);
        if (!this.note) {
          this.#own(one.file_id);
          return;
        }
      } catch (error) {
        inHand.delete(one.file_id);
        if (!(error instanceof Refused && error.code === "not_found")) throw error;
      }
      this.#reject(one.file_id);
    }
    this.acked = 0;
    this.#there.clear();
    this.#source.cut(this.#source.countFor(this.#pace.size));
    this.#become("sending");
  }

  /** What is against it that all chunks that the server has of an upload are those of this file: "" when their checksums
   * prove that they are. Only those are read, and what is proved counts as sent. */
  async #differs(id, count, signal) {
    const chunks = await this.#retry.run(() => chunksThere(id, signal), signal);
    this.acked = 0;
    this.#there.clear();
    if (!this.#source.cutAs(count, chunks)) return OTHER_PIECES;
    // Where two versions differ, they often do at the end.
    for (const chunk of [...chunks.slice(-1), ...chunks.slice(0, -1)]) {
      const index = chunk.chunk_index;
      if (chunk.sha256 !== await this.#source.digest(index)) return OTHER_CONTENT;
      signal.throwIfAborted();
      this.#there.add(index);
      this.acked += chunk.size;
      this.dispatchEvent(new Event("progress"));
    }
    return "";
  }

  #own(id) {
    this.id = id;
    inHand.add(id);
    this.dispatchEvent(new Event("change"));
  }

  #reject(id) {
    this.#rejected.add(id);
    inHand.delete(id);
    this.dispatchEvent(new Event("change"));
  }

  /** It is this one's upload no more. */
  #drop() {
    if (this.id) this.#reject(this.id);
    this.id = "";
    this.acked = 0;
    this.#there.clear();
  }

  // --- sending

  /** False when the upload takes no more, because somebody else is completing it or has done so. */
  async #send(indexes, signal) {
    try {
      await this.#sendAll(indexes, signal);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      // Another tab goes on with the same upload: it may be a file by now, or have other bytes.
      if (["not_found", "gone", "upload_closed"].includes(error.code)) return false;
      if (["chunk_conflict", "conflict"].includes(error.code)) throw new Anew();
      throw error;
    }
  }

  async #sendAll(indexes, signal) {
    this.#become("sending");
    const began = Boolean(this.id);
    if (!began) await this.#begin(signal);
    const pending = began ? [...indexes] : this.#left();
    const group = new AbortController();
    const stop = () => group.abort();
    signal.addEventListener("abort", stop);
    const worker = async () => {
      while (pending.length) {
        const index = pending.shift();
        await this.#retry.run(() => this.#piece(index, group.signal), group.signal);
        this.#arrived(index);
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(PARALLEL, pending.length) }, worker));
    } finally {
      group.abort();
      signal.removeEventListener("abort", stop);
    }
  }

  /** Open the upload, with what goes along with that. */
  async #begin(signal) {
    let doubtful = false;
    if (this.#pace.inOneBody(this.size)) {
      try {
        const { folder, path } = this.place;
        const json = { name: this.name, total_size: this.size, folder, folder_path: path };
        this.#own((await call("POST", "/uploads", { json, signal })).file_id);
      } catch (error) {
        if (!(error instanceof Refused || error instanceof Lost)) throw error;
        doubtful = true; // a first chunk says what is wrong, if that is still so
      }
    }
    if (this.id) await this.#inOneBody(signal);
    else await this.#first(signal, doubtful);
  }

  /** All of it at once. What the server says that has arrived is proved in the end, when it is compared; the rest, and
   * at least an end that is no whole chunk, is for pieces. */
  async #inOneBody(signal) {
    await this.#sender.sendAll(this.file, this.id, signal);
    const chunks = await this.#retry.run(() => chunksThere(this.id, signal), signal);
    // Nothing came through: pieces may be cut otherwise, and their sizes are told with the first one.
    if (!chunks.length || !this.#source.cutAs(Math.ceil(this.size / chunks[0].size), chunks)) throw new Anew({ remove: true });
    this.#source.take(chunks);
    for (const { chunk_index: index } of chunks) this.#arrived(index);
  }

  /** The chunk that opens the upload. When its answer is lost, the upload may be there nevertheless. */
  async #first(signal, doubtful = false) {
    await this.#retry.run(async () => {
      if (doubtful) {
        listing.at = -Infinity;
        await this.#find(signal);
      }
      if (this.id) return;
      doubtful = true;
      this.#own((await this.#piece(0, signal)).file_id);
      this.#arrived(0);
    }, signal);
  }

  /** Send a piece; what cannot be mended by sending it again is Anew, or for people. */
  async #piece(index, signal) {
    try {
      // More patience where smaller pieces would throw much away.
      return await this.#sender.send(index, this.id, signal, this.acked * 4 > this.size ? 2 * CUTS : CUTS);
    } catch (error) {
      if (error instanceof Smaller) throw new Anew({ remove: true });
      throw error;
    }
  }

  #arrived(index) {
    this.#there.add(index);
    this.acked += this.#source.length(index);
    this.#retry.reset();
    this.dispatchEvent(new Event("progress"));
  }

  // --- is it what was picked

  /** Throws Changed when the file is not what was sent any more. */
  async #compare(signal) {
    this.compared = 0;
    this.#become("comparing");
    await this.#source.compareAll((bytes) => {
      this.compared += bytes;
      this.dispatchEvent(new Event("progress"));
    }, signal);
  }

  /** Whether the file that somebody else completed is this one; false: it is another, and this one is sent anew. */
  async #isThisFile(signal) {
    this.#become("comparing");
    const own = await this.#source.whole();
    for (let wait = 500; wait < 60_000; wait *= 2) {
      const { sha256 } = await this.#retry.run(() => call("GET", `/files/${this.stored.id}/metadata`, { signal }), signal);
      // The server reads it by itself within a moment.
      if (sha256) {
        if (sha256 !== own) this.#drop();
        return sha256 === own;
      }
      await pause(wait, signal);
    }
    this.#drop();
    return false;
  }

  /** Null when the file is stored, else the chunks to send again. */
  async #complete(signal) {
    const json = {
      file_id: this.id, name: this.name, total_size: this.size, mime_type: this.file.type, on_conflict: this.#doubtful ? "fail" : this.onConflict,
      folder: this.place.folder, folder_path: this.place.path,
    };
    try {
      this.stored = await this.#retry.run(() => call("POST", "/upload_complete", { json, signal }), signal);
      return null;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code === "not_found") throw new Anew(); // somebody cancelled it, or it expired
      if (error.code === "name_taken" && this.#doubtful) {
        return await this.#cameThrough(signal) ? null : this.#complete(signal);
      }
      if (error.code !== "chunks_missing") throw error;
      const missing = spread(error.body.missing);
      for (const index of missing) if (this.#there.delete(index)) this.acked -= this.#source.length(index);
      return missing;
    }
  }

  // --- how it ends

  #fail(error) {
    if (error instanceof Changed) {
      this.problem = "The file was changed while it was being sent, so nothing of it was stored. Pick it again.";
    } else if (error instanceof Unreadable) {
      this.problem = "The file cannot be read any more: it was changed, moved or deleted. Pick it again.";
    } else if (error instanceof Lost) {
      this.problem = "The connection breaks again and again.";
    } else {
      this.problem = error.message;
      this.misnamed = error.code === "name_taken" || (error.code === "invalid" && error.body.field === "name");
    }
    if (![Refused, Lost, Unreadable, Hopeless].some((kind) => error instanceof kind)) console.warn(error);
    this.#become("failed");
  }

  #become(doing) {
    this.#doing = doing;
    const held = ["checking", "sending", "finishing"].includes(doing) && this.#connection.state !== "ok";
    const shown = held ? "waiting" : doing;
    if (shown === this.state) return;
    this.state = shown;
    this.dispatchEvent(new Event("change"));
  }
}
