/* The figures of an evaluation, from the data that the page carries. */
"use strict";
(function (c) {
  const data = JSON.parse(document.getElementById("figures").textContent);
  const at = (id) => document.getElementById(id);
  const colour = (name) => data.colours[name], dash = (name) => data.dashes[name] || null;
  const shown = c.choice(data.policies, data.shown);
  const series = {};
  for (const [name, packed] of Object.entries(data.series)) series[name] = c.unpacked(packed);

  c.legend(at("legend"), shown, colour, dash);
  c.intervals(at("savings"), { label: "Energy saved per useful work", axis: "saved [%], IQM and 95 % interval", rows: data.savings.map((row) => ({ ...row, colour: colour(row.name) })) });

  const lineOf = (name, key, width) => ({ name, group: name, colour: colour(name), dash: dash(name), width, values: series[name + "|" + key] });
  const perPolicy = (key, width) => data.policies.filter((name) => series[name + "|" + key]).map((name) => lineOf(name, key, width));
  function rowsOf(channel) {
    return data.policies.flatMap((name) => {
      const found = [];
      for (let row = 0; series[name + "|" + channel + "|" + row]; row++) found.push(lineOf(name, channel + "|" + row, row ? 0.8 : 1.6));
      return found;
    });
  }
  const outside = data.outside.map((one) => ({ name: one.name, colour: one.colour, values: series["outside|" + one.key] })).filter((line) => line.values);
  const weather = outside.length ? [{ title: "Weather", unit: "degC", key: true, lines: outside }] : [];
  const price = series["outside|price_usd_mwh"] ? [{ title: "Price of energy", unit: "USD/MWh", height: 96, lines: [{ name: "price", colour: "var(--soft)", values: series["outside|price_usd_mwh"] }] }] : [];
  let stacked = data.stacked;
  const parts = () => ({ title: "Power above IT by consumer, " + stacked, unit: "kW", stack: true, lines: data.consumers.map((part) => ({ name: part.name, colour: part.colour, values: series[stacked + "|consumer|" + part.name] })).filter((line) => line.values) });
  const panels = () => [
    ...weather, ...price,
    { title: "IT load", unit: "kW", lines: perPolicy("it_power_kw") },
    { title: "Facility power", unit: "kW", lines: perPolicy("facility_power_kw") },
    { title: "Warmest rack inlet", unit: "degC", lines: perPolicy("worst_inlet_c"), limits: data.limits },
    ...(stacked ? [parts()] : []),
    ...data.channels.map((channel) => ({ title: channel.title, unit: channel.unit, lines: rowsOf(channel.key) })),
  ];
  const axis = { kind: "time", count: data.count, at: (i) => i * data.step_s };
  const story = c.lines(at("story"), { label: "One episode over time", x: axis, chosen: shown, panels: panels() });
  const pick = at("stacked");
  data.policies.filter((name) => series[name + "|consumer|" + data.consumers[0].name]).forEach((name) => c.html("option", { value: name }, pick, name));
  pick.value = stacked;
  pick.addEventListener("change", () => { stacked = pick.value; story.update({ panels: panels() }); });
  const key = c.html("div", { class: "legend plain" }, at("consumers"));
  data.consumers.forEach((part) => {
    const one = c.html("span", { class: "key" }, key);
    c.html("i", { class: "swatch", style: "background:" + part.colour }, one);
    one.appendChild(document.createTextNode(part.name));
  });

  const share = { kind: "number", unit: "%", count: data.quantiles, at: (i) => (100 * i) / (data.quantiles - 1) };
  c.lines(at("durations"), {
    label: "Duration curves of all episodes", x: share, chosen: shown,
    panels: [
      { title: "Warmest inlet that is exceeded", unit: "degC", height: 190, lines: perPolicy("inlet_duration"), limits: data.limits },
      { title: "Facility power that is exceeded", unit: "kW", height: 190, lines: perPolicy("power_duration") },
    ],
  });
  c.partBars(at("means"), { label: "Mean power by consumer", axis: "mean power above IT [kW]", unit: "kW", parts: data.consumers, rows: data.means });
  c.dots(at("excess"), { label: "Degree-minutes over the inlet limit", axis: "degree-minutes, worst rack [K min]", unit: "K min", places: data.places, rows: data.excess.map((row) => ({ ...row, colour: colour(row.name) })) });
  c.dots(at("violations"), { label: "Control steps with a violation", axis: "control steps [number]", unit: "steps", places: data.places, rows: data.violations.map((row) => ({ ...row, colour: colour(row.name) })) });
})(coldaisle);
