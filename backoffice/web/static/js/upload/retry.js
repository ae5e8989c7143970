// Doing the same again while that can help: when the network, the server or the person's session comes back.

import { Lost, Refused, pause, stopped } from "./api.js";
import { passes } from "./between.js";
import { Connection } from "./connection.js";

const ATTEMPTS = 8;
/** Failures without any success in between: several chunks fail together, and each counts. */
const FAILURES = 32;
const LONGEST_MS = 30_000;

export class Retry {
  #connection;
  #failures = 0;

  constructor(connection) {
    this.#connection = connection;
  }

  /** Something worked: whatever failed before is forgotten. */
  reset() {
    this.#failures = 0;
  }

  /** The answer of `request`, which may be called several times. Throws what cannot be mended by waiting. */
  async run(request, signal) {
    for (let attempt = 1; ; attempt += 1) {
      await this.#connection.ready(signal);
      try {
        return await request();
      } catch (error) {
        if (signal.aborted) throw stopped();
        if (!repeatable(error)) throw error;
        const state = Connection.stateOf(error);
        this.#failures += 1;
        if (this.#failures > FAILURES || (attempt > ATTEMPTS && !state)) throw error;
        if (state) this.#connection.lost(state);
        if (attempt > 1 || !state) await pause(delay(attempt, error), signal);
      }
    }
  }
}

function repeatable(error) {
  if (error instanceof Lost) return true;
  if (!(error instanceof Refused)) return false;
  if (error.foreign && passes(error.status)) return true;
  return [408, 425, 429, 500, 502, 503, 504].includes(error.status)
    || ["checksum_mismatch", "body_cut", "completing", "not_signed_in", "csrf_failed"].includes(error.code);
}

/** Longer each time, and never the same for two: or all would come back together. */
function delay(attempt, error) {
  const backOff = Math.min(LONGEST_MS, 500 * 2 ** attempt) * (0.75 + Math.random() / 2);
  return Math.max(backOff, (error.retryAfter ?? 0) * 1000);
}
