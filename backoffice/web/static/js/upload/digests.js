// Checksums of pieces of a file, by which the server's chunks are known. Workers read and reckon.

/** The file is not what was picked: it was changed, moved or deleted. */
export class Unreadable extends Error {}

/** A second one where there is more to do at once: that is as much as the reading of files gives. */
const MOST_WORKERS = 2;
const workers = [];
let last = 0;

/** SHA-256 of a piece in hexadecimal. `whole`: read it bit by bit, for it may be larger than the memory. Throws
 * Unreadable. */
export async function sha256(piece, { whole = false } = {}) {
  const [digest] = await asked(piece, whole ? null : [piece.size]);
  return digest;
}

/** The same of the parts of a piece that have these sizes, one after the other. */
export function sha256s(piece, sizes) {
  return asked(piece, sizes);
}

function asked(piece, sizes) {
  const worker = free();
  last += 1;
  const id = last;
  return new Promise((resolve, reject) => {
    worker.waiting.set(id, { resolve, reject });
    worker.postMessage({ id, piece, sizes });
  });
}

/** The worker with the least to do. */
function free() {
  const [least] = [...workers].sort((one, other) => one.waiting.size - other.waiting.size);
  if (least && (!least.waiting.size || workers.length === MOST_WORKERS)) return least;
  const one = started();
  workers.push(one);
  return one;
}

function started() {
  const one = new Worker(new URL("digest_worker.js", import.meta.url));
  one.waiting = new Map();
  one.onmessage = ({ data: { id, digests, unreadable } }) => {
    const { resolve, reject } = one.waiting.get(id);
    one.waiting.delete(id);
    if (unreadable) reject(new Unreadable("The file cannot be read."));
    else resolve(digests);
  };
  one.onerror = () => {
    // Its script could not be loaded; the next piece tries anew.
    workers.splice(workers.indexOf(one), 1);
    for (const { reject } of one.waiting.values()) reject(new Error("A part of this page is missing. Reload it."));
    one.waiting.clear();
  };
  return one;
}
