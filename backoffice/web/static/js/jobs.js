// A job's page shows how far it is, every two seconds, until it is over. Without it one looks again by hand.

const PAUSE = 2000;

/** What changed is put in place piece by piece, so that nothing flickers and the focus stays where it is. */
function renew(now, then) {
  if (now.isEqualNode(then)) return;
  const same = now.nodeType === Node.ELEMENT_NODE && now.nodeName === then.nodeName
    && now.childNodes.length === then.childNodes.length;
  if (!same) {
    now.replaceWith(document.importNode(then, true));
    return;
  }
  for (const { name } of [...now.attributes]) if (!then.hasAttribute(name)) now.removeAttribute(name);
  for (const { name, value } of then.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  [...now.childNodes].forEach((child, index) => renew(child, then.childNodes[index]));
}

async function look() {
  const shown = document.querySelector("[data-job]");
  if (!shown || "over" in shown.dataset) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) { location.reload(); return; }
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const latest = page.querySelector("[data-job]");
      if (latest) renew(shown, latest);
    }
  } catch {
    // The site is away for a moment: the next look tells.
  }
  setTimeout(look, PAUSE);
}

setTimeout(look, PAUSE);
