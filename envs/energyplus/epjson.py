"""Pieces of an epJSON model: objects, branches and loops as plain dicts ``{type: {name: {field: value}}}``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Model = dict[str, dict[str, dict[str, Any]]]

ALWAYS_ON = "Always On"


class Part(NamedTuple):
    """A component on a branch: its EnergyPlus type, its name and the nodes before and behind it."""

    kind: str
    name: str
    inlet: str
    outlet: str


def single_object(kind: str, name: str, **fields: Any) -> Model:
    """A model of one object."""
    return {kind: {name: fields}}


def merged_models(*models: Model) -> Model:
    """All objects of several models.

    Raises
    ------
    ValueError
        Where two of them define the same object.
    """
    whole: Model = {}
    for model in models:
        for kind, objects in model.items():
            there = whole.setdefault(kind, {})
            twice = there.keys() & objects.keys()
            if twice:
                raise ValueError(f"{kind} {sorted(twice)} is defined twice; give each object its own name")
            there.update(objects)
    return whole


def branch(name: str, parts: Sequence[Part]) -> Model:
    """A branch with its components in the direction of flow."""
    components = [
        {
            "component_object_type": p.kind,
            "component_name": p.name,
            "component_inlet_node_name": p.inlet,
            "component_outlet_node_name": p.outlet,
        }
        for p in parts
    ]
    return single_object("Branch", name, components=components)


def pipe(name: str, inlet: str, outlet: str) -> tuple[Part, Model]:
    """A pipe without losses: bypasses and the ends of loop sides."""
    part = Part("Pipe:Adiabatic", name, inlet, outlet)
    return part, single_object("Pipe:Adiabatic", name, inlet_node_name=inlet, outlet_node_name=outlet)


def loop_side(prefix: str, first: Sequence[Part], middle: Iterable[tuple[str, Sequence[Part]]]) -> Model:
    """One side of a water loop: an inlet branch, parallel branches with a bypass, an outlet pipe.

    Names that follow from ``prefix``: ``<prefix> Branches``, ``<prefix> Connectors``, outlet node ``<prefix> Outlet``.
    ``first`` may be empty; then a pipe from ``<prefix> Inlet`` stands there.
    """
    made: list[Model] = []
    if not first:
        part, model = pipe(f"{prefix} Inlet Pipe", f"{prefix} Inlet", f"{prefix} Split")
        first, made = [part], [model]
    bypass, bypass_model = pipe(f"{prefix} Bypass Pipe", f"{prefix} Bypass In", f"{prefix} Bypass Out")
    last, last_model = pipe(f"{prefix} Outlet Pipe", f"{prefix} Joined", f"{prefix} Outlet")
    parallel = [*middle, (f"{prefix} Bypass", [bypass])]
    names = [name for name, _ in parallel]
    begin, end = f"{prefix} Inlet Branch", f"{prefix} Outlet Branch"
    made += [bypass_model, last_model, branch(begin, first), branch(end, [last])]
    made += [branch(name, parts) for name, parts in parallel]
    made += [
        single_object("BranchList", f"{prefix} Branches", branches=[{"branch_name": n} for n in (begin, *names, end)]),
        single_object(
            "Connector:Splitter",
            f"{prefix} Splitter",
            inlet_branch_name=begin,
            branches=[{"outlet_branch_name": n} for n in names],
        ),
        single_object(
            "Connector:Mixer",
            f"{prefix} Mixer",
            outlet_branch_name=end,
            branches=[{"inlet_branch_name": n} for n in names],
        ),
        single_object(
            "ConnectorList",
            f"{prefix} Connectors",
            connector_1_object_type="Connector:Splitter",
            connector_1_name=f"{prefix} Splitter",
            connector_2_object_type="Connector:Mixer",
            connector_2_name=f"{prefix} Mixer",
        ),
    ]
    return merged_models(*made)


def schedule(name: str, value: float) -> Model:
    """A schedule that keeps one value until something sets it."""
    return single_object("Schedule:Constant", name, hourly_value=value)


def biquadratic(name: str, c: Sequence[float], x: Sequence[float], y: Sequence[float]) -> Model:
    """``c0 + c1 x + c2 x^2 + c3 y + c4 y^2 + c5 x y``; EnergyPlus holds x and y at the ends of their ranges."""
    keys = ("constant", "x", "x_2", "y", "y_2", "x_y")
    fields = {f"coefficient{i + 1}_{key}": float(v) for i, (key, v) in enumerate(zip(keys, c, strict=True))}
    box = {
        "minimum_value_of_x": x[0],
        "maximum_value_of_x": x[1],
        "minimum_value_of_y": y[0],
        "maximum_value_of_y": y[1],
    }
    return single_object("Curve:Biquadratic", name, **fields, **box)


def quadratic(name: str, c: Sequence[float], x: Sequence[float]) -> Model:
    """``c0 + c1 x + c2 x^2`` in a range of x."""
    keys = ("constant", "x", "x_2")
    fields = {f"coefficient{i + 1}_{key}": float(v) for i, (key, v) in enumerate(zip(keys, c, strict=True))}
    return single_object("Curve:Quadratic", name, **fields, minimum_value_of_x=x[0], maximum_value_of_x=x[1])


def power_law(name: str, exponent: float, x: Sequence[float]) -> Model:
    """``x^exponent`` in a range of x."""
    return single_object(
        "Curve:Exponent",
        name,
        coefficient1_constant=0.0,
        coefficient2_constant=1.0,
        coefficient3_constant=exponent,
        minimum_value_of_x=x[0],
        maximum_value_of_x=x[1],
    )
