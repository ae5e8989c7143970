// Whether the server can be reached: one answer for all uploads, found out by one prober.
//
//   ok          as far as is known
//   offline     no network, or no answer
//   down        it answers that its store does not (503)
//   between     something in between answers in its place: a proxy that does not get through, the sign-in page of a network
//   signed-out  the session has ended; the uploads wait until somebody signs in again
//   stranger    somebody else has signed in; nothing may be sent in their name

import { Lost, Refused, csrf, pause, site } from "./api.js";
import { passes } from "./between.js";

const FIRST_MS = 1000;
const LONGEST_MS = 15_000;
const SESSION_MS = 10_000;

export class Connection extends EventTarget {
  #user;
  #probing = false;
  #hurry = null;
  state = "ok";

  constructor(user) {
    super();
    this.#user = user;
    addEventListener("offline", () => this.lost("offline"));
    addEventListener("online", () => this.#hurry?.abort());
    addEventListener("focus", () => this.state === "signed-out" && this.#hurry?.abort());
    if (!navigator.onLine) this.lost("offline");
  }

  /** Resolves when there is no known reason not to send. Throws AbortError when `signal` says so. */
  async ready(signal) {
    while (this.state !== "ok") {
      await new Promise((resolve) => {
        const go = () => {
          this.removeEventListener("change", go);
          signal?.removeEventListener("abort", go);
          resolve();
        };
        this.addEventListener("change", go);
        signal?.addEventListener("abort", go);
      });
      signal?.throwIfAborted();
    }
    signal?.throwIfAborted();
  }

  /** A request failed for this reason: nobody sends until a probe succeeds. */
  lost(state) {
    this.#become(state);
    if (!this.#probing && state !== "stranger") this.#probe();
  }

  /** What an error says about the connection: a state, or "" when the request itself was at fault. */
  static stateOf(error) {
    if (error instanceof Lost) return "offline";
    if (!(error instanceof Refused)) return "";
    if (error.foreign) return passes(error.status) ? "between" : "";
    if (error.status === 401 || error.code === "csrf_failed") return "signed-out";
    return [502, 503, 504].includes(error.status) ? "down" : "";
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }

  async #probe() {
    this.#probing = true;
    let wait = FIRST_MS;
    try {
      while (this.state !== "ok" && this.state !== "stranger") {
        await this.#rest(this.state === "signed-out" ? (wait === FIRST_MS ? 0 : SESSION_MS) : wait * (0.75 + Math.random() / 2));
        wait = Math.min(wait * 2, LONGEST_MS);
        this.#become(this.state === "signed-out" ? await this.#session() : await reachable());
      }
    } finally {
      this.#probing = false;
    }
  }

  /** Wait, but not when something happens that makes success likely. */
  async #rest(ms) {
    this.#hurry = new AbortController();
    try {
      await pause(ms, this.#hurry.signal);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
    this.#hurry = null;
  }

  /** Whose session there is now; a new one has a new token for forms. */
  async #session() {
    let answer;
    try {
      answer = await fetch(`${site}/`, { headers: { Accept: "text/html" }, cache: "no-store" });
    } catch {
      return "signed-out";
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const user = page.querySelector("[data-upload]")?.dataset.user;
    if (!user) return "signed-out";
    if (user !== this.#user) return "stranger";
    csrf.token = page.querySelector("meta[name=csrf-token]").content;
    return "ok";
  }
}

async function reachable() {
  if (!navigator.onLine) return "offline";
  let answer;
  try {
    answer = await fetch(`${site}/readyz`, { cache: "no-store" });
  } catch {
    return "offline";
  }
  try {
    return { ready: "ok", unavailable: "down" }[(await answer.json()).status] ?? "between";
  } catch {
    return "between"; // a page, not the site's word
  }
}
