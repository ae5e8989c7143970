// Lists and records: asking before removing, selecting rows, filters without empty values.
// Without it, the server asks on a page of its own and the selection is a plain form.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** A button with `data-confirm`, or of a form with it, asks in a dialog first; `confirmed=1` tells the server that it did. */
function confirming() {
  const dialog = document.querySelector("[data-confirm-dialog]");
  if (!dialog) return;
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    const asked = submitter?.dataset.confirm ? submitter : form;
    const question = asked.dataset.confirm;
    if (!question || form.elements.namedItem("confirmed")) return;
    // What is done to all that match is foreseen on a page of its own.
    if (form.elements.namedItem("all")?.checked) return;
    event.preventDefault();
    dialog.querySelector("[data-question]").textContent = question;
    dialog.querySelector("[data-subject]").textContent = subject(submitter);
    dialog.querySelector("[data-yes]").textContent = asked.dataset.verb ?? "Delete";
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "yes") return;
      form.append(hidden("confirmed", "1"));
      form.requestSubmit(submitter);
    }, { once: true });
    dialog.showModal();
  });
}

/** What is asked about: the record of the button's row, or whatever is selected. */
function subject(button) {
  return button.dataset.subject ?? button.closest("tr")?.querySelector("th").textContent.trim() ?? selected();
}

function selected() {
  return chosen(all("input[name=rowid]"));
}

/** "3 selected · 280 MB", where rows have sizes; units as the server's. */
function chosen(boxes) {
  const some = boxes.filter((box) => box.checked);
  const text = `${some.length} selected`;
  if (!some.length || !some.every((box) => box.dataset.size)) return text;
  let size = some.reduce((sum, box) => sum + Number(box.dataset.size), 0);
  let unit = 0;
  for (; size >= 999.5 && unit < 5; unit += 1) size /= 1000;
  return `${text} · ${size.toFixed(unit === 0 || size >= 99.5 ? 0 : 1)} ${["B", "kB", "MB", "GB", "TB", "PB"][unit]}`;
}

function hidden(name, value) {
  return Object.assign(document.createElement("input"), { type: "hidden", name, value });
}

/** Select rows one by one, a range with Shift, or all of the page. The bar lies over the head of the table. */
function selecting() {
  const bar = document.querySelector("[data-bulk]");
  const boxes = all("input[name=rowid]");
  if (!bar) return;
  const whole = bar.querySelector("[data-select-all]");
  const first = document.querySelector("thead .pick");
  const start = first?.appendChild(whole.closest("label").cloneNode(true)).querySelector("input");
  bar.dataset.bulk = "over";
  const update = () => {
    const count = boxes.filter((box) => box.checked).length;
    bar.hidden = count === 0;
    const everything = whole.form.elements.all;
    if (everything) {
      // Offered once the page is selected; without a script always.
      everything.parentElement.hidden = count < boxes.length;
      if (count < boxes.length) everything.checked = false;
    }
    bar.querySelector("[data-count]").textContent = everything?.checked ? everything.dataset.all : chosen(boxes);
    for (const box of [whole, start]) {
      box.checked = count > 0 && count === boxes.length;
      box.indeterminate = count > 0 && count < boxes.length;
    }
  };
  whole.form.elements.all?.addEventListener("change", update);
  let last = null;
  boxes.forEach((box, index) => box.addEventListener("click", (event) => {
    if (event.shiftKey && last !== null) {
      const [from, to] = [Math.min(last, index), Math.max(last, index)];
      boxes.slice(from, to + 1).forEach((other) => { other.checked = box.checked; });
    }
    last = index;
    update();
  }));
  for (const box of [whole, start]) {
    box.hidden = boxes.length === 0;
    box.addEventListener("change", () => {
      const { checked } = box;
      boxes.forEach((other) => { other.checked = checked; });
      update();
      (checked ? whole : start).focus();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || bar.hidden || document.querySelector("dialog[open], [data-menu][open]")) return;
    boxes.forEach((box) => { box.checked = false; });
    update();
  });
  update();
  // The browser's Back button restores ticks after the page was set up.
  addEventListener("pageshow", update);
}

/** A click anywhere in a row opens it, unless it is on something of its own, or selects text. */
function opening() {
  for (const row of all("tr[data-open]")) {
    row.addEventListener("click", (event) => {
      if (event.target.closest("a, button, input, label, summary, .pick") || String(getSelection())) return;
      const link = row.querySelector("th a");
      if (event.ctrlKey || event.metaKey) open(link.href, "_blank", "noopener");
      else link.click();
    });
  }
}

/** j and k (or the arrows, once one is in the list) go from row to row, x selects, a selects the page and then all that match, Enter opens, ? tells the keys. */
function walking() {
  const links = all(".list tbody th > a");
  const help = document.querySelector("[data-keys]");
  if (!links.length) return;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog, details[open]")) return;
    const row = document.activeElement.closest(".list tbody tr");
    const at = row ? links.findIndex((link) => row.contains(link)) : -1;
    const step = { j: 1, k: -1, ...(row && { ArrowDown: 1, ArrowUp: -1 }) }[event.key];
    if (step) links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
    else if (event.key === "a") document.querySelector("[data-select-all]:not(:checked), [data-bulk] [name=all]:not(:checked)")?.click();
    else if (event.key === "x" && row) row.querySelector("[name=rowid]")?.click();
    else if (event.key === "?" && help) help.showModal();
    else return;
    event.preventDefault();
  });
}

/** Filters apply as soon as a value is chosen; addresses stay short, for empty controls are not sent. */
function filtering() {
  const form = document.querySelector("[data-filter-form]");
  if (!form) return;
  const zone = form.querySelector("[data-zone]");
  if (zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? zone.value;
  form.addEventListener("submit", () => {
    const days = all("input[type=date]", form).some((control) => control.value);
    for (const control of form.elements) {
      if (control.name && (!control.value || (control.name === "tz" && !days))) control.disabled = true;
    }
    setTimeout(() => { for (const control of form.elements) control.disabled = false; });
  });
  for (const control of all(".filter-controls select", form)) {
    control.addEventListener("change", () => form.requestSubmit());
  }
  // Not at each change: who types a day by its parts makes several.
  for (const control of all(".filter-controls input[type=date]", form)) {
    control.addEventListener("keydown", (event) => { if (event.key === "Enter") form.requestSubmit(); });
  }
  for (const field of all(".filter-field", form)) {
    field.addEventListener("toggle", () => { if (field.open) field.querySelector("input:not([type=hidden]), select").focus(); });
  }
}

/** Fields for a person offer whom they may mean. */
async function people() {
  const fields = all("[data-person]");
  const { people: source } = document.querySelector("[data-filter-form]")?.dataset ?? {};
  if (!fields.length || !source) return;
  const { combobox } = await import("./combobox.js");
  for (const field of fields) {
    combobox(field, {
      async load(text, signal) {
        const answer = await fetch(`${source}?q=${encodeURIComponent(text)}`, { signal });
        return answer.ok ? (await answer.json()).items : [];
      },
      choose(item) {
        field.value = item.name;
        field.form.requestSubmit();
      },
    });
  }
}

confirming();
selecting();
opening();
walking();
filtering();
people();
