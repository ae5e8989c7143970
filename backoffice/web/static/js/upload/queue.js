// Which files are sent when, in the order they were picked: two at a time, more of small ones, and as many of those that
// go together in a request.

import { Batches, TOGETHER } from "./batch.js";
import { Meter } from "./format.js";
import { Pace } from "./pace.js";
import { Transfer } from "./transfer.js";

const AT_ONCE = 2;
/** Of small ones so many count as one. */
const SMALL_AT_ONCE = 3;

/** Events: `change` (what there is, and in what state), `progress`, `stored` (a file arrived), `freed` (quota came back). */
export class Queue extends EventTarget {
  #most;
  #connection;
  #meter = new Meter();
  pace;
  #batches;
  transfers = [];
  #running = new Set();
  /** Where in `transfers` to look for the next one. */
  #from = 0;
  #choosing = false;

  /** `limits`: {chunkSize, maxChunks} */
  constructor(limits, connection) {
    super();
    this.#most = limits.maxChunks;
    this.#connection = connection;
    this.pace = new Pace(limits.chunkSize);
    this.#batches = new Batches(this.pace);
    this.pace.addEventListener("refused", () => this.dispatchEvent(new Event("change")));
  }

  /** Items: see Transfer. */
  add(items) {
    for (const item of items) {
      const transfer = new Transfer(item, this.#most, this.pace, this.#batches, this.#connection, (bytes) => this.#meter.add(bytes));
      transfer.addEventListener("change", () => this.#changed(transfer));
      transfer.addEventListener("progress", () => this.dispatchEvent(new Event("progress")));
      transfer.addEventListener("freed", () => this.dispatchEvent(new Event("freed")));
      this.transfers.push(transfer);
    }
    this.#next();
    this.dispatchEvent(new Event("change"));
  }

  pauseAll() {
    // The queued ones first: else each place that gets free would start one.
    for (const one of [...this.transfers].reverse()) if (!one.over) one.pause();
  }

  resumeAll() {
    for (const one of this.transfers) if (one.state === "paused") one.requeue();
  }

  /** Once more all that failed. */
  retryAll() {
    for (const one of this.transfers) if (one.state === "failed") one.requeue();
  }

  clear() {
    this.transfers = this.transfers.filter((one) => !one.over);
    this.#from = 0;
    this.dispatchEvent(new Event("change"));
  }

  remove(transfer) {
    this.transfers = this.transfers.filter((one) => one !== transfer);
    this.#from = 0;
    this.dispatchEvent(new Event("change"));
  }

  /** {files, done, bytes, sent, speed, left}: of all that is not given up; `left` in seconds. */
  get totals() {
    const counted = this.transfers.filter((one) => !["failed", "cancelled"].includes(one.state));
    const bytes = counted.reduce((sum, one) => sum + one.size, 0);
    const sent = counted.reduce((sum, one) => sum + (one.state === "done" ? one.size : one.sent), 0);
    const speed = this.#meter.speed();
    const done = counted.filter((one) => one.state === "done").length;
    return { files: counted.length, done, bytes, sent, speed, left: speed ? (bytes - sent) / speed : Infinity };
  }

  /** Bytes that the server does not know of yet. */
  get unreserved() {
    return this.transfers.reduce((sum, one) => sum + (one.over || one.id ? 0 : one.size), 0);
  }

  get failed() {
    return this.transfers.filter((one) => one.state === "failed").length;
  }

  get busy() {
    return this.transfers.some((one) => one.active || one.state === "queued");
  }

  #changed(transfer) {
    if (transfer.active) this.#running.add(transfer);
    else this.#running.delete(transfer);
    if (transfer.state === "queued") this.#from = 0;
    if (transfer.state === "done") this.dispatchEvent(new CustomEvent("stored", { detail: transfer }));
    this.#next();
    this.dispatchEvent(new Event("change"));
  }

  /** Begin what there is room for. Each that begins says so, and is not asked here what comes after it: that would be a
   * call within a call for as many as go at once. */
  #next() {
    if (this.#choosing) return;
    this.#choosing = true;
    try {
      while (this.#from < this.transfers.length) {
        const next = this.transfers[this.#from];
        if (next.state === "queued") {
          const load = [...this.#running].reduce((sum, one) => sum + this.#load(one), 0);
          if (load + this.#load(next) > AT_ONCE + 0.01) return;
          next.run();
        } else {
          this.#from += 1;
        }
      }
    } finally {
      this.#choosing = false;
    }
  }

  #load(transfer) {
    // While some are on their way, as many get ready.
    if (transfer.small) return 1 / (2 * TOGETHER);
    return transfer.size <= this.pace.size ? 1 / SMALL_AT_ONCE : 1;
  }
}
