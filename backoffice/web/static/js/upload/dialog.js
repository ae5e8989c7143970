// Pages that are shown over the list: what a page marks `data-dialog` stands in a dialog. Links and forms in it go the way
// of those of the list.

export class Dialog {
  #box = null;

  get open() { return Boolean(this.#box?.open); }

  show(page) {
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

  close() {
    if (this.#box?.open) this.#box.close();
  }

  #made() {
    const box = document.createElement("dialog");
    box.className = "page-dialog";
    box.setAttribute("aria-labelledby", "dialog-title");
    // Sound and film end with it.
    box.addEventListener("close", () => box.replaceChildren());
    box.addEventListener("click", (event) => {
      if (event.target !== box && !event.target.closest("[data-close]")) return;
      event.preventDefault();
      box.close();
    });
    document.body.append(box);
    return box;
  }
}
