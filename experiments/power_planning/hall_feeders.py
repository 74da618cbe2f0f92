"""The power tree of a hall: the scenario's own, or one from a YAML file in which feeds may cross."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from envs.feeders.graph import Feeder, FeederGraph, Outages, Outlet, circle_of, circle_words, single_losses
from envs.feeders.limits import Limits, NestedTree, limits_of, nested_tree
from envs.plant.layout import NON_RACK_UPS_FRAC
from envs.scenario import Scenario
from envs.unknown_name import unknown_name
from envs.yaml_entry import YamlEntry, shown
from experiments.power_planning.hall_demand import HallDemand
from experiments.power_planning.promises import Promise, read_promises, with_promises

TREE_KEYS = ("feeders", "groups")
KEYS = ("limit_kw", "feeds", "standby", "may_fail")
RESERVE, REACT = "reserve", "react"
MOST_FEEDERS = 500  # every state of the tree holds a share of each for each load
MOST_SHOWN = 20  # feeders of a circle that a message names
SMALLEST_KW, LARGEST_KW = 1e-3, 1e7


class HallFeeders(NamedTuple):
    """A hall's tree with its limits, all in kW at the racks' inputs.

    Attributes
    ----------
    graph : FeederGraph
        Limits as they stand on the feeders, less what is not the racks'.
    outages : Outages
    limits : Limits
        What caps keep.
    tree : NestedTree or None
        The limits and minima where they nest, whatever is promised.
    promises : tuple of Promise
    """

    graph: FeederGraph
    outages: Outages
    limits: Limits
    tree: NestedTree | None
    promises: tuple[Promise, ...] = ()


def hall_feeders(
    scenario: Scenario,
    demand: HallDemand,
    tree_file: Path | None,
    failover: str,
    held_frac: float,
    minima_file: Path | None = None,
) -> HallFeeders:
    """Tree, outages and limits.

    Parameters
    ----------
    scenario : Scenario
    demand : HallDemand
        Gives the outlets.
    tree_file : Path, optional
        Feeders of the user's own.
    failover : str
        ``reserve``: caps hold in every state with one feeder lost; ``react``: caps fall after a loss.
    held_frac : float
        Share of each limit that caps fill.
    minima_file : Path, optional
        What classes and tenants get at least.

    Raises
    ------
    ValueError
        Where a file is wrong, or ``failover`` is unknown.
    """
    if failover not in (RESERVE, REACT):
        raise ValueError(f"failover = {failover!r} is unknown; choose {RESERVE} or {REACT}")
    feeders, fed_by = read_tree(tree_file, demand.groups) if tree_file else _own(scenario, demand)
    index = demand.outlet_group
    outlets = tuple(Outlet(name, fed_by[demand.groups[g]]) for name, g in zip(demand.outlets, index))
    try:
        graph = FeederGraph(feeders, outlets)
    except ValueError as error:
        raise ValueError(f"{tree_file}: {error}") from error
    outages = single_losses(graph)
    limits = limits_of(graph, outages, after_loss=failover == RESERVE)
    held = limits._replace(limit_kw=limits.limit_kw * held_frac)
    promises = read_promises(minima_file, demand) if minima_file else ()
    tree = nested_tree(with_promises(held, promises, np.zeros((len(outlets), 1))))
    return HallFeeders(graph, outages, held, tree, promises)


def _own(scenario: Scenario, demand: HallDemand) -> tuple[tuple[Feeder, ...], dict[str, tuple[str, ...]]]:
    """Utility, UPS units in parallel, their busbar, rows; fans and pumps on the UPS are taken off first."""
    p = scenario.power
    racks_part = 1.0 / (1.0 + float(p.pdu_loss_frac))
    other_kw = NON_RACK_UPS_FRAC * float(p.ups_limit_kw)
    paths = 2 if p.ups_dual_path else 1
    units = [f"ups {unit + 1}" for unit in range(p.ups_units * paths)]
    made = [Feeder("utility", float(p.utility_limit_kw) * racks_part, may_fail=False)]
    made += [Feeder(name, float(p.ups_unit_kw) * racks_part, ("utility",)) for name in units]
    made.append(Feeder("ups output", (float(p.ups_limit_kw) - other_kw) * racks_part, tuple(units), may_fail=False))
    rows = [f"row {row + 1}" for row in range(len(p.row_limit_kw))]
    made += [
        Feeder(name, float(kw) * racks_part, ("ups output",), may_fail=False) for name, kw in zip(rows, p.row_limit_kw)
    ]
    return tuple(made), {name: (rows[row],) for name, row in zip(demand.groups, demand.row)}


def read_tree(path: Path, groups: Sequence[str]) -> tuple[tuple[Feeder, ...], dict[str, tuple[str, ...]]]:
    """Feeders of the user's own, and those that feed each rack group.

    Parameters
    ----------
    path : Path
        A YAML file, as docs/powerplan.md shows.
    groups : sequence of str
        Rack groups of the hall.

    Raises
    ------
    ValueError
        For an unknown key, group or feeder, a wrong type, a limit out of range, or feeders that feed each other in a
        circle, naming file, line, value and mend.
    """
    top = YamlEntry.of_file(path, TREE_KEYS)
    listed, fed = top.mapping("feeders"), top.mapping("groups")
    for name in fed.raw:
        if name not in groups:
            raise fed.fault(name, unknown_name("rack group", shown(name), groups))
    if lacking := [name for name in groups if name not in fed]:
        raise top.fault("groups", f"groups {lacking} have no feeds; name the feeders of each rack group")
    return feeders_of(listed), {name: _names(fed, name, listed) for name in fed.raw}


def feeders_of(listed: YamlEntry) -> tuple[Feeder, ...]:
    """Feeders of a user's file, by their names.

    Raises
    ------
    ValueError
        As `read_tree`.
    """
    if len(listed.raw) > MOST_FEEDERS:
        raise listed.fault("", f"{len(listed.raw)} feeders; give {MOST_FEEDERS} at most, such as rows for racks")
    feeders = tuple(_feeder(name, entry, listed) for name, entry in listed.named(KEYS).items())
    if circle := circle_of({feeder.name: (*feeder.feeds, *feeder.standby) for feeder in feeders}):
        raise listed.fault(circle[0], circle_words([shown(name) for name in circle[:MOST_SHOWN]]))
    return feeders


def _feeder(name: str, entry: YamlEntry, listed: YamlEntry) -> Feeder:
    limit_kw = entry.number("limit_kw", None, SMALLEST_KW, LARGEST_KW)
    feeds, standby = (_names(entry, key, listed) if key in entry else () for key in ("feeds", "standby"))
    return Feeder(name, limit_kw, feeds, standby, entry.truth("may_fail", True))


def _names(entry: YamlEntry, key: str, listed: YamlEntry) -> tuple[str, ...]:
    names = entry.texts(key)
    for name in names:
        if name not in listed:
            raise entry.fault(key, unknown_name("feeder", shown(name), listed.raw))
    if len(set(names)) < len(names):
        raise entry.refused(key, "name each feeder once")
    return tuple(names)
