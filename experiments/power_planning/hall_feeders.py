"""The power tree of a hall: the scenario's own, or one from a YAML file in which feeds may cross."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from envs.feeders.graph import Feeder, FeederGraph, Outages, Outlet, single_losses
from envs.feeders.limits import Limits, NestedTree, limits_of, nested_tree
from envs.plain_yaml import read_mapping
from envs.plant.layout import NON_RACK_UPS_FRAC
from envs.scenario import Scenario
from experiments.power_planning.hall_demand import HallDemand

KEYS = ("limit_kw", "feeds", "standby", "may_fail")
RESERVE, REACT = "reserve", "react"


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
        The limits where they nest.
    """

    graph: FeederGraph
    outages: Outages
    limits: Limits
    tree: NestedTree | None


def hall_feeders(
    scenario: Scenario, demand: HallDemand, tree_file: Path | None, failover: str, held_frac: float
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

    Raises
    ------
    ValueError
        Where the file is wrong, or ``failover`` is unknown.
    """
    if failover not in (RESERVE, REACT):
        raise ValueError(f"failover = {failover!r} is unknown; choose {RESERVE} or {REACT}")
    feeders, fed_by = _read(tree_file, demand) if tree_file else _own(scenario, demand)
    index = demand.outlet_group
    outlets = tuple(Outlet(name, fed_by[demand.groups[g]]) for name, g in zip(demand.outlets, index))
    graph = FeederGraph(feeders, outlets)
    outages = single_losses(graph)
    limits = limits_of(graph, outages, after_loss=failover == RESERVE)
    held = limits._replace(limit_kw=limits.limit_kw * held_frac)
    return HallFeeders(graph, outages, held, nested_tree(held))


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


def _read(path: Path, demand: HallDemand) -> tuple[tuple[Feeder, ...], dict[str, tuple[str, ...]]]:
    content = read_mapping(path)
    for key in ("feeders", "groups"):
        if not isinstance(content.get(key), Mapping):
            raise ValueError(f"{path}: no mapping {key!r}; give one, see docs/powerplan.md")
    feeders = tuple(_feeder(path, str(name), entry) for name, entry in content["feeders"].items())
    groups = {str(name): _names(path, f"groups.{name}", feeds) for name, feeds in content["groups"].items()}
    lacking = [name for name in demand.groups if name not in groups]
    if lacking:
        raise ValueError(f"{path}: groups {lacking} have no feeds; name the feeders of each rack group under groups")
    return feeders, groups


def _feeder(path: Path, name: str, entry: Any) -> Feeder:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("limit_kw"), (int, float)):
        raise ValueError(f"{path}, feeder {name!r}: limit_kw is no number; give the power it may carry [kW]")
    unknown = sorted(set(map(str, entry)) - set(KEYS))
    if unknown:
        raise ValueError(f"{path}, feeder {name!r}: keys {unknown} are unknown; choose from {', '.join(KEYS)}")
    feeds, standby = (_names(path, f"feeders.{name}.{key}", entry.get(key, [])) for key in ("feeds", "standby"))
    return Feeder(name, float(entry["limit_kw"]), feeds, standby, bool(entry.get("may_fail", True)))


def _names(path: Path, where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(x, str) for x in value):
        raise ValueError(f"{path}, {where} = {value!r}; give a list of feeders' names, such as [ups a, ups b]")
    return tuple(value)
