// Links and forms of the list without loading the page anew, so that uploads go on: a fresh copy of the page is fetched
// and its parts marked `data-region` take the place of the old ones. The server writes all of the HTML.

import { csrf } from "./api.js";
import { Dialog } from "./dialog.js";

const RETRY_MS = 2000;

export class Regions {
  #busy = null;
  #stale = false;
  #busyNow;
  #swapped;
  #say;
  #dialog = new Dialog();

  /** `busy()`: whether leaving the page would stop something; `swapped()` is called after each change; `say(text)`. */
  constructor({ busy, swapped, say }) {
    this.#busyNow = busy;
    this.#swapped = swapped;
    this.#say = say;
    document.addEventListener("click", (event) => this.#onClick(event));
    document.addEventListener("submit", (event) => this.#onSubmit(event));
    document.addEventListener("keydown", findByKey);
    addEventListener("popstate", () => this.visit(location.href, { keep: false }));
  }

  /** Show the list as it is now, without disturbing somebody who is typing in it. */
  async refresh() {
    this.#stale = true;
    if (this.#busy || editing()) {
      setTimeout(() => { if (this.#stale) this.refresh(); }, RETRY_MS);
      return;
    }
    this.#stale = false;
    await this.visit(location.href, { keep: false, quiet: true });
  }

  /** Go to `address`. `keep`: as an entry of the history; `quiet`: nobody asked for it, so failing is no matter. */
  async visit(address, { body = null, keep = true, quiet = false } = {}) {
    this.#busy?.abort();
    const busy = new AbortController();
    this.#busy = busy;
    const list = document.querySelector("[data-region=files]");
    if (!quiet) list?.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, {
        method: body ? "POST" : "GET",
        body,
        headers: body ? { Accept: "text/html", "X-CSRFToken": csrf.token } : { Accept: "text/html" },
        cache: "no-store",
        signal: busy.signal,
      });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!page.querySelector("[data-upload]")) {
        if (quiet || !page.querySelector("[data-dialog]")) return this.#elsewhere(address, body, quiet, page);
        this.#dialog.show(page);
        return;
      }
      if (quiet && editing()) return this.refresh();
      if (!quiet) this.#dialog.close();
      swap(page, quiet);
      if (!quiet) {
        document.title = page.title;
        const url = new URL(answer.url);
        // A list is gone back to, not a form in it.
        for (const mark of ["undo", "rename", "purge", "new"]) url.searchParams.delete(mark);
        if (keep && url.href !== location.href) history.pushState(null, "", url);
        announce(this.#say);
      }
      this.#swapped();
    } catch (error) {
      if (error.name === "AbortError" || quiet) return;
      this.complain("The server cannot be reached. Try again in a moment.");
    } finally {
      list?.removeAttribute("aria-busy");
      if (this.#busy === busy) this.#busy = null;
    }
  }

  /** The answer is another page: sign-in, an error. Go there, unless uploads would stop. */
  #elsewhere(address, body, quiet, page) {
    if (quiet) return;
    if (!body && !this.#busyNow()) {
      location.assign(address);
      return;
    }
    this.#dialog.close();
    const text = page.querySelector("main .muted, [role=alert]")?.textContent.trim() || "That did not work.";
    this.complain(text);
  }

  /** Say at the top of the page what went wrong. */
  complain(text) {
    const box = document.querySelector("[data-region=messages] [data-flashes]");
    const line = document.createElement("div");
    line.className = "flash flash-bad";
    line.append(Object.assign(document.createElement("p"), { textContent: text }));
    box?.replaceChildren(line);
    this.#say(text);
  }

  #onClick(event) {
    const dismiss = event.target.closest("[data-region] [data-dismiss]");
    if (dismiss) dismiss.closest(".flash, .toast")?.remove();
    const link = event.target.closest("a[data-visit]");
    const menu = link?.closest("[data-menu]");
    if (menu) menu.open = false;
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.visit(link.href);
  }

  #onSubmit(event) {
    const form = event.target;
    if (event.defaultPrevented || !form.matches("form[data-visit]")) return;
    event.preventDefault();
    const fields = new URLSearchParams(new FormData(form, event.submitter));
    if (form.method === "post") {
      this.visit(event.submitter?.getAttribute("formaction") ?? form.action, { body: fields });
      return;
    }
    const address = new URL(form.action);
    for (const [name, value] of fields) if (value) address.searchParams.append(name, value);
    this.visit(address);
  }
}

/** Whether somebody is typing or selecting in the list, or has a question open. */
function editing() {
  const list = document.querySelector("[data-region=files]");
  return list?.querySelector("[data-editing], tbody .pick input:checked")
    || document.querySelector("dialog[open]")
    || (list?.contains(document.activeElement) && document.activeElement.matches("input"));
}

/** `/` goes to the search box, unless somebody is typing. It is looked for each time, because the list is replaced. */
function findByKey(event) {
  const box = document.querySelector("[data-find]");
  if (!box || event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  event.preventDefault();
  box.focus();
  box.select();
}

function swap(page, quiet) {
  const focused = document.activeElement;
  const region = focused?.closest("[data-region]");
  for (const old of document.querySelectorAll("[data-region]")) {
    // Messages answer what was just done; a refresh in the background would take them away unread.
    if (quiet && old.dataset.region === "messages") continue;
    const fresh = page.querySelector(`[data-region="${old.dataset.region}"]`);
    if (!fresh) continue;
    old.replaceChildren(...document.importNode(fresh, true).childNodes);
    if (fresh.hasAttribute("aria-label")) old.setAttribute("aria-label", fresh.getAttribute("aria-label"));
  }
  for (const button of document.querySelectorAll("[data-region] [data-dismiss]")) button.hidden = false;
  document.dispatchEvent(new Event("fresh"));
  const first = document.querySelector("[data-region] [data-first]");
  if (first && !quiet) {
    first.focus();
    selectStem(first);
  } else if (region && !focused.isConnected) {
    const again = focused.id && document.getElementById(focused.id);
    (again || document.getElementById("undo") || document.getElementById("top")).focus({ preventScroll: true });
  }
}

/** The part of a name before its ending: what is most often changed. */
function selectStem(input) {
  if (!(input instanceof HTMLInputElement)) return;
  const dot = input.value.lastIndexOf(".");
  input.setSelectionRange(0, dot > 0 ? dot : input.value.length);
}

function announce(say) {
  const said = [...document.querySelectorAll("[data-region=messages] :is(.flash, .toast) p")].map((one) => one.textContent.trim());
  const caption = document.querySelector("[data-region=files] caption, [data-region=files] .empty-title");
  say(said.join(" ") || caption?.textContent.trim() || "");
}
