// How much is sent at once and how much side by side, learnt from how it goes: one for all files of the page.
//
// What a cut breaks off counts for nothing, so a piece should be through within seconds. Where that is not so, fewer go
// side by side, and files are cut into smaller pieces; also where something in front of the site takes no larger ones.

/** Bytes. Where no more than that gets through, nothing sensible can be done. */
export const SMALLEST = 256 * 1024;
const MOST_LANES = 6;
const LONG_MS = 8000;
const SHORT_MS = 2000;
const AIM_MS = 4000;

/** Files of so many bytes go in one body, where nothing is known against it: that is several times as fast as pieces. */
const LONG = 32 * 1024 * 1024;
/** Less than that in `PATIENCE_MS`, and pieces are better: what a cut breaks off of them is less. */
const SLOW = 16 * 1024 * 1024;

/** Event `refused`: something in between refused a piece for its size; `refused` has its bytes. */
export class Pace extends EventTarget {
  #best;
  wanted;
  #lanes = 2;
  #running = 0;
  size;
  refused = 0;
  /** Cuts in a row, since the last piece that arrived. */
  cuts = 0;
  #cutAt = 0;
  #bodies = true;
  #bodyCut = false;

  /** `chunkSize`: what the site likes best, in bytes. */
  constructor(chunkSize) {
    super();
    this.wanted = chunkSize;
    this.#best = chunkSize;
    this.size = chunkSize;
  }

  /** Carry out `send` when it is its turn; its answer, and what it tells about the way. */
  async turn(signal, send) {
    while (this.#running >= this.#lanes) await this.#freed(signal);
    this.#running += 1;
    const began = performance.now();
    try {
      const answer = await send();
      this.#arrived(performance.now() - began);
      return answer;
    } finally {
      this.#running -= 1;
      this.dispatchEvent(new Event("free"));
    }
  }

  /** Whether a file of so many bytes goes in one body. */
  inOneBody(size) {
    return this.#bodies && size >= LONG && !this.cuts && this.size === this.wanted;
  }

  /** Whether a long body is too slow, of which so many bytes have left within `PATIENCE_MS`. */
  isSlow(moved) {
    return moved < SLOW;
  }

  /** A long body did not get through, or is slow: no more of them. One that was `cut` may have been unlucky, a second one
   * was not. */
  noBody({ cut = false } = {}) {
    this.#bodies = this.#bodies && cut && !this.#bodyCut;
    this.#bodyCut = true;
  }

  /** A piece was cut off that was on its way since `began`. One cut takes all that are side by side, and counts once. */
  wasCut(began) {
    if (began > this.#cutAt) this.cuts += 1;
    this.#cutAt = performance.now();
    this.#lanes = 1;
  }

  /** A piece of so many bytes was too large for something in between, or too slow. False: there are no smaller ones. */
  cut(bytes, { refused = false } = {}) {
    if (bytes <= SMALLEST) return false;
    this.size = Math.min(this.size, Math.max(SMALLEST, Math.ceil(bytes / 2)));
    this.cuts = 0;
    if (refused) {
      this.#best = Math.min(this.#best, this.size);
      this.refused = this.refused ? Math.min(this.refused, bytes) : bytes;
      this.dispatchEvent(new Event("refused"));
    }
    return true;
  }

  /** So many bytes took that long, and are nowhere near through: the pieces become what goes in a few seconds. */
  tooSlow(moved, ms) {
    this.#lanes = 1;
    this.size = Math.max(SMALLEST, Math.min(Math.ceil(this.size / 2), Math.round((moved / ms) * AIM_MS)));
  }

  #arrived(ms) {
    this.cuts = 0;
    if (ms > LONG_MS) this.#lanes = Math.max(1, Math.floor(this.#lanes / 2));
    else if (ms < SHORT_MS) {
      this.#lanes = Math.min(MOST_LANES, this.#lanes + 1);
      if (ms < SHORT_MS / 4) this.size = Math.min(this.#best, this.size * 2);
    }
  }

  #freed(signal) {
    return new Promise((resolve, reject) => {
      const done = () => {
        this.removeEventListener("free", done);
        signal?.removeEventListener("abort", done);
        if (signal?.aborted) reject(signal.reason);
        else resolve();
      };
      this.addEventListener("free", done);
      signal?.addEventListener("abort", done);
    });
  }
}

/** How long a first piece may take to be half-way, in milliseconds, before smaller ones are tried. */
export const PATIENCE_MS = LONG_MS;
