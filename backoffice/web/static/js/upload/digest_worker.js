// SHA-256 of pieces of files, off the page's own thread. {id, piece, whole} -> {id, digest} or {id, unreadable: true}.
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

/** The bytes of a piece; all of them, or it throws: some browsers read a file that got shorter to its present end. */
async function bytesOf(piece) {
  const bytes = await piece.arrayBuffer();
  if (bytes.byteLength !== piece.size) throw new Error("shorter");
  return bytes;
}

const PART = 4 * 1024 * 1024;

/** `whole`: a piece that may be larger than the memory, which is read bit by bit. */
async function digestOf(piece, whole) {
  if (!whole && globalThis.crypto?.subtle) return crypto.subtle.digest("SHA-256", await bytesOf(piece));
  const found = new Sha256();
  for (let at = 0; at < piece.size; at += PART) {
    found.add(new Uint8Array(await bytesOf(piece.slice(at, Math.min(piece.size, at + PART)))));
  }
  return found.digest();
}

onmessage = async ({ data: { id, piece, whole } }) => {
  let bytes;
  try {
    bytes = new Uint8Array(await digestOf(piece, whole));
  } catch {
    postMessage({ id, unreadable: true });
    return;
  }
  postMessage({ id, digest: Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("") });
};
