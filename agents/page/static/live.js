/* The live page: facts once, then a frame for each step from the stream; the last day grows here, too. */
"use strict";
(async function (c) {
  const at = (id) => document.getElementById(id), STALE_MS = 25000;
  const GAP = 2.5; /* steps between two rows from which on nothing is drawn between them */
  const facts = await (await fetch("/facts")).json();
  at("title").textContent = facts.title;
  at("source").textContent = facts.source;
  document.title = facts.title;
  const plan = c.plan(at("plan"), facts), sankey = c.sankey(at("sankey"), facts);
  const day = { time: [], series: {} }, most = Math.min(1440, Math.round(86400 / facts.step_s));
  const word = c.word(facts);
  let chart = null, last = 0;

  function tiles(view) {
    const t = view.totals, o = view.outside || {};
    const made = [
      ["Facility", t.facility_power_kw, "kW", "all that the site draws"],
      ["IT", t.it_power_kw, "kW", t.pue ? "PUE " + c.number(t.pue, 3) : ""],
      ["Cooling", t.cooling_power_kw, "kW", t.it_power_kw ? c.number((100 * t.cooling_power_kw) / t.it_power_kw, 1) + " % of IT" : ""],
      ["Warmest inlet", t.worst_inlet_c, "degC", "up to " + c.number(t.inlet_limit_c, 1) + " recommended"],
      ["Hottest chip", t.chip_max_c, "degC", t.tcs_supply_c ? "coolant " + c.number(t.tcs_supply_c, 1) + " degC" : ""],
      ["Outside", o.dry_bulb_c, "degC", Number.isFinite(o.wet_bulb_c) ? "wet bulb " + c.number(o.wet_bulb_c, 1) + " degC" : ""],
      ["Energy price", o.price_usd_mwh, "USD/MWh", Number.isFinite(o.carbon_g_kwh) ? c.number(o.carbon_g_kwh, 0) + " g CO2/kWh" : ""],
    ].filter((one) => one[1] !== null && one[1] !== undefined);
    const host = c.clear(at("tiles"));
    made.forEach(([name, value, unit, words]) => {
      const tile = c.html("div", { class: "tile" }, host);
      c.html("span", {}, tile, name);
      const big = c.html("b", {}, tile, c.number(value, unit === "degC" ? 1 : 0) + " ");
      c.html("small", {}, big, unit);
      c.html("span", {}, tile, words);
    });
  }

  const words = (name) => name.replace(/_(c|frac|kw)$/, "").replace(/_/g, " ");
  function advice(rows) {
    const body = c.clear(at("advice").tBodies[0]);
    rows.forEach((row) => {
      const line = c.html("tr", row.why ? { class: "has-why" } : {}, body);
      const name = words(row.name) + (row.rows > 1 ? " " + (row.per || "") + " " + row.row : "");
      const cell = (v) => (v === null || v === undefined ? "" : row.unit === "1" ? c.number(100 * v, 0) : c.number(v, 1));
      const first = c.html("td", { title: row.meaning || row.name }, line, name + " ");
      c.html("span", { class: "unit" }, first, "[" + (row.unit === "1" ? "%" : row.unit) + "]");
      c.html("td", {}, line, cell(row.in_force));
      c.html("td", row.moves ? { class: "moves" } : {}, line, cell(row.advised));
      c.html("td", {}, line, cell(row.rule));
      if (row.why) c.html("td", { colspan: 4 }, c.html("tr", { class: "why" }, body), row.why);
    });
  }

  function remarks(list) {
    const host = c.clear(at("remarks"));
    (list.length ? list : [{ level: "good", words: "Nothing to report: no limit spoke." }]).forEach((one) => {
      const item = c.html("li", { class: one.level }, host);
      c.html("span", {}, item, one.words);
    });
  }

  function rules(told) {
    const host = c.clear(at("rules"));
    if (!told) { c.html("p", { class: "soft" }, host, "Not known here: only a simulated hall can be played twice."); return; }
    c.html("p", { class: told.level }, host, told.words);
    if (!told.rows.length) return;
    const table = c.html("table", {}, c.html("div", { class: "scroll" }, host));
    const head = c.html("tr", {}, c.html("thead", {}, table));
    ["", "here", "rules"].forEach((word) => c.html("th", {}, head, word));
    const body = c.html("tbody", {}, table);
    told.rows.forEach((row) => {
      const line = c.html("tr", {}, body);
      c.html("td", {}, line, row.name);
      c.html("td", {}, line, c.withUnit(row.here, row.unit, row.digits));
      c.html("td", {}, line, c.withUnit(row.rules, row.unit, row.digits));
    });
  }

  const value = (v) => (v === null || v === undefined ? NaN : v);
  function keep(rows, begins) {
    if (begins) { day.time = []; day.series = {}; }
    const before = day.time.length;
    day.time.push(...rows.time_s);
    for (const [key, list] of Object.entries(rows.series)) {
      if (!day.series[key]) day.series[key] = new Array(before).fill(NaN);
      day.series[key].push(...list.map(value));
    }
    let spare = Math.max(0, day.time.length - most);
    while (day.time[spare] <= day.time[day.time.length - 1] - 86400) spare += 1;
    day.time.splice(0, spare);
    for (const list of Object.values(day.series)) {
      while (list.length < day.time.length + spare) list.push(NaN);
      list.splice(0, spare);
    }
  }

  /* The moments that are drawn: each row's, the steps to come, and two without a value in a gap, one at either end. */
  function moments() {
    const step = facts.step_s, made = { time: [], row: [] };
    const put = (time, row) => { made.time.push(time); made.row.push(row); };
    day.time.forEach((time, i) => {
      const before = i ? day.time[i - 1] : time;
      if (time - before > GAP * step) { put(before + step, -1); put(time - step, -1); }
      put(time, i);
    });
    for (let k = 1; k <= facts.ahead; k++) put(day.time[day.time.length - 1] + k * step, -1);
    return made;
  }
  /* A band was foretold `ahead` steps before: it is drawn at the moment that it was told of. */
  function foretold(key, shown) {
    const list = day.series[key] || [], times = shown.time, made = new Float64Array(times.length).fill(NaN), half = 0.5 * facts.step_s;
    let k = 0;
    for (let i = 0; i < list.length; i++) {
      const time = day.time[i] + facts.ahead * facts.step_s;
      while (k < times.length && times[k] < time - half) k += 1;
      if (k < times.length && times[k] <= time + half) made[k] = list[i];
    }
    return made;
  }
  function panels(shown) {
    const whole = (key) => Float64Array.from(shown.row, (i) => (i < 0 ? NaN : day.series[key][i]));
    return facts.panels.map((panel) => ({
      title: panel.title, unit: panel.unit, limits: panel.limits, key: true,
      lines: panel.lines.filter((line) => day.series[line.key]).map((line) => ({ name: line.name, colour: line.colour, values: whole(line.key) })),
      bands: panel.bands.filter((band) => day.series[band.key + ".low"]).map((band) => ({ name: band.name, colour: band.colour, low: foretold(band.key + ".low", shown), high: foretold(band.key + ".high", shown) })),
    }));
  }
  function drawDay() {
    if (day.time.length < 2) return;
    const shown = moments(), count = shown.time.length;
    const x = { kind: "time", sinceEpoch: facts.since_epoch, count, at: (i) => shown.time[i] };
    const spec = { x, now: count - 1 - facts.ahead, panels: panels(shown) };
    if (!chart) chart = c.lines(at("day"), { label: "The last day", ...spec });
    else if (!chart.zoomed()) chart.update(spec);
  }

  /* Below the headline: since when the loop has let go, and whose the setpoints are that somebody else holds. */
  function banner(frame) {
    const host = c.clear(at("why"));
    if (frame.since_s) c.html("li", {}, host, "Let go since " + c.clock(frame.since_s, facts.since_epoch) + ".");
    (frame.taken || []).forEach((one) => {
      const name = words(one.name) + (one.rows > 1 ? " " + (one.per || "") + " " + one.row : "");
      c.html("li", { class: "taken" }, host, "Held by somebody else: " + name + " at " + c.withUnit(one.value, one.unit) + (one.how ? " (" + one.how + ")" : "") + ", seen at " + c.clock(one.since_s, facts.since_epoch) + ".");
    });
    host.hidden = !host.childNodes.length;
  }

  function show(frame) {
    at("clock").textContent = c.clock(frame.time_s, facts.since_epoch);
    at("verdict").className = "verdict " + frame.level;
    if (at("headline").textContent !== frame.headline) at("headline").textContent = frame.headline;
    at("mode").textContent = frame.mode;
    banner(frame);
    tiles(frame.view);
    plan.show(frame.view);
    advice(frame.advice);
    remarks(frame.remarks);
    rules(frame.rules);
    word.show(frame);
    at("power").hidden = !(frame.view.links || []).length;
    const up = frame.view.taken_up_kw;
    const whose = frame.view.by_twin ? "As the loop's twin sees it, under the setpoints in force. " : "";
    sankey.show(frame.view.links, up === null || up === undefined ? "" : whose + "Heat is followed as if nothing were stored; air, water and walls " + (up >= 0 ? "take up " : "give back ") + c.number(Math.abs(up), 0) + " kW at this moment.", frame.view.nodes);
  }

  let waiting = null, drawing = false;
  function soon() {
    if (drawing || document.hidden) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      if (waiting) { show(waiting); drawDay(); waiting = null; judge(); }
    });
  }
  const state = (words, level) => { at("link").textContent = words; at("link").className = "pill " + level; document.body.classList.toggle("stale", level === "bad"); };

  const source = new EventSource("/events");
  source.onmessage = (event) => {
    const news = JSON.parse(event.data);
    last = Date.now() - 1000 * Math.max(0, news.now_s - news.frame.written_s);
    state("live", "good");
    keep(news.rows, news.begins);
    waiting = news.frame;
    soon();
  };
  source.onerror = () => state("no connection, trying again", "bad");
  document.addEventListener("visibilitychange", soon);
  /* A source that has fallen silent is told by its own clock, also to whoever opens the page late. */
  function judge() {
    if (!last || Date.now() - last <= STALE_MS + 1500 * facts.step_s) return;
    state("silent for " + Math.round((Date.now() - last) / 1000) + " s", "bad");
    at("verdict").className = "verdict bad";
    at("headline").textContent = "Nothing has been heard since " + new Date(last).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) + ". The numbers below are old.";
  }
  setInterval(judge, 2000);
  window.coldaisleDay = day;
})(coldaisle);
