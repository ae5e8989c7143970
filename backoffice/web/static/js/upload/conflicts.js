// What to do with a file of whose name there is one already: asked before anything of it is sent.

import { counted } from "./format.js";

/** The items that are to be sent, each with its `onConflict`. What is answered for all holds for those of the same `load`
 * that come later, too. */
export async function askAbout(items, load) {
  const kept = [];
  for (const [at, item] of items.entries()) {
    const answer = answered(item, load) || await ask(item, items.length - at, load);
    if (answer !== "skip") kept.push({ ...item, onConflict: answer });
  }
  return kept;
}

/** What was answered for all; a folder never gives way, so `replace` is no answer about one. */
function answered({ likeFolder }, load) {
  if (likeFolder && load.likeFolder) return load.likeFolder;
  return likeFolder && load.answer === "replace" ? "" : load.answer;
}

function ask(item, left, load) {
  const dialog = document.querySelector("template[data-conflict]").content.firstElementChild.cloneNode(true);
  dialog.querySelector("[data-name]").textContent = [...item.path, item.name].join("/");
  if (item.likeFolder) {
    dialog.querySelector("[data-kind]").textContent = "folder";
    for (const one of dialog.querySelectorAll("[data-replacing]")) one.remove();
  }
  const all = dialog.querySelector("[data-all-of-them]");
  all.closest("label").hidden = left === 1 && !load.more;
  dialog.querySelector("[data-left-over]").textContent = load.more ? "Do the same for all others" : `Do the same for all ${counted(left, "file")}`;
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      const answer = dialog.returnValue || "skip";
      if (all.checked) {
        if (item.likeFolder) load.likeFolder = answer;
        load.answer ||= answer;
      }
      resolve(answer);
    });
    dialog.showModal();
  });
}
