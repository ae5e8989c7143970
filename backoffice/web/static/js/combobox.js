// A text field that offers what it may mean (the combobox pattern of the ARIA Authoring Practices, with a listbox).

const WAIT = 150;
let count = 0;

/**
 * `load(text, signal)` gives items `{ name, detail, icon, group }`; `choose(item)` takes the one that was chosen. `empty`:
 * ask also while nothing is entered. `box`: where the list goes, instead of below the field.
 */
export function combobox(input, { load, choose, empty = false, box = null }) {
  const list = document.createElement("ul");
  list.id = `suggestions-${++count}`;
  list.className = box ? "found" : "menu-panel start suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  list.hidden = true;
  if (box) box.append(list);
  else input.after(list);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id], ["aria-expanded", "false"]]) {
    input.setAttribute(name, value);
  }
  let items = [];
  let at = -1;
  let timer = 0;
  let asking = null;

  const options = () => [...list.querySelectorAll("[role=option]")];
  const point = (to) => {
    const found = options();
    at = found.length ? (to + found.length) % found.length : -1;
    found.forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    if (at < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", found[at].id);
    found[at]?.scrollIntoView({ block: "nearest" });
  };
  const close = () => {
    asking?.abort();
    clearTimeout(timer);
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    at = -1;
  };
  const show = (found) => {
    items = found;
    list.replaceChildren(...rows(found, list.id));
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(found.length > 0));
    point(box && found.length ? 0 : -1);
  };
  const ask = async () => {
    asking?.abort();
    asking = new AbortController();
    const text = input.value.trim();
    if (!text && !empty) return close();
    try {
      show(await load(text, asking.signal));
    } catch (error) {
      if (error.name !== "AbortError") close();
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && list.hidden) ask();
    else if (event.key === "ArrowDown") point(at + 1);
    else if (event.key === "ArrowUp") point(at < 0 ? -1 : at - 1);
    else if (event.key === "Enter" && at >= 0) choose(items[at]);
    else if (event.key === "Escape" && !list.hidden && !box) close();
    else return;
    event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const index = options().indexOf(event.target.closest("[role=option]"));
    if (index >= 0) choose(items[index]);
  });
  if (!box) input.addEventListener("blur", close);
  return { ask };
}

function rows(items, id) {
  let group = "";
  return items.flatMap((item, index) => {
    const made = [];
    if (item.group && item.group !== group) {
      group = item.group;
      const head = document.createElement("li");
      head.className = "found-group";
      head.setAttribute("role", "presentation");
      head.textContent = group;
      made.push(head);
    }
    const row = document.createElement("li");
    row.id = `${id}-${index}`;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", "false");
    if (item.icon) row.append(drawing(item.icon));
    row.append(part("bdi", item.name));
    if (item.detail) row.append(" ", part("bdi", item.detail, "muted"));
    return [...made, row];
  });
}

function part(tag, text, css = "") {
  return Object.assign(document.createElement(tag), { textContent: text, className: css });
}

function drawing(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(space, "use"));
  svg.firstChild.setAttribute("href", `#i-${name}`);
  return svg;
}
