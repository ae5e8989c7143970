// Which files are sent when: two at a time, in the order they were picked.

import { Meter } from "./format.js";
import { Pace } from "./pace.js";
import { Transfer } from "./transfer.js";

const AT_ONCE = 2;

/** Events: `change` (what there is, and in what state), `progress`, `stored` (a file arrived), `freed` (quota came back). */
export class Queue extends EventTarget {
  #most;
  #connection;
  #meter = new Meter();
  pace;
  transfers = [];

  /** `limits`: {chunkSize, maxChunks} */
  constructor(limits, connection) {
    super();
    this.#most = limits.maxChunks;
    this.#connection = connection;
    this.pace = new Pace(limits.chunkSize);
    this.pace.addEventListener("refused", () => this.dispatchEvent(new Event("change")));
  }

  add(files) {
    for (const file of files) {
      const transfer = new Transfer(file, this.#most, this.pace, this.#connection, (bytes) => this.#meter.add(bytes));
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

  clear() {
    this.transfers = this.transfers.filter((one) => !one.over);
    this.dispatchEvent(new Event("change"));
  }

  remove(transfer) {
    this.transfers = this.transfers.filter((one) => one !== transfer);
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

  get busy() {
    return this.transfers.some((one) => one.active || one.state === "queued");
  }

  #changed(transfer) {
    if (transfer.state === "done") this.dispatchEvent(new CustomEvent("stored", { detail: transfer }));
    this.#next();
    this.dispatchEvent(new Event("change"));
  }

  #next() {
    let running = this.transfers.filter((one) => one.active).length;
    for (const one of this.transfers) {
      if (running >= AT_ONCE) return;
      if (one.state !== "queued") continue;
      running += 1;
      one.run();
    }
  }
}
