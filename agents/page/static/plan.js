/* The plan of a hall: racks coloured by inlet or by power, a bar in each for its power to coolant and to air. */
"use strict";
(function (c) {
  const RACK = { width: 0.6, depth: 1.2 }, MARGIN = 0.4, HEAD = 0.9;
  const POWER = [[0, "#f1efe9"], [0.25, "#d7d3e6"], [0.5, "#a79fcf"], [0.75, "#7362a8"], [1.0, "#3d2a6b"]];

  function sizes(view) {
    return view.zones.map((_, z) => {
      const places = view.racks.filter((rack) => rack.zone === z).map((rack) => rack.place);
      const wide = Math.max(2.4, ...places.map((place) => place[1] + RACK.width / 2));
      const deep = Math.max(1.2, ...places.map((place) => place[2] + RACK.depth / 2));
      return [wide + 2 * MARGIN, deep + 2 * MARGIN + HEAD];
    });
  }

  /* Zones side by side or below each other, whichever shows larger racks. */
  function boxes(size, width, tallest) {
    let best = null;
    for (let columns = 1; columns <= size.length; columns++) {
      const rows = [];
      for (let i = 0; i < size.length; i += columns) rows.push(size.slice(i, i + columns));
      const wide = Array.from({ length: columns }, (_, k) => Math.max(...rows.map((row) => (row[k] ? row[k][0] : 0))));
      const deep = rows.map((row) => Math.max(...row.map((one) => one[1])));
      const sum = (list) => list.reduce((a, b) => a + b, 0);
      const scale = Math.min(width / sum(wide), tallest / sum(deep), Math.max(95, width / 15));
      if (best && best.scale >= scale) continue;
      const left = (width - scale * sum(wide)) / 2, made = [];
      let y = 0;
      rows.forEach((row, r) => {
        let x = left;
        row.forEach((one, k) => {
          made.push({ x, y, width: scale * one[0], height: scale * one[1] });
          x += scale * wide[k];
        });
        y += scale * deep[r];
      });
      best = { scale, made, height: y };
    }
    return best;
  }

  function rackWords(rack) {
    const parts = [
      rack.name + " (" + rack.kind + ", " + rack.workload + ")",
      "inlet at the top " + c.withUnit(rack.top_inlet_c, "degC", 1) + ", mean " + c.withUnit(rack.inlet_c, "degC", 1),
      "power " + c.withUnit(rack.power_kw, "kW", 1) + " of " + c.withUnit(rack.rated_kw, "kW", 0),
    ];
    if (rack.liquid_kw > 0) parts.push("to coolant " + c.withUnit(rack.liquid_kw, "kW", 1) + ", to air " + c.withUnit(rack.air_kw, "kW", 1));
    return parts;
  }

  c.plan = function (host, facts) {
    let view = null, by = "inlet", at = 0, tiles = [];
    host.classList.add("plan");
    const bar = c.html("div", { class: "segmented", role: "group", "aria-label": "colour of the racks" }, host);
    const keys = [["inlet", "Inlet temperature"], ["power", "Power"]].map(([name, words]) => {
      const key = c.html("button", { type: "button", "aria-pressed": String(name === by) }, bar, words);
      key.addEventListener("click", () => { by = name; keys.forEach(([n, k]) => k.setAttribute("aria-pressed", String(n === by))); redraw(); });
      return [name, key];
    });
    const stage = c.html("div", { class: "plan-stage", tabindex: 0, role: "application", "aria-label": "Plan of the racks. Arrow keys go from rack to rack." }, host);
    const key = c.html("div", { class: "plan-key" }, host);
    const live = c.html("div", { class: "aloud", "aria-live": "polite" }, host);

    const paintOf = (rack) => (by === "inlet" ? c.colourAt(facts.inlet_scale, rack.top_inlet_c) : c.colourAt(POWER, rack.power_kw / rack.rated_kw));

    function drawRack(group, rack, box, scale, i) {
      const wide = 0.92 * RACK.width * scale, deep = 0.96 * RACK.depth * scale;
      const x = box.x + (MARGIN + rack.place[1]) * scale - wide / 2, y = box.y + (HEAD + MARGIN + rack.place[2]) * scale - deep / 2;
      const paint = paintOf(rack), ink = c.inkOn(paint);
      const one = c.svg("g", { class: "rack", "data-rack": i }, group);
      c.svg("rect", { x, y, width: wide, height: deep, rx: Math.min(3, wide / 10), style: "fill:" + c.css(paint) }, one);
      const meter = Math.max(2, 0.15 * wide), share = (kw) => Math.max(0, Math.min(1, kw / rack.rated_kw)) * deep;
      const wet = share(rack.liquid_kw), dry = Math.min(deep - wet, share(rack.air_kw));
      c.svg("rect", { x: x + wide - meter, y, width: meter, height: deep, class: "meter" }, one);
      c.svg("rect", { x: x + wide - meter, y: y + deep - wet, width: meter, height: wet, class: "liquid" }, one);
      c.svg("rect", { x: x + wide - meter, y: y + deep - wet - dry, width: meter, height: dry, class: "air" }, one);
      const hot = rack.top_inlet_c > view.totals.inlet_limit_c;
      if (hot) c.svg("rect", { x: x + 1, y: y + 1, width: wide - 2, height: deep - 2, class: "too-warm" }, one);
      if (wide >= 26) {
        const size = 0.27 * wide, middle = x + (wide - meter) / 2;
        c.svg("text", { x: middle, y: y + 0.42 * deep, class: "rack-value", "font-size": size, fill: ink }, one, c.number(rack.top_inlet_c, 1));
        c.svg("text", { x: middle, y: y + 0.42 * deep + 1.35 * size, class: "rack-value", "font-size": 0.78 * size, fill: ink }, one, c.number(rack.power_kw, rack.power_kw < 9.95 ? 1 : 0) + " kW");
      } else if (hot) {
        c.svg("text", { x: x + (wide - meter) / 2, y: y + 0.6 * deep, class: "rack-value", "font-size": Math.max(8, 0.7 * wide), fill: ink }, one, "!");
      }
      return one;
    }

    function draw(width) {
      c.clear(stage);
      c.clear(key);
      if (!view) return;
      if (!view.racks.length) { drawZones(); return; }
      const laid = boxes(sizes(view), width, width < 620 ? 1e6 : Math.max(360, Math.min(900, window.innerHeight * 0.52)));
      const root = c.svg("svg", { viewBox: "0 0 " + width + " " + laid.height, width, height: laid.height }, stage);
      tiles = [];
      view.zones.forEach((zone, z) => {
        const box = laid.made[z], pad = 0.1 * laid.scale;
        c.svg("rect", { x: box.x + pad, y: box.y + pad, width: box.width - 2 * pad, height: box.height - 2 * pad, rx: 6, class: "zone" }, root);
        const words = "Zone " + zone.name + ": " + airOf(zone);
        const size = Math.max(8.5, Math.min(0.15 * laid.scale, (box.width - 2 * MARGIN * laid.scale) / (0.54 * words.length)));
        c.svg("text", { x: box.x + MARGIN * laid.scale, y: box.y + pad + 0.45 * HEAD * laid.scale + 4, class: "zone-name", "font-size": size }, root, words);
        view.racks.forEach((rack, i) => { if (rack.zone === z) tiles[i] = drawRack(root, rack, box, laid.scale, i); });
      });
      drawKey();
    }

    /* Air of a zone, as far as somebody measures it. */
    function airOf(zone) {
      const has = (v) => v !== null && Number.isFinite(v), ends = [zone.supply_c, zone.return_c].filter(has).map((v) => c.number(v, 1));
      const air = ends.length ? "air " + ends.join(" to ") + " degC" : "", fans = has(zone.fan_speed_frac) ? "fans " + c.number(100 * zone.fan_speed_frac, 0) + " %" : "";
      return [air, fans].filter(Boolean).join(", ");
    }

    /* A building whose racks nobody measures one by one: its zones. */
    function drawZones() {
      const list = c.html("div", { class: "zone-tiles" }, stage);
      view.zones.forEach((zone) => {
        const paint = c.colourAt(facts.inlet_scale, zone.inlet_max_c);
        const one = c.html("div", { class: "zone-tile", style: "background:" + c.css(paint) + ";color:" + c.inkOn(paint) }, list);
        c.html("b", {}, one, "Zone " + zone.name);
        c.html("span", { class: "big" }, one, c.withUnit(zone.inlet_max_c, "degC", 1));
        c.html("span", {}, one, ["warmest inlet", airOf(zone)].filter(Boolean).join("; "));
      });
      drawKey();
    }

    function drawKey() {
      const scale = by === "inlet" ? facts.inlet_scale : POWER, low = scale[0][0], high = scale[scale.length - 1][0];
      const stops = scale.map(([v, paint]) => paint + " " + ((100 * (v - low)) / (high - low)).toFixed(1) + "%");
      c.html("span", {}, key, by === "inlet" ? "inlet at the top" : "power of its rating");
      c.html("span", { class: "key-end" }, key, by === "inlet" ? c.number(low, 0) + " degC" : "0 %");
      const strip = c.html("span", { class: "strip", style: "background:linear-gradient(90deg," + stops.join(",") + ")" }, key);
      if (by === "inlet") {
        [[view.totals.inlet_limit_c, "recommended"], [view.totals.inlet_allowable_c, "allowable"]].forEach(([limit, words]) => {
          if (limit) c.html("i", { style: "left:" + (100 * (limit - low)) / (high - low) + "%", title: words + " " + c.number(limit, 1) + " degC" }, strip);
        });
      }
      c.html("span", { class: "key-end" }, key, by === "inlet" ? c.number(high, 0) + " degC" : "100 %");
      if (!view.racks.length) return;
      [["liquid", "power to coolant"], ["air", "power to air"]].forEach(([name, words]) => {
        const one = c.html("span", { class: "key" }, key);
        c.html("i", { class: "swatch " + name }, one);
        one.appendChild(document.createTextNode(words));
      });
      if (view.by_twin) c.html("span", { class: "key" }, key, "power of each rack by the loop's twin");
      if (view.racks.some((rack) => rack.top_inlet_c > view.totals.inlet_limit_c)) c.html("span", { class: "key warm-key" }, key, "red frame: over the recommended inlet");
    }

    stage.addEventListener("pointermove", (event) => {
      const one = event.target.closest ? event.target.closest(".rack") : null;
      if (one) c.tip(rackWords(view.racks[Number(one.dataset.rack)]), event.clientX, event.clientY); else c.noTip();
    });
    stage.addEventListener("pointerleave", c.noTip);
    stage.addEventListener("blur", () => { tiles.forEach((tile) => tile && tile.classList.remove("here")); c.noTip(); });
    function go(i) {
      if (!view || !view.racks.length) return;
      at = (i + view.racks.length) % view.racks.length;
      tiles.forEach((tile, k) => tile && tile.classList.toggle("here", k === at));
      const words = rackWords(view.racks[at]), spot = tiles[at].getBoundingClientRect();
      c.tip(words, spot.right, spot.top + spot.height / 2);
      live.textContent = words.join(". ");
    }
    stage.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) { go(at + step); event.preventDefault(); }
    });
    const redraw = c.drawn(stage, draw);
    return { show(next) { view = next; redraw(); } };
  };
})(coldaisle);
