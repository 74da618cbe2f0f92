"""Pages of what stands between plant and agent: names, channels, points, terms and constraints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from typing import Any

import numpy as np

from envs.interface.channel import ENCODINGS, KINDS, NEEDS, Channel
from envs.interface.channels import CHANNELS
from envs.interface.points import POINTS, Point
from envs.interface.reward import TERMS, RewardConfig
from envs.plant.layout import Layout
from envs.scenario import SHIPPED, Scenario, load
from scripts.reference.markdown import code, columns, number, page, prose, shown, span, table

CONSTRAINTS = "envs.interface.constraints"

SUFFIXES = {
    "_c": "degC, a temperature",
    "_k": "K, a difference of temperatures",
    "_kw": "kW",
    "_kwh": "kWh",
    "_kg": "kg",
    "_kg_s": "kg/s",
    "_m3_s": "m3/s",
    "_pa": "Pa",
    "_kpa": "kPa",
    "_s": "s",
    "_h": "h",
    "_frac": "1, a share from 0 to 1 and never percent",
    "_share": "1, a power over the rated IT power of the site, or of the row",
    "_usd": "USD",
    "_usd_mwh": "USD/MWh",
    "_g_kwh": "g/kWh",
}
STEMS = {
    "crah": "computer-room air handler, a room unit",
    "chw": "chilled water",
    "cw": "condenser water",
    "fws": "facility water, between the coolant loop and what rejects its heat",
    "tcs": "technology coolant, which reaches the racks",
    "cdu": "coolant distribution unit, the heat exchanger between `fws` and `tcs`",
    "dx": "direct expansion, a room unit with a compressor of its own",
    "it": "the racks, their fans and power supplies included",
    "ups": "uninterruptible power supply",
    "pdu": "power distribution unit",
    "dr": "demand response",
}


def nomenclature() -> str:
    """Names, units, symbols, and the terms of other vocabularies."""
    names = [*CHANNELS.values(), *POINTS]
    known = [x for x in names if x.symbol or x.guideline_36 or x.brick]
    return page(
        "Nomenclature",
        prose("A name says what, where, which quantity and in which unit: `chw_supply_temp_setpoint_c`. There is one "
              "unit for each quantity in the whole house. Power drawn is positive; charging a battery is positive."),
        "## Units, by the end of a name",
        table(("ends in", "unit"), ((code(k), v) for k, v in SUFFIXES.items())),
        "## Stems",
        table(("stem", "means"), ((code(k), v) for k, v in STEMS.items())),
        "## What a channel or a point may need",
        table(("name", "the site has"), ((code(k), v) for k, v in NEEDS.items())),
        "## Symbols and other vocabularies",
        prose("Terms are those of ASHRAE Guideline 36, classes those of the Brick schema. A dash means that none fits. "
              "What is not listed has neither; [channels](channels.md) and [points](points.md) have every name."),
        table(("name", "symbol", "Guideline 36 term", "Brick class"),
              ((code(x.name), x.symbol, x.guideline_36, code(x.brick)) for x in known)),
    )  # fmt: skip


def channels() -> str:
    """Every channel, and what each shipped scenario makes of it."""
    rows = CHANNELS.values()
    sites = {name: load(name) for name in SHIPPED}
    return page(
        "Channels",
        prose("A channel is what an agent or the building may move. The table is `envs/interface/channels.py`; a "
              "channel is one row of it. Values are in the unit of the name's end."),
        table(("name", "sets", "per", "range", "unit", "largest change in 300 s, down / up", "deadband", "needs"),
              ((code(c.name), c.meaning, c.per, c.limited_by and f"as {code(c.limited_by)}" or span(c.low, c.high),
                c.unit, f"{_slew(c.slew_down)} / {_slew(c.slew_up)}", number(c.deadband), code(c.needs))
               for c in rows)),
        "## Where a channel stands",
        prose("The first value is a number, or the constant of the building's rule that is named. Where neither an "
              "agent nor a control loop holds the channel, it stays there for the whole episode."),
        table(("name", "kind", "first value", "does nothing at", "as found", "while telemetry is replayed",
               "possible in a scenario"),
              ((code(c.name), c.kind, code(c.start) if isinstance(c.start, str) else number(c.start), _maybe(c.idle),
                "lowest" if c.as_found is None else number(c.as_found),
                "as logged" if c.replayed_at is None else number(c.replayed_at), c.possible and span(*c.possible) or "")
               for c in rows)),
        "\n".join(f"- `{kind}`: {words}." for kind, words in KINDS.items()),
        "## In the shipped scenarios",
        prose("The range of each scenario; **bold** where its agent holds the channel by default. A dash means that "
              "the site lacks the machine."),
        table(("name", *map(code, SHIPPED)), ((code(c.name), *(_in_site(s, c) for s in sites.values())) for c in rows)),
        "## From the action box",
        prose("Each element of an action lies in [-1, 1]. A scenario chooses the encoding of a channel with "
              "`encodings`; without a word it is `absolute`."),
        table(("encoding", "an element", "for"),
              ((code(name), words, ", ".join(code(c.name) for c in rows if name in c.encodings))
               for name, words in ENCODINGS.items())),
        "## Columns",
        columns(Channel),
    )  # fmt: skip


def _in_site(scenario: Scenario, channel: Channel) -> str:
    there = Layout(scenario, np.dtype("float64")).channels.get(channel.name)
    if there is None:
        return ""
    text = span(there.low, there.high)
    return f"**{text}**" if channel.name in scenario.agent_channels else text


def _slew(value: float) -> str:
    return "free" if value == float("inf") else number(value)


def _maybe(value: float | None) -> str:
    return "" if value is None else number(value)


def points() -> str:
    """Every point."""
    rows = ((code(p.name), p.meaning, p.per, span(p.low, p.high), p.unit, p.sensor, code(p.needs),
             "yes" if p.observed else "rules only") for p in POINTS)  # fmt: skip
    heads = ("name", "is", "per", "range", "unit", "sensor", "needs", "observed by agents")
    return page(
        "Points",
        prose("A point is what is measured once in a control step. The table is `envs/interface/points.py`. The range "
              "maps to -1..1 in an observation, where values beyond it are clipped. Rules get every point in physical "
              "units. After these, each channel adds a point `in_force.<channel>`: the setpoint in force."),
        table(heads, rows),
        "## Columns",
        columns(Point),
    )  # fmt: skip


def terms() -> str:
    """Every term of the reward, with its prices."""
    prices = {f.name: f for f in fields(RewardConfig)}
    used = [name for term in TERMS for name in term.prices]
    rows = []
    for name in dict.fromkeys(used):
        spec = prices[name].metadata
        paid = [t.name for t in TERMS if name in t.prices]
        rows.append((code(f"reward.{name}"), number(prices[name].default), span(spec["low"], spec["high"]),
                     spec["unit"], ", ".join(map(code, paid)), spec["source"]))  # fmt: skip
    scale = prices["scale_usd"]
    return page(
        "Terms of the reward",
        prose("The reward of a step is minus the sum of these costs, each times its weight, over "
              f"`reward.scale_usd` ({number(scale.default)} USD). Every term is in USD. The table is "
              "`envs/interface/reward.py`."),
        table(("term", "what costs", "prices and limits"),
              ((code(t.name), t.meaning, ", ".join(code(p) for p in t.prices)) for t in TERMS)),
        "## Prices and limits",
        prose("A scenario changes a price with `reward.<name>` and a term's weight with `reward_weights.<term>`. A "
              "weight of 0 takes the term out of the reward; it is still reported."),
        table(("key", "default", "range", "unit", "terms", "source"), rows),
    )  # fmt: skip


def constraints() -> str:
    """Every constraint."""
    rows: Any = import_module(CONSTRAINTS).CONSTRAINTS
    rows = list(rows.values() if isinstance(rows, Mapping) else rows)
    hard = import_module(CONSTRAINTS).HARD_LIMITS
    names = [f.name for f in fields(rows[0])]
    literal = {"name", "flow", "limit"}
    cells = (
        [code(str(v)) if n in literal else "any" if v == float("inf") else shown(v) if v != "" else ""
         for n, v in ((n, getattr(row, n)) for n in names)] for row in rows
    )  # fmt: skip
    return page(
        "Constraints",
        prose("A constraint is what must not happen, whatever it would earn. The table is "
              "`envs/interface/constraints.py`; gates of a report and searches read the same rows."),
        table([name.replace("_", " ") for name in names], cells),
        "## Columns",
        columns(type(rows[0])),
        "## Hard limits",
        prose("What must not be passed at any moment. The shield keeps these; each stands behind a row above."),
        table(("name", "backs", "flow", "limit", "unit", "margin", "longest s", "levers"),
              ((code(h.name), code(h.backs), code(h.flow), code(h.limit) if h.limit else shown(h.value), h.unit,
                shown(h.margin), shown(h.longest_s), ", ".join(h.levers)) for h in hard)),
        columns(type(hard[0])),
    )  # fmt: skip
