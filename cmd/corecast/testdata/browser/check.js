// What is wrong with the page for those who cannot see it, see it badly, or use
// no mouse: a list of texts, empty if nothing is.
(() => {
  const wrong = [];
  const name = e => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.className && e.className.baseVal === undefined ? "." + e.className : "");
  const shown = e => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const textOf = e => (e.getAttribute("aria-label") || e.textContent || "").trim();

  // Structure.
  if (!document.documentElement.lang) wrong.push("html has no lang");
  if (!document.title) wrong.push("no title");
  for (const landmark of ["header", "nav", "main", "footer"]) {
    if (!document.querySelector(landmark)) wrong.push("no " + landmark);
  }
  if (document.querySelectorAll("h1").length !== 1) wrong.push(document.querySelectorAll("h1").length + " h1");
  let level = 1;
  for (const h of document.querySelectorAll("h1,h2,h3,h4")) {
    const l = Number(h.tagName[1]);
    if (l > level + 1) wrong.push("heading " + textOf(h) + " skips a level");
    level = l;
  }
  const ids = new Set();
  for (const e of document.querySelectorAll("[id]")) {
    if (ids.has(e.id)) wrong.push("two elements have the id " + e.id);
    ids.add(e.id);
  }
  const skip = document.querySelector("a.skip");
  if (!skip || !document.querySelector(skip.getAttribute("href"))) wrong.push("no skip link");

  // Names.
  for (const e of document.querySelectorAll("a[href], button")) {
    if (!e.hidden && !textOf(e)) wrong.push(name(e) + " has no name");
  }
  for (const e of document.querySelectorAll("img")) {
    if (!e.hasAttribute("alt")) wrong.push(name(e) + " has no alt");
  }
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea, meter")) {
    if (![...(e.labels ?? [])].some(textOf) && !e.getAttribute("aria-label")) wrong.push(name(e) + " has no label");
  }
  for (const e of document.querySelectorAll("fieldset, details")) {
    if (!textOf(e.querySelector(":scope > legend, :scope > summary") ?? document.createElement("p"))) wrong.push(name(e) + " has no legend or summary");
  }
  for (const e of document.querySelectorAll("[aria-describedby], [aria-labelledby]")) {
    for (const id of ((e.getAttribute("aria-describedby") ?? "") + " " + (e.getAttribute("aria-labelledby") ?? "")).trim().split(/ +/)) {
      if (!document.getElementById(id)) wrong.push(name(e) + " refers to " + id + ", which is not there");
    }
  }
  for (const e of document.querySelectorAll("table:not(.u-legend)")) {
    if (!e.querySelector("thead th[scope=col]")) wrong.push("a table without column headers: " + textOf(e).slice(0, 40));
    if (!e.querySelector("tbody th[scope=row], tbody td:first-child")) wrong.push("a table without rows");
  }
  for (const e of document.querySelectorAll("svg")) {
    if (e.getAttribute("aria-hidden") !== "true" && !(e.getAttribute("role") && e.getAttribute("aria-label"))) wrong.push("a drawing without a description");
  }
  for (const e of document.querySelectorAll("[tabindex]")) {
    if (e.tabIndex > 0) wrong.push(name(e) + " has a tabindex above 0");
  }
  if (document.querySelector("[style]:not(.uplot, .uplot *)")) wrong.push("an inline style: " + name(document.querySelector("[style]:not(.uplot, .uplot *)")));

  // Contrast.
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = text => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = c => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const backgroundOf = e => {
    for (; e; e = e.parentElement) {
      if (e.matches("svg text")) break;
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c[3] > 250) return c;
    }
    return rgba(getComputedStyle(document.documentElement).backgroundColor);
  };
  const boxBehind = text => { // the box of the drawing that a text is in, or the card around
    const box = text.parentElement.querySelector("rect.box");
    return box ? rgba(getComputedStyle(box).fill) : rgba(getComputedStyle(text.closest(".card") || document.body).backgroundColor);
  };
  let checked = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (!node.textContent.trim() || !shown(e) || e.closest("noscript, script, option, title, .skip, meter")) continue;
    const style = getComputedStyle(e);
    const svg = e.matches("svg text");
    const front = luminance(rgba(svg ? style.fill : style.color));
    const back = luminance(svg ? boxBehind(e) : backgroundOf(e));
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700;
    checked++;
    if (ratio < (large ? 3 : 4.5)) wrong.push("contrast " + ratio.toFixed(2) + " of " + JSON.stringify(node.textContent.trim().slice(0, 40)) + " in " + name(e));
  }
  for (const e of document.querySelectorAll("input:not([type=checkbox], [type=hidden]), select")) {
    if (!shown(e)) continue;
    const back = luminance(rgba(getComputedStyle(e).backgroundColor));
    for (const [part, pseudo] of [["text", null], ["placeholder", e.placeholder ? "::placeholder" : null]]) {
      const front = luminance(rgba(getComputedStyle(e, pseudo).color));
      const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
      checked++;
      if (ratio < 4.5) wrong.push("contrast " + ratio.toFixed(2) + " of the " + part + " of " + name(e));
    }
  }
  if (checked < 10) wrong.push("only " + checked + " texts were checked for contrast");

  // Layout.
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) {
    const far = [...document.querySelectorAll("body *")].find(e => shown(e) && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
    wrong.push("the page is " + wide + " pixels too wide" + (far ? ": " + name(far) : ""));
  }
  return wrong;
})()
