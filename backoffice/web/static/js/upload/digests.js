// Checksums of pieces of a file, by which the server's chunks are known. A worker reads and reckons.

/** The file is not what was picked: it was changed, moved or deleted. */
export class Unreadable extends Error {}

let worker = null;
let last = 0;
const waiting = new Map();

/** SHA-256 of a piece in hexadecimal. `whole`: read it bit by bit, for it may be larger than the memory. Throws
 * Unreadable. */
export function sha256(piece, { whole = false } = {}) {
  worker ??= started();
  last += 1;
  const id = last;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, piece, whole });
  });
}

function started() {
  const one = new Worker(new URL("digest_worker.js", import.meta.url));
  one.onmessage = ({ data: { id, digest, unreadable } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (unreadable) reject(new Unreadable("The file cannot be read."));
    else resolve(digest);
  };
  one.onerror = () => {
    // Its script could not be loaded; the next piece tries anew.
    worker = null;
    for (const { reject } of waiting.values()) reject(new Error("A part of this page is missing. Reload it."));
    waiting.clear();
  };
  return one;
}
