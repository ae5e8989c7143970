// Requests to the server, and what can come of them.

const STALL_MS = 60_000;

/** The server said no. `code` is stable, the message a sentence for people. */
export class Refused extends Error {
  constructor(status, body, retryAfter) {
    super(body?.detail || `The server answered ${status}.`);
    this.status = status;
    this.code = body?.code ?? "";
    this.body = body ?? {};
    this.retryAfter = retryAfter;
  }
}

/** There was no answer: nobody knows whether the request arrived. */
export class Lost extends Error {}

export const stopped = () => new DOMException("stopped", "AbortError");

/** The site's address without a closing slash: this file is at static/js/upload/ in it. */
export const site = new URL("../../..", import.meta.url).href.replace(/\/$/, "");

const meta = document.querySelector("meta[name=csrf-token]");
export const csrf = {
  get token() { return meta?.content ?? ""; },
  set token(value) { if (meta) meta.content = value; },
};

/**
 * A request with an answer in JSON. `moved(bytes)` is told how much of the body has left so far.
 * Throws Refused, Lost, or an AbortError once `signal` says so.
 */
export function call(method, path, { query = {}, body = null, json = null, signal, moved } = {}) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(stopped());
    const request = new XMLHttpRequest();
    const address = new URL(site + path);
    for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
    request.open(method, address);
    request.setRequestHeader("Accept", "application/json");
    if (method !== "GET") request.setRequestHeader("X-CSRFToken", csrf.token);
    if (json !== null) request.setRequestHeader("Content-Type", "application/json");
    else if (body !== null) request.setRequestHeader("Content-Type", "application/octet-stream");

    const stop = () => request.abort();
    let timer;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => { request.onabort = () => done(reject, new Lost("no answer")); request.abort(); }, STALL_MS);
    };
    const done = (settle, value) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      settle(value);
    };
    signal?.addEventListener("abort", stop);
    request.upload.onprogress = (event) => { alive(); moved?.(event.loaded); };
    request.onprogress = alive;
    request.onerror = () => done(reject, new Lost("no connection"));
    request.onabort = () => done(reject, stopped());
    request.onload = () => {
      const answer = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) return done(resolve, answer);
      done(reject, new Refused(request.status, answer, Number(request.getResponseHeader("Retry-After")) || 0));
    };
    alive();
    request.send(json === null ? body : JSON.stringify(json));
  });
}

function parsed(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null; // a page of a proxy in between
  }
}

/**
 * `sha256:<hex>` of a piece of a file, or "" where the browser has no such function (plain HTTP to another machine).
 * Throws when the piece cannot be read, in either case.
 */
export async function checksum(piece) {
  if (!globalThis.crypto?.subtle) {
    await piece.slice(0, 1).arrayBuffer();
    return "";
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await piece.arrayBuffer()));
  return `sha256:${Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** After `ms`, or an AbortError as soon as `signal` says so. */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(stopped());
    const stop = () => { clearTimeout(timer); reject(stopped()); };
    const timer = setTimeout(() => { signal?.removeEventListener("abort", stop); resolve(); }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** All unfinished uploads of the person. */
export async function unfinished(signal) {
  const found = [];
  let cursor = "";
  do {
    const query = cursor ? { limit: 200, cursor } : { limit: 200 };
    const page = await call("GET", "/uploads", { query, signal });
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return found;
}
