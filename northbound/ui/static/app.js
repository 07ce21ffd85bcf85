// What the pages do by themselves beside htmx: the colours' switch, the sign that
// the page follows, and the charts. Numbers come in the page's own HTML, which
// htmx merges into the document.
(() => {
  "use strict";

  // --- Colours -------------------------------------------------------------
  const root = document.documentElement;
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches;

  function setUpTheme() {
    const button = document.getElementById("theme");
    const tell = () => button.setAttribute("aria-pressed", String(isDark()));
    button.hidden = false;
    tell();
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* only for this page then */ }
      tell();
      redraw();
    });
    systemDark.addEventListener("change", () => { tell(); redraw(); });
  }

  // --- Does the page follow? -------------------------------------------------
  const lostAfter = 10000; // ms; the server speaks every 3 s at least
  let heard = 0;

  // follows says whether it does; numbers that are old are marked as such.
  function setUpFollowing() {
    const sign = document.getElementById("following");
    if (!sign) return;
    const stale = document.getElementById("stale");
    sign.hidden = false;
    const say = (state, text) => {
      if (sign.dataset.state === state) return;
      sign.dataset.state = state;
      sign.textContent = text;
      const lost = state === "lost";
      root.toggleAttribute("data-stale", lost);
      stale.textContent = !lost ? "" : "The controller does not answer" +
        (heard ? ": what is shown is of " + clock(heard / 1000) : "") + ". The page connects again by itself.";
      stale.hidden = !lost;
    };
    const hear = () => { heard = Date.now(); say("live", "live"); };
    const opened = Date.now();
    document.addEventListener("htmx:sse:after:connection", hear);
    document.addEventListener("htmx:sse:before:message", hear);
    document.addEventListener("htmx:sse:error", () => say("lost", "not connected"));
    setInterval(() => { if (!document.hidden && Date.now() - (heard || opened) > lostAfter) say("lost", "not connected"); }, 1000);
  }

  // --- Charts ----------------------------------------------------------------
  const names = { transit: "transit", unicast: "unicast", payloads: "payloads", headers: "headers" };
  const keep = 300; // points
  let points = [];
  const charts = new Map(); // plots by the id of their figure

  function scaled(v, unit) {
    if (v == null) return "–";
    const prefixes = ["", "k", "M", "G", "T"];
    let i = 0;
    while (v >= 999.5 && i < prefixes.length - 1) { v /= 1000; i++; }
    const digits = i === 0 || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2;
    const text = v.toFixed(digits);
    return unit === "/s" ? text + prefixes[i] + "/s" : text + "\u00a0" + prefixes[i] + unit;
  }

  const two = n => String(n).padStart(2, "0");
  const clock = s => { const d = new Date(s * 1000); return two(d.getHours()) + ":" + two(d.getMinutes()) + ":" + two(d.getSeconds()); };
  const colour = name => getComputedStyle(root).getPropertyValue(name).trim();

  function dataOf(series) {
    return [points.map(p => p.at / 1000), ...series.map(name => points.map(p => p[name]))];
  }

  function draw(figure) {
    const box = figure.querySelector(".plot");
    const series = figure.dataset.series.split(" ");
    const unit = figure.dataset.unit;
    const axis = { stroke: colour("--weak"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const plot = new uPlot({
      width: box.clientWidth, height: box.clientHeight - 26,
      cursor: { y: false },
      padding: [8, 30, 0, 0],
      scales: { y: { range: (_, min, max) => [0, max > 0 ? max * 1.1 : 10] } },
      axes: [
        { ...axis, size: 28, space: 90, values: (_, ticks) => ticks.map(clock) },
        { ...axis, size: 78, space: 32, values: (_, ticks) => ticks.map(v => scaled(v, unit)) },
      ],
      series: [
        { value: (_, v) => v == null ? "–" : clock(v), label: "time" },
        ...series.map((name, i) => ({
          label: names[name] ?? name, stroke: colour("--series-" + (i + 1)), width: 2, dash: i ? [6, 4] : undefined,
          points: { show: false }, value: (_, v) => scaled(v, unit),
        })),
      ],
    }, dataOf(series), box);
    charts.set(figure.id, { plot, box, series });
  }

  // The legend tells what is under the cursor, and else the last point.
  function tell({ plot }) {
    if (plot.cursor.idx == null && points.length) plot.setLegend({ idx: points.length - 1 }, false);
  }

  function redraw() {
    for (const { plot } of charts.values()) plot.destroy();
    charts.clear();
    if (!points.length) return;
    document.querySelectorAll("figure.chart").forEach(draw);
    charts.forEach(tell);
  }

  function update() {
    if (!charts.size) return redraw();
    for (const chart of charts.values()) {
      chart.plot.setData(dataOf(chart.series));
      tell(chart);
    }
  }

  function setUpCharts() {
    if (!document.querySelector("figure.chart")) return;
    const main = document.getElementById("main");
    main.addEventListener("history", e => { points = JSON.parse(e.detail.data); update(); });
    main.addEventListener("point", e => {
      points.push(JSON.parse(e.detail.data));
      if (points.length > keep) points.shift();
      update();
    });
    new ResizeObserver(() => {
      for (const { plot, box } of charts.values()) {
        if (box.clientWidth && box.clientWidth !== plot.width) plot.setSize({ width: box.clientWidth, height: box.clientHeight - 26 });
      }
    }).observe(main);
  }

  // --- Forms -----------------------------------------------------------------
  // What is wrong is read and seen first.
  document.getElementById("errors")?.focus();

  setUpTheme();
  setUpFollowing();
  setUpCharts();
})();
