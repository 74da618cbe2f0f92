/* Ground of every drawing: elements, numbers, scales, the tip, what is shown. No library, no network. */
"use strict";
var coldaisle = (function () {
  const SVG = "http://www.w3.org/2000/svg";

  function put(element, attributes, parent, text) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined) element.setAttribute(name, value);
    }
    if (text !== undefined) element.textContent = text;
    if (parent) parent.appendChild(element);
    return element;
  }
  const svg = (tag, attributes, parent, text) => put(document.createElementNS(SVG, tag), attributes, parent, text);
  const html = (tag, attributes, parent, text) => put(document.createElement(tag), attributes, parent, text);

  function clear(element) {
    while (element.firstChild) element.removeChild(element.firstChild);
    return element;
  }

  /* A number as the tables of the page write it: a space between thousands, no minus zero. */
  function number(value, digits) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "none";
    const size = Math.abs(value);
    const places = digits === undefined ? (size >= 100 ? 0 : size >= 10 ? 1 : 2) : digits;
    const plain = value.toFixed(places).replace(/^-(0(\.0+)?)$/, "$1");
    const [whole, part] = plain.split(".");
    return whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f") + (part ? "." + part : "");
  }

  function withUnit(value, unit, digits) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "none";
    if (unit === "1") return number(100 * value, digits === undefined ? 0 : digits) + " %";
    return number(value, digits) + (unit ? " " + unit : "");
  }

  function ticks(low, high, count) {
    const raw = (high - low) / Math.max(count, 1);
    const power = Math.pow(10, Math.floor(Math.log10(raw)));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999) || raw;
    const made = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) made.push(k * step);
    return { step, values: made, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (step / power === 2.5 ? 1 : 0)) };
  }

  const HOUR = 3600, DAY = 86400;
  function timeTicks(low, high, count) {
    const raw = (high - low) / Math.max(count, 1);
    const steps = [60, 300, 600, 1800, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 28 * DAY];
    const step = steps.find((s) => s >= raw) || steps[steps.length - 1];
    const made = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-6; k++) made.push(k * step);
    return { step, values: made };
  }

  /* Seconds as a clock; `start` is where the days begin to count, or null where the seconds are those since 1970. */
  function clock(seconds, sinceEpoch) {
    if (sinceEpoch) {
      const date = new Date(seconds * 1000);
      const two = (n) => String(n).padStart(2, "0");
      return two(date.getDate()) + "." + two(date.getMonth() + 1) + ". " + two(date.getHours()) + ":" + two(date.getMinutes());
    }
    const minutes = Math.round(seconds / 60);
    const two = (n) => String(n).padStart(2, "0");
    return "day " + (Math.floor(minutes / 1440) + 1) + ", " + two(Math.floor((minutes % 1440) / 60)) + ":" + two(minutes % 60);
  }
  function shortClock(seconds, sinceEpoch, step) {
    const text = clock(seconds, sinceEpoch);
    const parts = text.split(sinceEpoch ? " " : ", ");
    return step >= DAY || parts[1] === "00:00" ? parts[0] : parts[1];
  }

  function rgb(colour) {
    return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  }
  function colourAt(scale, value) {
    if (value === null || !Number.isFinite(value)) return null;
    let k = scale.findIndex(([edge]) => value <= edge);
    if (k === 0) return rgb(scale[0][1]);
    if (k < 0) return rgb(scale[scale.length - 1][1]);
    const [low, first] = scale[k - 1], [high, second] = scale[k];
    const share = (value - low) / (high - low), a = rgb(first), b = rgb(second);
    return a.map((part, i) => Math.round(part + share * (b[i] - part)));
  }
  const css = (colour) => (colour ? "rgb(" + colour.join(",") + ")" : "var(--none)");
  function inkOn(colour) {
    if (!colour) return "var(--ink)";
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 140 ? "#1f2430" : "#ffffff";
  }

  /* One tip for the page, beside the pointer or the element that has the focus. */
  let box = null;
  function tip(lines, x, y) {
    if (!box) box = html("div", { class: "tip", role: "status" }, document.body);
    clear(box);
    lines.forEach((line, i) => html("div", i ? {} : { class: "tip-head" }, box, line));
    box.style.display = "block";
    const wide = box.offsetWidth, high = box.offsetHeight;
    const left = x + 14 + wide > window.innerWidth - 8 ? x - wide - 14 : x + 14;
    const top = Math.min(Math.max(8, y - high / 2), window.innerHeight - high - 8);
    box.style.left = Math.max(8, left) + "px";
    box.style.top = top + "px";
  }
  function noTip() {
    if (box) box.style.display = "none";
  }
  function tipFor(element, lines) {
    element.addEventListener("pointermove", (event) => tip(lines(), event.clientX, event.clientY));
    element.addEventListener("pointerleave", noTip);
    element.addEventListener("focus", () => {
      const at = element.getBoundingClientRect();
      tip(lines(), at.right - 10, at.top + at.height / 2);
    });
    element.addEventListener("blur", noTip);
  }

  /* Draw now, and again when the width has changed. */
  function drawn(host, draw) {
    let width = 0, waiting = false;
    const again = () => {
      waiting = false;
      const now = Math.floor(host.clientWidth);
      if (now > 0 && now !== width) draw((width = now));
    };
    if (typeof ResizeObserver !== "undefined") {
      new ResizeObserver(() => {
        if (!waiting) { waiting = true; requestAnimationFrame(again); }
      }).observe(host);
    }
    again();
    return () => { if (width > 0) draw(width); };
  }

  /* Which names are shown: one choice for all drawings that share it. */
  function choice(names, shown) {
    const on = new Set(shown || names), heard = [];
    return {
      names,
      has: (name) => name === undefined || name === null || on.has(name),
      toggle(name) {
        if (on.has(name)) on.delete(name); else on.add(name);
        heard.forEach((tell) => tell());
      },
      listen: (tell) => heard.push(tell),
    };
  }
  function legend(host, chosen, colourOf, dashOf) {
    const bar = html("div", { class: "legend", role: "group", "aria-label": "shown" }, host);
    chosen.names.forEach((name) => {
      const key = html("button", { type: "button", class: "key" }, bar);
      const mark = svg("svg", { width: 22, height: 10, "aria-hidden": "true" }, key);
      svg("line", { x1: 1, x2: 21, y1: 5, y2: 5, "stroke-width": 3, style: "stroke:" + colourOf(name), "stroke-dasharray": dashOf ? dashOf(name) : null }, mark);
      key.appendChild(document.createTextNode(name));
      const show = () => key.setAttribute("aria-pressed", String(chosen.has(name)));
      key.addEventListener("click", () => chosen.toggle(name));
      chosen.listen(show);
      show();
    });
    return bar;
  }

  /* Numbers that came as base64 of 16 bit steps between a lowest and a highest value; the lowest step is no number. */
  function unpacked(packed) {
    const raw = atob(packed.data), made = new Float64Array(raw.length / 2);
    for (let i = 0; i < made.length; i++) {
      const step = raw.charCodeAt(2 * i) + 256 * raw.charCodeAt(2 * i + 1);
      made[i] = step === 0 ? NaN : packed.low + ((step - 1) / 65534) * (packed.high - packed.low);
    }
    return made;
  }

  return {
    svg, html, clear, number, withUnit, ticks, timeTicks, clock, shortClock, colourAt, css, inkOn,
    tip, noTip, tipFor, drawn, choice, legend, unpacked,
  };
})();
