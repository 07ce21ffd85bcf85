// What the keyboard has to reach, and whether it does: a test presses Tab as often
// as focusable() says and then asks for unreached().
window.keyboard = (() => {
  const name = e => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + " " + JSON.stringify((e.getAttribute("aria-label") || e.textContent || e.name || "").trim().slice(0, 40));
  const shown = e => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const all = () => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
    .filter(e => shown(e) && !e.disabled && e.tabIndex >= 0 && e.type !== "hidden");
  // A page that follows may put others into the place of what it had.
  const place = e => e.tagName + " " + (e.id || e.getAttribute("href") || e.name || e.textContent);
  const reached = new Set(), wrong = [];
  document.addEventListener("focusin", event => {
    const e = event.target, style = getComputedStyle(e), box = e.querySelector(".box");
    reached.add(place(e));
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const framed = box && parseFloat(getComputedStyle(box).strokeWidth) >= 4;
    if (!outlined && !framed) wrong.push("the focus is not to be seen on " + name(e));
  });
  return {
    focusable: () => all().length,
    unreached: () => wrong.concat(all().filter(e => !reached.has(place(e))).map(e => "Tab does not reach " + name(e))),
  };
})();
