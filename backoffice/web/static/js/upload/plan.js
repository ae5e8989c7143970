// How a file is cut. The cut follows from size and number of chunks alone, so that any browser finds it again: the
// server keeps both. The first `size % count` chunks are one byte longer than the others.

/** How many chunks a file of `size` bytes has when about `chunkSize` go at once. An empty file has one, empty. */
export function chunkCount(size, chunkSize, most) {
  return Math.min(Math.max(1, Math.ceil(size / chunkSize)), most, Math.max(1, size));
}

/** Bytes [start, end) of chunk `index`. */
export function chunkBounds(size, count, index) {
  const base = Math.floor(size / count);
  const longer = size % count;
  const start = index * base + Math.min(index, longer);
  return [start, start + base + (index < longer ? 1 : 0)];
}

/** `[[0, 2], [5, 5]]` -> `[0, 1, 2, 5]` */
export function spread(ranges) {
  return ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, place) => first + place));
}
