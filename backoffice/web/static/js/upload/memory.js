// What this browser knows of unfinished uploads beside what the server knows: the date of the file, by upload. Storage
// can be switched off; then the bytes alone decide whether a file is the same.

const key = (id) => `upload:${id}`;

function storage() {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}

export function remember(id, date) {
  try {
    storage()?.setItem(key(id), String(date));
  } catch {
    // Full: the same as switched off.
  }
}

export function recall(id) {
  return Number(storage()?.getItem(key(id))) || 0;
}

export function forget(id) {
  storage()?.removeItem(key(id));
}

/** Forget all uploads but these. */
export function keepOnly(ids) {
  const kept = new Set(ids.map(key));
  for (const name of Object.keys(storage() ?? {})) {
    if (name.startsWith("upload:") && !kept.has(name)) forget(name.slice("upload:".length));
  }
}
