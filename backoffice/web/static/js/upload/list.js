// Links and forms of the list without loading the page anew, so that uploads go on: a fresh copy of the page is fetched
// and its parts marked `data-region` take the place of the old ones. The server writes all of the HTML.
// One file, and nothing that only uploads need: it is all that the page takes to be shown.

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const RETRY_MS = 2000;

export class Regions {
  #busy = null;
  #stale = false;
  #busyNow;
  #swapped;
  #say;
  #dialog = new Dialog(() => this.refresh());
  #at = location.href;

  /** `busy()`: whether leaving the page would stop something; `swapped()` is called after each change; `say(text)`. */
  constructor({ busy, swapped, say }) {
    this.#busyNow = busy;
    this.#swapped = swapped;
    this.#say = say;
    document.addEventListener("click", (event) => this.#onClick(event));
    document.addEventListener("submit", (event) => this.#onSubmit(event));
    document.addEventListener("keydown", findByKey);
    addEventListener("popstate", () => this.#onHistory());
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
        headers: body ? { Accept: "text/html", "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content } : { Accept: "text/html" },
        cache: "no-store",
        signal: busy.signal,
      });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!page.querySelector("[data-upload]")) {
        if (quiet || !page.querySelector("[data-dialog]")) return this.#elsewhere(address, body, quiet, page);
        this.#dialog.show(page, body !== null);
        return;
      }
      if (quiet && editing()) return this.refresh();
      if (!quiet) this.#dialog.close();
      swap(page, quiet);
      if (!quiet) {
        document.title = page.title;
        const url = new URL(answer.url);
        // A list is gone back to, not a form in it.
        for (const mark of ["undo", "rename", "purge", "new", "typed"]) url.searchParams.delete(mark);
        if (keep && url.href !== location.href) history.pushState(null, "", url);
        this.#at = location.href;
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
    if (!this.#dialog.written) this.#dialog.close();
    const text = page.querySelector("main .muted, [role=alert]")?.textContent.trim() || "That did not work.";
    this.complain(text);
  }

  /** Say what went wrong: at the top of the dialog, if there is one, else of the page. */
  complain(text) {
    const box = this.#dialog.problems ?? document.querySelector("[data-region=messages] [data-flashes]");
    const line = document.createElement("div");
    line.className = "flash flash-bad";
    line.append(Object.assign(document.createElement("p"), { textContent: text }));
    box?.replaceChildren(line);
    this.#say(text);
  }

  /** Back and Forward: the address is another one already, and is put back where a text would be lost. */
  #onHistory() {
    if (this.#dialog.keeps()) {
      history.pushState(null, "", this.#at);
      return;
    }
    this.#at = location.href;
    this.visit(this.#at, { keep: false });
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
    const data = new FormData(form, event.submitter);
    const fields = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
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

// --- pages over the list

/** A page that marks a part `data-dialog` is shown over the list. Links and forms in it go the way of those of the list. */
class Dialog {
  #box = null;
  #changed = false;
  #left;

  /** `left()` is called when it was closed after something was done in it, so that the list is no longer as it was. */
  constructor(left) {
    this.#left = left;
  }

  /** Whether a text in it would be lost with it. */
  get written() {
    return Boolean(this.#box?.open) && all("[data-written]", this.#box).some((one) => one.dataset.written || one.value !== one.defaultValue);
  }

  /** A text that somebody is writing is not thrown away by chance: whether they want to go on with it. */
  keeps() {
    return this.written && !confirm("Leave the text? What you wrote is not saved.");
  }

  /** Where it says what went wrong; null while none is open. */
  get problems() {
    if (!this.#box?.open) return null;
    const known = this.#box.querySelector("[data-problems]");
    if (known) return known;
    const made = Object.assign(document.createElement("div"), { role: "alert" });
    made.dataset.problems = "";
    this.#box.firstElementChild.prepend(made);
    return made;
  }

  /** `changed`: it is the answer to what was done in it. */
  show(page, changed) {
    this.#changed ||= changed;
    for (const link of page.querySelectorAll("head link[rel=stylesheet]")) {
      if (![...document.styleSheets].some((sheet) => sheet.href === link.href)) document.head.append(document.importNode(link));
    }
    this.#box ??= this.#made();
    const content = document.importNode(page.querySelector("[data-dialog]"), true);
    this.#box.classList.toggle("wide", content.dataset.dialog === "wide");
    this.#box.replaceChildren(content);
    if (!this.#box.open) this.#box.showModal();
    this.#box.querySelector("[data-first]")?.focus();
    document.dispatchEvent(new Event("fresh"));
  }

  /** Because the list is shown anew. */
  close() {
    this.#changed = false;
    if (this.#box?.open) this.#box.close();
  }

  #made() {
    const box = document.createElement("dialog");
    box.className = "page-dialog";
    box.setAttribute("aria-labelledby", "dialog-title");
    box.addEventListener("close", () => {
      // Sound and film end with it.
      box.replaceChildren();
      if (this.#changed) this.#left();
      this.#changed = false;
    });
    box.addEventListener("cancel", (event) => { if (this.keeps()) event.preventDefault(); });
    box.addEventListener("click", (event) => {
      if (event.target !== box && !event.target.closest("[data-close]")) return;
      event.preventDefault();
      if (!this.keeps()) box.close();
    });
    addEventListener("beforeunload", (event) => { if (this.written) event.preventDefault(); });
    document.body.append(box);
    return box;
  }
}

const boxes = () => all("tbody .pick input");
let last = null;

// --- selecting, and going through rows by keys

/** After each change of the list: the bar lies over the head of the table while something is selected. */
export function refreshSelection() {
  const bar = document.querySelector("[data-bulk]");
  if (!bar) return;
  const whole = bar.querySelector("[data-select-all]");
  const head = document.querySelector("thead .pick");
  if (!head.querySelector("input")) head.replaceChildren(whole.closest("label").cloneNode(true));
  bar.dataset.bulk = "over";
  for (const box of [whole, head.querySelector("input")]) box.hidden = false;
  last = null;
  update();
}

function update() {
  const bar = document.querySelector("[data-bulk]");
  const chosen = boxes().filter((box) => box.checked);
  bar.hidden = chosen.length === 0;
  const bytes = chosen.reduce((sum, box) => sum + Number(box.dataset.size), 0);
  const count = bar.querySelector("[data-count]");
  count.textContent = `${chosen.length} selected`;
  if (bytes) import("./format.js").then(({ fileSize }) => {
    if (count.textContent === `${chosen.length} selected`) count.textContent += ` · ${fileSize(bytes)}`;
  });
  for (const box of all("[data-select-all]")) {
    box.checked = chosen.length > 0 && chosen.length === boxes().length;
    box.indeterminate = chosen.length > 0 && !box.checked;
  }
}

function onClick(event) {
  const box = event.target.closest?.("tbody .pick input");
  if (!box) return;
  const rows = boxes();
  const index = rows.indexOf(box);
  if (event.shiftKey && last !== null) {
    for (const other of rows.slice(Math.min(last, index), Math.max(last, index) + 1)) other.checked = box.checked;
  }
  last = index;
  update();
}

function onChange(event) {
  if (!event.target.matches("[data-select-all]")) return;
  const { checked } = event.target;
  for (const box of boxes()) box.checked = checked;
  update();
  document.querySelector(checked ? "[data-bulk] [data-select-all]" : "thead [data-select-all]").focus();
}

/** From a row, and only there (WCAG 2.1.4): j, k and the arrows go from row to row, x selects, the space bar
 * looks at a file. Escape selects nothing. */
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog[open], [data-menu][open]")) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
  const row = document.activeElement.closest(".list.files tbody tr");
  const links = all(".list.files tbody th > a");
  const at = links.findIndex((link) => row?.contains(link));
  const step = row && { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && links.length) links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
  else if (event.key === "x" && row) row.querySelector(".pick input")?.click();
  else if (event.key === " " && document.activeElement.matches("tbody th > a")) document.activeElement.click();
  else if (event.key === "Escape" && boxes().some((box) => box.checked)) {
    for (const box of boxes()) box.checked = false;
    update();
  } else return;
  event.preventDefault();
}

/** Escape leaves the form that a row is. */
function leaveForm(event) {
  if (event.key === "Escape" && !event.defaultPrevented) event.target.closest("[data-editing]")?.querySelector("a[data-visit]").click();
}

/** An archive is a download: it leaves the page, and what is on its way, alone. */
function onArchive(event) {
  const button = event.target.closest("[data-zip]");
  if (!button) return;
  const [files, folders] = ["file", "folder"].map((name) => boxes().filter((box) => box.checked && box.name === name));
  if (!files.length && !folders.length) return; // the server says so
  event.preventDefault();
  const address = new URL(button.dataset.zip, location.href);
  for (const box of files) address.searchParams.append("id", box.value);
  for (const box of folders) address.searchParams.append("folder", box.value);
  Object.assign(document.createElement("a"), { href: address.href, download: "" }).click();
}

export function selecting() {
  document.addEventListener("click", onClick);
  document.addEventListener("click", onArchive);
  document.addEventListener("change", onChange);
  document.addEventListener("keydown", onKey);
  document.addEventListener("keydown", leaveForm);
  // The browser's Back button restores ticks after the page was set up.
  addEventListener("pageshow", refreshSelection);
  refreshSelection();
}
