// What is wrong with a page, each a list of lines; see looked_at.py.
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((part, at) => (at < 3 ? part : part / 255));
  };
  const over = (top, below) => [0, 1, 2].map((at) => top[at] * top[3] + below[at] * (1 - top[3])).concat(1);
  const ground = (element) => {
    if (!element) return [255, 255, 255, 1];
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, ground(element.parentElement));
  };
  const light = (color) => {
    const [r, g, b] = color.map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const opacity = (element) => (element ? getComputedStyle(element).opacity * opacity(element.parentElement) : 1);
  const shown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && element.getBoundingClientRect().width > 1;
  const idle = ":disabled, [aria-hidden=true]:not(svg), [aria-disabled=true], dialog";
  const parent = (element) => element.parentElement;
  const itself = (element) => element;
  const style = (name, part) => (element) => getComputedStyle(element, part)[name];
  const stroke = (element) => {
    const { stroke: line, fill } = getComputedStyle(element);
    return line === "none" ? fill : line;
  };

  // WCAG 2.2, 1.4.11: what is drawn to be recognised, against what is behind it.
  const drawn = [
    ["svg.icon:not(.brand *)", stroke, parent],
    ["input:not([type=checkbox], [type=radio], [type=hidden]), select, textarea", style("borderTopColor"), parent],
    [".sidebar nav a[aria-current]", style("borderLeftColor", "::before"), itself],
    [".tabs a[aria-current]", style("borderBottomColor", "::after"), parent],
    [".page-sizes [aria-current]", style("color"), itself],
  ];

  // What is built alike, in the same place, on this page or another that was looked at in this window: axe finds the same
  // in each of them, and takes its time for each. It is shown the first three. Alike: the same elements with the same attributes, of those in `told` whether they are empty, and
  // text at the same places.
  const told = /^(id|href|src|for|name|value|title|alt|action|placeholder|content|datetime|data-.*|aria-(label|labelledby|describedby|controls))$/;
  const built = (element, known) => {
    const attributes = [...element.attributes]
      .map(({ name, value }) => (told.test(name) ? `${name}${value.trim() ? "" : "!"}` : `${name}=${value}`));
    const own = `${element.localName} ${attributes.join(" ")}`;
    const text = [...element.childNodes].some((one) => one.nodeType === Node.TEXT_NODE && one.data.trim());
    const parts = [...element.children].map((child) => built(child, known)).filter((one, at, all) => one !== all[at - 1]);
    const whole = `<${own} ${text ? "t" : ""}${parts.join("")}>`;
    known.set(element, [own, whole]);
    return whole;
  };
  const blocks = "tr, li, dt, dd, div, p, pre, section, article, details, table, option"; // no label without its field
  const brief = (text) => {
    let [one, other] = [7, 11];
    for (let at = 0; at < text.length; at += 1) {
      one = Math.imul(one ^ text.charCodeAt(at), 2654435761);
      other = Math.imul(other ^ text.charCodeAt(at), 1597334677);
    }
    return `${one >>> 0}.${other >>> 0}`;
  };
  const repeated = () => {
    const known = new Map();
    const seen = JSON.parse(sessionStorage.getItem("lookedAt") ?? "{}");
    const found = [];
    built(document.body, known);
    const visit = (element, path) => {
      for (const child of element.children) {
        const [own, whole] = known.get(child);
        const place = brief(`${path}/${whole}`);
        const times = seen[place] ?? 0;
        seen[place] = times + 1;
        const alone = child === element.firstElementChild && element.matches("table, tbody, ul, ol, [role]");
        if (times >= 3 && child.matches(blocks) && !alone) found.push(child); // a table has a row, a list an item
        else visit(child, `${path}/${own}`);
      }
    };
    visit(document.body, "");
    sessionStorage.setItem("lookedAt", JSON.stringify(seen));
    return found;
  };

  globalThis.lookedAt = {
    contrast() {
      const said = new Set();
      for (const [selector, color, behind] of drawn) {
        for (const element of document.querySelectorAll(selector)) {
          if (!shown(element) || element.closest(idle)) continue;
          const below = ground(behind(element));
          const [r, g, b, a] = rgba(color(element));
          const found = ratio(over([r, g, b, a * opacity(element)], below), below);
          if (found < 3) said.add(`${found.toFixed(2)}:1 of ${selector}: ${element.outerHTML.slice(0, 110)}`);
        }
      }
      return [...said].slice(0, 5);
    },

    /** Where the system chooses the colours: what is told by lines alone. */
    forced() {
      const lined = ".sidebar nav a[aria-current], .tabs a[aria-current], .chip, .state, .label, .btn:not(.btn-icon), .panel, :focus";
      const bare = [...document.querySelectorAll(lined)].filter((one) => {
        const { outlineStyle, borderTopStyle } = getComputedStyle(one);
        return shown(one) && outlineStyle === "none" && borderTopStyle === "none";
      });
      const dots = [...document.querySelectorAll(".state")].filter((one) => {
        const { content, backgroundColor } = getComputedStyle(one, "::before");
        return shown(one) && content !== "none" && ratio(rgba(backgroundColor), ground(one)) < 3;
      });
      return [...bare, ...dots].map((one) => `without a line: ${one.outerHTML.slice(0, 110)}`).slice(0, 5);
    },

    /** The page is no longer what it was. */
    shorten() {
      for (const one of [...repeated(), ...document.querySelectorAll("symbol")]) one.remove();
      return [];
    },

    /** Waits until it is shown. */
    async theme(name) {
      while (document.documentElement.dataset.theme !== name) await new Promise(requestAnimationFrame);
      return [];
    },

    async axe(rules) {
      const chosen = rules ? { runOnly: { type: "rule", values: rules } } : {};
      const options = { resultTypes: ["violations"], iframes: false, preload: false, selectors: false, ...chosen };
      const { violations } = await axe.run(options);
      return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => `axe ${id}: ${nodes.slice(0, 2).map((node) => node.html.slice(0, 160)).join(" | ")}`);
    },

    structure() {
      const said = [...globalThis.breaches];
      const ids = [...document.querySelectorAll("[id]:not(symbol)")].map((one) => one.id);
      if (ids.length !== new Set(ids).size) said.push(`twice: ${ids.filter((one, at) => ids.indexOf(one) !== at)}`);
      const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter((one) => one.checkVisibility());
      const levels = headings.map((one) => Number(one.localName[1]));
      if (levels.filter((level) => level === 1).length !== 1) said.push(`headings: ${levels}`);
      levels.forEach((level, at) => {
        if (at && level > levels[at - 1] + 1) said.push(`${headings[at].outerHTML.slice(0, 80)} after h${levels[at - 1]}`);
      });
      if (!/^\S.* · backoffice$/.test(document.title)) said.push(`title "${document.title}"`);
      return said;
    },

    /** Nothing makes the page longer than what is on it, as words for screen readers do that leave a box that scrolls. */
    height() {
      const { scrollHeight } = document.documentElement;
      const most = Math.max(innerHeight, document.body.getBoundingClientRect().bottom + scrollY);
      return scrollHeight <= most + 1 ? [] : [`${scrollHeight} px long, where ${Math.round(most)} have something`];
    },

    width() {
      const { scrollWidth } = document.documentElement;
      if (scrollWidth <= innerWidth) return [];
      const wide = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
      return [`${scrollWidth} px wide: ${wide.slice(0, 4).map((one) => one.outerHTML.slice(0, 90)).join(" | ")}`];
    },
  };
})();
