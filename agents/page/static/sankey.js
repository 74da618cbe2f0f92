/* What flows from the utility to the outdoor air [kW]: bands as wide as their power, in columns from left to right. */
"use strict";
(function (c) {
  const NODE = 12, GAP = 20, HEIGHT = 330, TOP = 22;

  /* Nodes by column; a link over several columns gets a place in each between, below what stands there. */
  function laidOut(nodes, links, width) {
    const named = new Map(), columns = [];
    const node = (name) => {
      if (!named.has(name)) {
        const [column, title] = nodes[name];
        named.set(name, { name, title, column, order: Object.keys(nodes).indexOf(name), into: 0, out: 0 });
      }
      return named.get(name);
    };
    const made = links.map((link, k) => {
      const source = node(link[0]), target = node(link[1]), kw = link[2];
      source.out += kw;
      target.into += kw;
      const chain = [source];
      for (let column = source.column + 1; column < target.column; column++) {
        const between = { column, between: true, order: 1000 + 10 * target.column + k / 100, into: kw, out: kw };
        chain.push(between);
        (columns[column] = columns[column] || []).push(between);
      }
      chain.push(target);
      return { link, kw, kind: link[3], source, target, chain };
    });
    named.forEach((one) => (columns[one.column] = columns[one.column] || []).push(one));
    const used = columns.map((list, column) => ({ list: list || [], column })).filter((one) => one.list.some((n) => !n.between));
    const weight = (one) => Math.max(one.into, one.out);
    const spare = (list) => HEIGHT - GAP * (list.length - 1);
    const scale = Math.min(...used.map(({ list }) => spare(list) / list.reduce((sum, one) => sum + weight(one), 0)));
    used.forEach(({ list }, k) => {
      let y = TOP;
      list.sort((a, b) => a.order - b.order).forEach((one) => {
        one.x = (k / Math.max(1, used.length - 1)) * (width - 128 - NODE);
        one.y = y;
        one.height = Math.max(1, weight(one) * scale);
        one.used = { out: 0, into: 0 };
        y += one.height + GAP;
      });
    });
    const kept = new Set(used.map((one) => one.column));
    made.forEach((one) => { one.chain = one.chain.filter((n) => kept.has(n.column)); });
    return { links: made, nodes: [...named.values()], scale };
  }

  function ribbon(one, scale) {
    const thick = Math.max(0.8, one.kw * scale), up = [], down = [];
    for (let k = 0; k < one.chain.length - 1; k++) {
      const a = one.chain[k], b = one.chain[k + 1];
      const ya = a.between ? a.y : a.y + a.used.out, yb = b.between ? b.y : b.y + b.used.into;
      const xa = a.x + NODE, xb = b.x, middle = (xa + xb) / 2;
      up.push((k ? "L" : "M") + xa + " " + ya + "C" + middle + " " + ya + " " + middle + " " + yb + " " + xb + " " + yb);
      down.unshift("L" + xb + " " + (yb + thick) + "C" + middle + " " + (yb + thick) + " " + middle + " " + (ya + thick) + " " + xa + " " + (ya + thick));
    }
    one.source.used.out += one.kw * scale;
    one.target.used.into += one.kw * scale;
    return up.join("") + down.join("") + "Z";
  }

  c.sankey = function (host, facts) {
    let links = [], nodes = facts.nodes, words = "";
    host.classList.add("sankey");
    const scroll = c.html("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Power from the utility to the outdoor air" }, host);
    const stage = c.html("div", { class: "sankey-stage" }, scroll);
    const note = c.html("p", { class: "soft" }, host);

    function draw(width) {
      c.clear(stage);
      note.textContent = words;
      if (!links.length) return;
      const laid = laidOut(nodes, links, width), total = links.filter((l) => l[1] === "outdoors").reduce((sum, l) => sum + l[2], 0);
      const bottom = Math.max(...laid.nodes.map((one) => one.y + one.height), ...laid.links.flatMap((l) => l.chain.map((n) => n.y + n.height)));
      const root = c.svg("svg", { viewBox: "0 0 " + width + " " + (bottom + 8), width, height: bottom + 8, role: "img", "aria-label": laid.links.map((l) => l.source.title + " to " + l.target.title + " " + c.number(l.kw, 0) + " kW").join(", ") }, stage);
      const order = (a, b) => a.source.column - b.source.column || a.target.order - b.target.order;
      laid.links.sort((a, b) => order(a, b) || a.source.order - b.source.order).forEach((one) => {
        const path = c.svg("path", { d: ribbon(one, laid.scale), class: "flow " + one.kind }, root);
        c.tipFor(path, () => [one.source.title + " to " + one.target.title, c.withUnit(one.kw, "kW", 1) + (one.kind === "heat" ? " of heat" : " of electricity"), c.number((100 * one.kw) / total, 1) + " % of the facility"]);
      });
      laid.nodes.forEach((one) => {
        c.svg("rect", { x: one.x, y: one.y, width: NODE, height: one.height, class: "node" }, root);
        const y = one.height > 26 ? one.y + one.height / 2 : one.y - 14 + one.height / 2 + (one.height > 10 ? 12 : 6);
        c.svg("text", { x: one.x + NODE + 6, y: y - 1, class: "node-name" }, root, one.title);
        c.svg("text", { x: one.x + NODE + 6, y, dy: "1.05em", class: "node-kw" }, root, c.number(Math.max(one.into, one.out), 0) + " kW");
      });
    }
    const redraw = c.drawn(stage, draw);
    return { show(next, told, ends) { links = next || []; words = told || ""; nodes = ends || facts.nodes; redraw(); } };
  };
})(coldaisle);
