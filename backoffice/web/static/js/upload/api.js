// Requests to the server, and what can come of them.

import { meaning } from "./between.js";

const STALL_MS = 60_000;
const OCTETS = "application/octet-stream";

/**
 * The answer is no. `code` is stable, the message a sentence for people. `foreign`: it is not the site's own, whose
 * refusals are problem+json (RFC 9457), and whose successes JSON; something in between gave it.
 */
export class Refused extends Error {
  constructor(status, body, { foreign = false, retryAfter = 0 } = {}) {
    super(foreign ? meaning(status) : body?.detail || `The server answered ${status}.`);
    this.status = status;
    this.foreign = foreign;
    this.code = foreign ? "" : body?.code ?? "";
    this.body = foreign ? {} : body ?? {};
    this.retryAfter = retryAfter;
  }
}

/** There was no answer: nobody knows whether the request arrived. */
export class Lost extends Error {}

export const stopped = () => new DOMException("stopped", "AbortError");

/** The site's address without a closing slash: this file is at static/js/upload/ in it. */
export const site = new URL("../../..", import.meta.url).href.replace(/\/$/, "");

/** What is below the site's address before all that is asked about files: nothing for one's own, `/shares/…` for a folder
 * that somebody shares. Its addresses are those of one's own files. */
const door = document.querySelector("[data-door]")?.dataset.door ?? "";

const meta = document.querySelector("meta[name=csrf-token]");
export const csrf = {
  get token() { return meta?.content ?? ""; },
  set token(value) { if (meta) meta.content = value; },
};

/**
 * A request with an answer in JSON. `query`: of several values under one name, a list. `moved(bytes)` is told how much of the body has left so far.
 * `type`: "" where the browser knows it. Throws Refused, Lost, or an AbortError once `signal` says so.
 */
export function call(method, path, { query = {}, body = null, type = OCTETS, json = null, signal, moved } = {}) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(stopped());
    const request = new XMLHttpRequest();
    const address = new URL(site + door + path);
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) address.searchParams.append(name, one);
    }
    request.open(method, address);
    request.setRequestHeader("Accept", "application/json");
    if (method !== "GET") request.setRequestHeader("X-CSRFToken", csrf.token);
    if (json !== null) request.setRequestHeader("Content-Type", "application/json");
    else if (body !== null && type) request.setRequestHeader("Content-Type", type);

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
      const { status } = request;
      const answer = parsed(request.responseText);
      const good = status >= 200 && status < 300;
      if (status === 204 || (good && answer !== null)) return done(resolve, answer);
      const foreign = good || !request.getResponseHeader("Content-Type")?.startsWith("application/problem+json");
      done(reject, new Refused(status, answer, {
        foreign, retryAfter: Number(request.getResponseHeader("Retry-After")) || 0,
      }));
    };
    alive();
    request.send(json === null ? body : JSON.stringify(json));
  });
}

/** The object in a text, or null: it is a page of something in between. */
function parsed(text) {
  try {
    const answer = JSON.parse(text);
    return typeof answer === "object" ? answer : null;
  } catch {
    return null;
  }
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
export function unfinished(signal) {
  return items("/uploads", signal);
}

/** The chunks that have arrived of an upload: {chunk_index, size, sha256}. */
export function chunksThere(id, signal) {
  return items(`/uploads/${id}/chunks`, signal);
}

async function items(path, signal) {
  const found = [];
  let cursor = "";
  do {
    const query = cursor ? { limit: 500, cursor } : { limit: 500 };
    const page = await call("GET", path, { query, signal });
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return found;
}

/** A file in one request. `query`: see the description of `PUT /files/{name}`. */
export function put(name, file, query, signal) {
  return call("PUT", `/files/${encodeURIComponent(name)}`, { query, body: file, type: file.type || OCTETS, signal });
}

/** The newest stored file of that name with these bytes in that place, {folder, path}, or undefined. */
export async function storedAs(name, sha256, { folder, path }, signal) {
  const place = await reached(folder, path, signal);
  if (place === null) return undefined;
  const { items } = await call("GET", "/files", { query: { q: name.slice(0, 100), limit: 100, folder: place, sort: "created", order: "desc" }, signal });
  return items.find((one) => alike(one.name, name) && one.sha256 === sha256);
}

/** The folder that is reached from `folder` by the names in `path`; null: there is none. */
async function reached(folder, path, signal) {
  let place = folder;
  for (const name of path) {
    const query = { q: name.slice(0, 100), limit: 100, [door ? "folder" : "parent"]: place };
    const { items } = await call("GET", "/folders", { query, signal });
    const next = items.find((one) => alike(one.name, name));
    if (!next) return null;
    place = next.id;
  }
  return place;
}

/** Names of one place differ in more than capitals. */
const alike = (one, other) => one.localeCompare(other, undefined, { sensitivity: "accent" }) === 0;
