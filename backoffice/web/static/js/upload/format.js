// Numbers and names as the server has them.

const units = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `1536000` -> "1.5 MB" */
export function fileSize(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 || value >= 99.5 ? 0 : 1)} ${units[unit]}`;
}

/** Seconds left -> "2 min left" */
export function timeLeft(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s left`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min left`;
  const hours = Math.floor(seconds / 3600);
  return `${hours} h ${Math.round((seconds % 3600) / 60)} min left`;
}

/** 3, "file" -> "3 files" */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** The speed of the last few seconds. */
export class Meter {
  #moves = [];

  add(bytes, now = performance.now()) {
    this.#moves.push([now, bytes]);
    this.#forget(now);
  }

  /** Bytes a second; 0 when nothing moved lately. */
  speed(now = performance.now()) {
    this.#forget(now);
    if (!this.#moves.length) return 0;
    const bytes = this.#moves.reduce((sum, [, moved]) => sum + moved, 0);
    return bytes / Math.max(1, (now - this.#moves[0][0]) / 1000);
  }

  #forget(now) {
    while (this.#moves.length && now - this.#moves[0][0] > 8000) this.#moves.shift();
  }
}

/** A name as the server keeps it: composed, and with plain spaces. */
export const keptName = (name) => name.normalize("NFC").replace(/\p{Zs}/gu, " ");
