// The palette: a dialog with one field, and what the site has by that name below it. Loaded when it is opened first.
import { combobox } from "./combobox.js";

let shown = null;

/** Open it. `link` is the button that is a link without a script: it has the addresses; `typed()`: what has been typed
 * for it already. */
export function open(link, typed) {
  shown ??= make(link);
  shown(typed());
}

function make(link) {
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: link.dataset.css }));
  const dialog = document.createElement("dialog");
  dialog.className = "palette";
  dialog.setAttribute("aria-label", "Find");
  const field = document.createElement("div");
  field.className = "palette-field";
  field.innerHTML = '<svg class="icon" aria-hidden="true"><use href="#i-search"/></svg>';
  const input = Object.assign(document.createElement("input"), { type: "text", autocomplete: "off", spellcheck: false, maxLength: 256 });
  input.placeholder = "A name, a page, or what to do: disable ada";
  input.setAttribute("aria-label", "People, files, roles, pages, or what to do");
  field.append(input);
  const list = Object.assign(document.createElement("div"), { className: "palette-list" });
  const none = Object.assign(document.createElement("p"), { className: "palette-none", hidden: true });
  none.setAttribute("role", "status");
  dialog.append(field, list, none);
  document.body.append(dialog);

  const box = combobox(input, {
    box: list,
    empty: true,
    async load(text, signal) {
      const answer = await fetch(`${link.dataset.items}?q=${encodeURIComponent(text)}`, { signal });
      const items = answer.ok ? (await answer.json()).items : [];
      none.hidden = items.length > 0;
      none.textContent = answer.ok ? "Nothing is called so." : "This cannot be looked up just now.";
      return items;
    },
    choose(item) {
      dialog.close();
      location.assign(item.url);
    },
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  return (text) => {
    if (dialog.open) return;
    input.value = text;
    dialog.showModal();
    input.focus();
    box.ask();
  };
}
