/* Rows of names: intervals, bars of parts, and dots of single episodes with their mean. */
"use strict";
(function (c) {
  const ROW = 30, TOP = 8, AXIS = 40, RIGHT = 16;

  function frame(host, spec, names, low, high, draw) {
    host.classList.add("chart");
    const again = c.drawn(host, (width) => {
      c.clear(host);
      const left = Math.min(170, Math.max(96, 0.28 * width));
      const height = TOP + names.length * ROW + AXIS;
      const root = c.svg("svg", { viewBox: "0 0 " + width + " " + height, width, height, role: "img", "aria-label": spec.label }, host);
      const px = (v) => left + ((v - low) / (high - low)) * (width - left - RIGHT);
      const marks = c.ticks(low, high, Math.max(2, Math.floor((width - left) / 90)));
      marks.values.forEach((v) => {
        c.svg("line", { x1: px(v), x2: px(v), y1: TOP, y2: height - AXIS + 4, class: "grid" }, root);
        c.svg("text", { x: px(v), y: height - AXIS + 18, class: "tick middle" }, root, c.number(v, marks.digits));
      });
      c.svg("text", { x: left + (width - left - RIGHT) / 2, y: height - 6, class: "tick middle" }, root, spec.axis);
      names.forEach((name, k) => {
        const y = TOP + (k + 0.5) * ROW;
        const words = c.svg("text", { x: left - 8, y: y + 4, class: "row-name end" }, root, name);
        const most = left - 14;
        if (words.getComputedTextLength && words.getComputedTextLength() > most) {
          words.setAttribute("textLength", most);
          words.setAttribute("lengthAdjust", "spacingAndGlyphs");
        }
        draw(c.svg("g", {}, root), name, y, px, width, left);
      });
    });
    return again;
  }

  c.intervals = function (host, spec) {
    const told = spec.rows.filter((row) => row.low !== null && row.low !== undefined);
    const low = Math.min(0, ...told.map((row) => row.low)), high = Math.max(0, ...told.map((row) => row.high));
    const pad = 0.06 * (high - low) + 0.05;
    frame(host, spec, spec.rows.map((row) => row.name), low - pad, high + pad, (group, name, y, px, width, left) => {
      const row = spec.rows.find((r) => r.name === name);
      c.svg("line", { x1: px(0), x2: px(0), y1: y - ROW / 2, y2: y + ROW / 2, class: "zero" }, group);
      if (!told.includes(row)) {
        c.svg("text", { x: left + 8, y: y + 4, class: "tick" }, group, row.words);
        return;
      }
      c.svg("line", { x1: px(row.low), x2: px(row.high), y1: y, y2: y, "stroke-width": 4, style: "stroke:" + row.colour }, group);
      c.svg("circle", { cx: px(row.value), cy: y, r: 6, style: "fill:" + row.colour }, group);
      const reach = c.svg("rect", { x: left, y: y - ROW / 2, width: width - left - RIGHT, height: ROW, class: "reach" }, group);
      c.tipFor(reach, () => [name, row.words]);
    });
  };

  c.partBars = function (host, spec) {
    const sums = spec.rows.map((row) => row.parts.reduce((a, b) => a + b, 0));
    const key = c.html("div", { class: "legend plain" }, host);
    spec.parts.forEach((part) => {
      const one = c.html("span", { class: "key" }, key);
      c.html("i", { class: "swatch", style: "background:" + part.colour }, one);
      one.appendChild(document.createTextNode(part.name));
    });
    frame(c.html("div", {}, host), spec, spec.rows.map((row) => row.name), 0, 1.04 * Math.max(...sums), (group, name, y, px) => {
      const row = spec.rows.find((r) => r.name === name);
      let from = 0;
      row.parts.forEach((value, k) => {
        const bar = c.svg("rect", { x: px(from), y: y - 10, width: Math.max(0, px(from + value) - px(from) - 0.5), height: 20, style: "fill:" + spec.parts[k].colour }, group);
        c.tipFor(bar, () => [name, spec.parts[k].name + ": " + c.withUnit(value, spec.unit, 1), "all: " + c.withUnit(row.parts.reduce((a, b) => a + b, 0), spec.unit, 1)]);
        from += value;
      });
    });
  };

  c.dots = function (host, spec) {
    const all = spec.rows.flatMap((row) => row.values);
    const high = Math.max(...all, 1e-9);
    frame(host, spec, spec.rows.map((row) => row.name), 0, 1.04 * high, (group, name, y, px) => {
      const row = spec.rows.find((r) => r.name === name);
      const mean = row.values.reduce((a, b) => a + b, 0) / Math.max(1, row.values.length);
      c.svg("rect", { x: px(0), y: y - 8, width: px(mean) - px(0), height: 16, style: "fill:" + row.colour, opacity: 0.4 }, group);
      row.values.forEach((value, k) => {
        const dot = c.svg("circle", { cx: px(value), cy: y, r: 3.5, style: "fill:" + row.colour }, group);
        c.tipFor(dot, () => [name, spec.places[k] || "episode " + k, c.withUnit(value, spec.unit, 1)]);
      });
    });
  };
})(coldaisle);
