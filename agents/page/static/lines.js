/* Panels of lines over one linked axis: hover or arrow keys read values off, a drag or + and - zoom, 0 shows all. */
"use strict";
(function (c) {
  const LEFT = 54, RIGHT = 14, AXIS = 24, NARROW = 760;
  const ROW = 17, FIRST = 15; /* of the words over a panel's lines: height of a row, where the first one stands */

  function extent(panel, from, to, chosen) {
    let low = Infinity, high = -Infinity;
    const take = (v) => { if (Number.isFinite(v)) { if (v < low) low = v; if (v > high) high = v; } };
    const lines = panel.lines.filter((line) => chosen.has(line.group));
    if (panel.stack) {
      take(0);
      for (let i = from; i <= to; i++) take(lines.reduce((sum, line) => sum + (line.values[i] || 0), 0));
    } else {
      lines.forEach((line) => { for (let i = from; i <= to; i++) take(line.values[i]); });
      (panel.bands || []).forEach((band) => {
        for (let i = from; i <= to; i++) { take(band.low[i]); take(band.high[i]); }
      });
    }
    if (low > high) [low, high] = [0, 1];
    const near = 0.7 * (high - low) + 0.5;
    (panel.limits || []).forEach((limit) => {
      if (limit.value > low - near && limit.value < high + near) take(limit.value);
    });
    const pad = high - low > 1e-9 ? 0.06 * (high - low) : Math.max(0.02 * Math.abs(high), 0.5 * (panel.unit === "1" ? 0.1 : 1));
    return [panel.stack ? 0 : low - pad, high + pad];
  }

  /* A line with at most a highest and a lowest point in each pixel column; where a value lacks it ends. */
  function trace(values, from, to, px, py) {
    const wide = px(to) - px(from), every = Math.max(1, Math.floor((to - from) / Math.max(1, 1.5 * wide)));
    let text = "", pen = false;
    const mark = (i) => {
      text += (pen ? "L" : "M") + px(i).toFixed(1) + " " + py(values[i]).toFixed(1);
      pen = true;
    };
    for (let i = from; i <= to; i += every) {
      let low = -1, high = -1, lacks = false;
      for (let k = i; k < Math.min(i + every, to + 1); k++) {
        if (!Number.isFinite(values[k])) { lacks = true; continue; }
        if (low < 0 || values[k] < values[low]) low = k;
        if (high < 0 || values[k] > values[high]) high = k;
      }
      if (lacks) pen = false;
      if (low < 0) continue;
      mark(Math.min(low, high));
      if (low !== high) mark(Math.max(low, high));
      if (lacks) pen = false;
    }
    return text;
  }

  function area(low, high, from, to, px, py) {
    const step = Math.max(1, Math.floor((to - from) / 900)), up = [], down = [];
    const close = () => {
      const text = up.length > 1 ? "M" + up.join("L") + "L" + down.reverse().join("L") + "Z" : "";
      up.length = down.length = 0;
      return text;
    };
    let text = "";
    for (let i = from; i <= to; i += step) {
      if (!Number.isFinite(low[i]) || !Number.isFinite(high[i])) { text += close(); continue; }
      up.push(px(i).toFixed(1) + " " + py(high[i]).toFixed(1));
      down.push(px(i).toFixed(1) + " " + py(low[i]).toFixed(1));
    }
    return text + close();
  }

  function drawPanel(root, panel, at, view) {
    const { from, to, px, width, chosen } = view;
    const [low, high] = extent(panel, from, to, chosen);
    const py = (v) => at.top + at.head + (at.height - at.head - 8) * (1 - (v - low) / (high - low));
    const group = c.svg("g", {}, root);
    const marks = c.ticks(low, high, at.height - at.head > 94 ? 4 : 3);
    marks.values.forEach((v) => {
      c.svg("line", { x1: LEFT, x2: width - RIGHT, y1: py(v), y2: py(v), class: "grid" }, group);
      c.svg("text", { x: LEFT - 6, y: py(v) + 4, class: "tick end" }, group, c.number(panel.unit === "1" ? 100 * v : v, panel.unit === "1" ? Math.max(0, marks.digits - 2) : marks.digits));
    });
    at.title.forEach((words, k) => c.svg("text", { x: LEFT, y: at.top + FIRST + ROW * k, class: "panel-title" }, group, words));
    at.key.forEach((row) => drawKey(group, row, row.x, at.top + FIRST + ROW * row.row));
    (panel.bands || []).forEach((band) => {
      c.svg("path", { d: area(band.low, band.high, from, to, px, py), class: "band", style: "fill:" + band.colour }, group);
    });
    const lines = panel.lines.filter((line) => chosen.has(line.group));
    if (panel.stack) {
      let below = new Float64Array(view.count);
      lines.forEach((line) => {
        const above = below.map((v, i) => v + (line.values[i] || 0));
        c.svg("path", { d: area(below, above, from, to, px, py), style: "fill:" + line.colour }, group);
        below = above;
      });
    } else {
      lines.forEach((line) => {
        c.svg("path", { d: trace(line.values, from, to, px, py), class: "line", "stroke-width": line.width || 1.5, "stroke-dasharray": line.dash || null, style: "stroke:" + line.colour }, group);
      });
    }
    (panel.limits || []).forEach((limit) => {
      if (limit.value <= low || limit.value >= high) return;
      c.svg("line", { x1: LEFT, x2: width - RIGHT, y1: py(limit.value), y2: py(limit.value), class: "limit" }, group);
      c.svg("text", { x: width - RIGHT - 2, y: py(limit.value) + (py(limit.value) - at.top - at.head < 14 ? 13 : -4), class: "tick end limit-words" }, group, limit.words);
    });
    const below = at.readout > 0;
    return { panel, at, py, readout: c.svg("text", { x: below ? LEFT : width - RIGHT, y: at.top + FIRST + ROW * at.readout, class: "readout" + (below ? "" : " end") }, group) };
  }

  const titleOf = (panel) => panel.title + (panel.unit ? " [" + (panel.unit === "1" ? "%" : panel.unit) + "]" : "");

  /* Names of lines and bands, once each, where no legend of the page tells them. */
  function keyOf(panel) {
    if (!panel.key) return [];
    const parts = [...panel.lines, ...(panel.bands || [])].map((one) => ({ name: one.name, colour: one.colour }));
    return parts.filter((part, k) => parts.findIndex((other) => other.name === part.name) === k);
  }

  /* Parts in rows no wider than they may be; `first` is what stands before the first row's. */
  function inRows(parts, lengthOf, most, first) {
    const rows = [[]];
    let used = first;
    parts.forEach((part) => {
      const length = lengthOf(part);
      if (used > 0 && used + length > most) { if (rows[rows.length - 1].length) rows.push([]); used = 0; }
      rows[rows.length - 1].push(part);
      used += length;
    });
    return rows;
  }

  /* What stands over a panel's lines: title and key in as many rows as they need, and the row where values are read. */
  function headOf(root, panel, width) {
    const most = width - LEFT - RIGHT, narrow = width < NARROW;
    const probe = c.svg("text", { class: "panel-title" }, root);
    const measure = (kind) => (text) => { probe.setAttribute("class", kind); probe.textContent = text; return probe.getComputedTextLength(); };
    const ofTitle = measure("panel-title"), ofKey = measure("tick");
    const title = inRows(titleOf(panel).split(" "), (word) => ofTitle(word + "\u00a0"), most, 0).map((words) => words.join(" "));
    const parts = keyOf(panel), gap = ofKey("\u25cf\u00a0\u00a0\u00a0\u00a0");
    const lengthOf = (part) => ofKey(part.name) + gap;
    const beside = title.length === 1 ? ofTitle(title[0]) + 16 : most + 1;
    const fits = parts.reduce((sum, part) => sum + lengthOf(part), beside) <= most;
    const rows = !parts.length ? [] : fits && !narrow ? [parts] : inRows(parts, lengthOf, most, 0);
    root.removeChild(probe);
    const start = fits && !narrow ? 0 : title.length;
    const key = rows.map((row, k) => ({ parts: row, row: start + k, x: LEFT + (start ? 0 : beside) }));
    const readout = narrow ? title.length : 0;
    const last = Math.max(title.length - 1, readout, start + rows.length - 1);
    return { title, key, readout, head: 25 + ROW * last };
  }

  function drawKey(group, row, x, y) {
    const words = c.svg("text", { x, y, class: "tick panel-key" }, group);
    row.parts.forEach((part, k) => {
      c.svg("tspan", { style: "fill:" + part.colour }, words, (k ? "   " : "") + "\u25cf ");
      c.svg("tspan", {}, words, part.name);
    });
  }

  function drawAxis(root, x, view, top) {
    const { px, width, low, high } = view;
    const count = Math.max(2, Math.floor((width - LEFT - RIGHT) / 75));
    const marks = x.kind === "time" ? c.timeTicks(low, high, count) : c.ticks(low, high, count);
    marks.values.forEach((v) => {
      const here = LEFT + ((v - low) / (high - low)) * (width - LEFT - RIGHT);
      c.svg("line", { x1: here, x2: here, y1: view.head + 16, y2: top, class: "grid faint" }, root);
      const words = x.kind === "time" ? c.shortClock(v, x.sinceEpoch, marks.step) : c.number(v, marks.digits) + (x.unit ? " " + x.unit : "");
      [top + 15, ...(view.head ? [11] : [])].forEach((y) => c.svg("text", { x: Math.min(here, width - 16), y, class: "tick middle" }, root, words));
    });
    return px;
  }

  function inOne(values, unit) {
    const share = unit === "1", some = values.slice(0, 4).map((v) => c.number(share ? 100 * v : v, share ? 0 : undefined));
    return some.join(" / ") + (values.length > 4 ? " …" : "") + (share ? " %" : unit ? " " + unit : "");
  }

  /* What the lines show at one place: a value for each name, those of several rows with a stroke between. */
  function told(panel, i, chosen) {
    const by = new Map();
    panel.lines.filter((line) => chosen.has(line.group)).forEach((line) => {
      const key = line.name || line.group || "";
      by.set(key, (by.get(key) || []).concat([{ line, value: line.values[i] }]));
    });
    return [...by.entries()].map(([name, rows]) => ({
      name, colour: rows[0].line.colour,
      words: inOne(rows.map((row) => row.value), panel.unit),
    }));
  }

  c.lines = function (host, spec) {
    host.classList.add("chart");
    const bar = c.html("div", { class: "chart-tools" }, host);
    const reset = c.html("button", { type: "button", class: "tool", hidden: "" }, bar, "Show all");
    const stage = c.html("div", { class: "chart-stage", tabindex: 0, role: "group", "aria-label": spec.label + ". Arrow keys read values, plus and minus zoom, 0 shows all." }, host);
    const live = c.html("div", { class: "aloud", "aria-live": "polite" }, host);
    const chosen = spec.chosen || { has: () => true, listen: () => {} };
    let zoom = null, cursor = null, drawnPanels = [], view = null, hair = null, speak = null;

    const count = () => spec.x.count;
    const span = () => (zoom ? zoom : [0, count() - 1]);

    function draw(width) {
      c.clear(stage);
      const panels = spec.panels.filter((panel) => panel.lines.length);
      const root = c.svg("svg", { width, "aria-hidden": "true" }, stage);
      const over = panels.map((panel) => headOf(root, panel, width));
      const each = panels.map((panel, k) => (panel.height || 128) + over[k].head - 25);
      const head = panels.length > 3 ? 14 : 0;
      const height = head + each.reduce((a, b) => a + b, 0) + AXIS + 4;
      root.setAttribute("viewBox", "0 0 " + width + " " + height);
      root.setAttribute("height", height);
      const [from, to] = span(), low = spec.x.at(from), high = spec.x.at(to), wide = width - LEFT - RIGHT;
      const px = (i) => LEFT + (high > low ? (spec.x.at(i) - low) / (high - low) : 0) * wide;
      view = { from, to, low, high, px, width, chosen, head, count: count(), bottom: height - AXIS };
      drawAxis(root, spec.x, view, height - AXIS);
      let top = head;
      drawnPanels = panels.map((panel, k) => {
        const made = drawPanel(root, panel, { top, height: each[k], ...over[k] }, view);
        top += each[k];
        return made;
      });
      if (spec.now !== undefined && spec.now > from && spec.now < to) {
        c.svg("line", { x1: px(spec.now), x2: px(spec.now), y1: 4, y2: view.bottom, class: "now" }, root);
      }
      hair = c.svg("line", { y1: 4, y2: view.bottom, class: "hair", visibility: "hidden" }, root);
      view.brush = c.svg("rect", { y: 4, height: view.bottom - 4, class: "brush", visibility: "hidden" }, root);
      reset.hidden = !zoom;
      if (cursor !== null) show(cursor);
    }

    function show(i, aloud) {
      cursor = Math.max(view.from, Math.min(view.to, i));
      hair.setAttribute("x1", view.px(cursor));
      hair.setAttribute("x2", view.px(cursor));
      hair.setAttribute("visibility", "visible");
      stage.classList.add("reading");
      const where = spec.x.kind === "time" ? c.clock(spec.x.at(cursor), spec.x.sinceEpoch) : c.withUnit(spec.x.at(cursor), spec.x.unit, 1);
      const spoken = [where];
      drawnPanels.forEach(({ panel, readout }, k) => {
        c.clear(readout);
        const parts = told(panel, cursor, chosen), named = view.width >= NARROW && parts.length < 4;
        if (k === 0) c.svg("tspan", { class: "where" }, readout, where + "   ");
        parts.slice(0, view.width < NARROW ? 4 : 8).forEach((part, n) => {
          c.svg("tspan", { style: "fill:" + part.colour }, readout, (n ? "  " : "") + "\u25cf ");
          c.svg("tspan", {}, readout, (named ? part.name + " " : "") + part.words);
        });
        spoken.push(panel.title + ": " + parts.map((part) => part.name + " " + part.words).join(", "));
      });
      if (aloud) {
        clearTimeout(speak);
        speak = setTimeout(() => { live.textContent = spoken.join(". "); }, 250);
      }
    }
    function hide() {
      cursor = null;
      if (hair) hair.setAttribute("visibility", "hidden");
      stage.classList.remove("reading");
      drawnPanels.forEach(({ readout }) => c.clear(readout));
    }
    function zoomTo(a, b) {
      a = Math.max(0, Math.round(a));
      b = Math.min(count() - 1, Math.round(b));
      if (b - a < 4) return;
      zoom = a === 0 && b === count() - 1 ? null : [a, b];
      redraw();
    }

    /* The point that is nearest to the pointer: places stand by their value of x, not by their number. */
    const index = (event) => {
      const share = (event.clientX - stage.getBoundingClientRect().left - LEFT) / (view.width - LEFT - RIGHT);
      const wanted = view.low + Math.max(0, Math.min(1, share)) * (view.high - view.low);
      let a = view.from, b = view.to;
      while (b - a > 1) {
        const middle = (a + b) >> 1;
        if (spec.x.at(middle) <= wanted) a = middle; else b = middle;
      }
      return wanted - spec.x.at(a) < spec.x.at(b) - wanted ? a : b;
    };
    let begun = null;
    stage.addEventListener("pointerdown", (event) => { if (event.pointerType === "mouse" && event.button === 0) begun = index(event); });
    stage.addEventListener("pointermove", (event) => {
      const i = index(event);
      show(i);
      if (begun !== null && Math.abs(i - begun) > 1) {
        const a = view.px(Math.min(i, begun)), b = view.px(Math.max(i, begun));
        view.brush.setAttribute("x", a);
        view.brush.setAttribute("width", b - a);
        view.brush.setAttribute("visibility", "visible");
      }
    });
    window.addEventListener("pointerup", (event) => {
      if (begun === null) return;
      const a = begun, b = index(event);
      begun = null;
      if (view.brush) view.brush.setAttribute("visibility", "hidden");
      if (Math.abs(b - a) > 3) zoomTo(Math.min(a, b), Math.max(a, b));
    });
    stage.addEventListener("pointerleave", () => { if (document.activeElement !== stage) hide(); });
    stage.addEventListener("dblclick", () => { zoom = null; redraw(); });
    stage.addEventListener("blur", hide);
    reset.addEventListener("click", () => { zoom = null; redraw(); });
    stage.addEventListener("keydown", (event) => {
      const [from, to] = span(), here = cursor === null ? Math.round((from + to) / 2) : cursor;
      const far = event.shiftKey ? 12 : 1, half = (to - from) / 4;
      const keys = {
        ArrowLeft: () => show(here - far, true), ArrowRight: () => show(here + far, true),
        Home: () => show(from, true), End: () => show(to, true),
        "+": () => zoomTo(here - half, here + half), "=": () => zoomTo(here - half, here + half),
        "-": () => zoomTo(from - 2 * half, to + 2 * half),
        0: () => { zoom = null; redraw(); }, Escape: () => { zoom = null; redraw(); },
      };
      if (keys[event.key]) { keys[event.key](); event.preventDefault(); }
    });
    const redraw = c.drawn(stage, draw);
    chosen.listen(redraw);
    return {
      update(changed) { Object.assign(spec, changed); redraw(); },
      zoomed: () => zoom,
    };
  };
})(coldaisle);
