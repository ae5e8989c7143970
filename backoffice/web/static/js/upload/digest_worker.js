// SHA-256 of pieces of files, off the page's own thread. {id, piece, sizes} -> {id, digests} or {id, unreadable: true}.
// `sizes`: of the parts of the piece, each of which has a digest; left out: of all of it, read bit by bit.
//
// Why SHA-256: it is what the server's map has of every chunk and what browsers have built in; the map's other checksum,
// XXH3, they have not. The built-in one is missing where the page came over plain HTTP from another machine, and takes
// no file longer than the memory: there the function below does it, at a tenth of the speed.
//
// A classic script without imports, because those run as workers in every browser.

/* FIPS 180-4, sections 4.1.2, 4.2.2, 5 and 6.2. */
const primes = [];
for (let number = 2; primes.length < 64; number += 1) {
  if (primes.every((prime) => number % prime)) primes.push(number);
}
const fraction = (value) => Math.floor((value % 1) * 2 ** 32);
const ROUND = Uint32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
const START = Uint32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

class Sha256 {
  #state = START.slice();
  #words = new Uint32Array(64);
  #rest = new Uint8Array(0);
  #length = 0;

  add(bytes) {
    this.#length += bytes.length;
    const all = this.#rest.length ? joined(this.#rest, bytes) : bytes;
    const whole = all.length - (all.length % 64);
    const view = new DataView(all.buffer, all.byteOffset, all.length);
    for (let at = 0; at < whole; at += 64) this.#block(view, at);
    this.#rest = all.slice(whole);
  }

  digest() {
    const length = this.#length;
    const end = new Uint8Array(this.#rest.length < 56 ? 64 - this.#rest.length : 128 - this.#rest.length);
    end[0] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(end.length - 8, Math.floor(length / 2 ** 29));
    view.setUint32(end.length - 4, (length * 8) % 2 ** 32);
    this.add(end);
    const digest = new DataView(new ArrayBuffer(32));
    this.#state.forEach((word, place) => digest.setUint32(place * 4, word));
    return digest.buffer;
  }

  #block(view, at) {
    const w = this.#words;
    for (let t = 0; t < 16; t += 1) w[t] = view.getUint32(at + t * 4);
    for (let t = 16; t < 64; t += 1) {
      const x = w[t - 15];
      const y = w[t - 2];
      const first = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3;
      const second = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10;
      w[t] = w[t - 16] + first + w[t - 7] + second;
    }
    let [a, b, c, d, e, f, g, h] = this.#state;
    for (let t = 0; t < 64; t += 1) {
      const upper = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
      const one = h + upper + (e & f ^ ~e & g) + ROUND[t] + w[t] | 0;
      const lower = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
      const two = lower + (a & b ^ a & c ^ b & c) | 0;
      h = g;
      g = f;
      f = e;
      e = d + one | 0;
      d = c;
      c = b;
      b = a;
      a = one + two | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((word, place) => { this.#state[place] += word; });
  }
}

function joined(first, second) {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

const reader = new FileReaderSync();

/** The bytes of a piece; all of them, or it throws: some browsers read a file that got shorter to its present end. Read
 * at once, which costs half of what waiting for it does; nobody else has to wait in here. */
function bytesOf(piece) {
  const bytes = reader.readAsArrayBuffer(piece);
  if (bytes.byteLength !== piece.size) throw new Error("shorter");
  return new Uint8Array(bytes);
}

const PART = 4 * 1024 * 1024;

async function digestOf(bytes) {
  if (globalThis.crypto?.subtle) return crypto.subtle.digest("SHA-256", bytes);
  const found = new Sha256();
  found.add(bytes);
  return found.digest();
}

/** Of a file that may be larger than the memory, which is read bit by bit. */
function digestOfAll(file) {
  const found = new Sha256();
  for (let at = 0; at < file.size; at += PART) found.add(bytesOf(file.slice(at, Math.min(file.size, at + PART))));
  return found.digest();
}

/** Of the parts of `piece` that have these sizes, one after the other; it is read in one go. */
async function digestsOf(piece, sizes) {
  const bytes = bytesOf(piece);
  const found = [];
  let at = 0;
  for (const size of sizes) {
    found.push(await digestOf(bytes.subarray(at, at + size)));
    at += size;
  }
  return found;
}

const hex = (digest) => Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");

onmessage = async ({ data: { id, piece, sizes } }) => {
  let found;
  try {
    found = sizes ? await digestsOf(piece, sizes) : [digestOfAll(piece)];
  } catch {
    postMessage({ id, unreadable: true });
    return;
  }
  postMessage({ id, digests: found.map(hex) });
};
