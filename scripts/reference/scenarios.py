"""The page of scenarios: those that are shipped, and every parameter that one may set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from importlib import resources
from typing import Any, get_args, get_type_hints

import yaml

from envs.scenario import SHIPPED, Scenario, load
from experiments.keys import parameter_groups
from scripts.reference.markdown import attribute_meanings, code, number, page, prose, shown, span, summary, table

#: Told elsewhere than in the table of values that scenarios set.
REQUIRED = "required"
ELSEWHERE = ("name", "racks", "agent_channels", "channel_ranges", "encodings", "reach_frac", "legacy_setpoints")


def scenarios() -> str:
    """The shipped scenarios, and every parameter that a scenario may set."""
    sites = {name: load(name) for name in SHIPPED}
    blocks = [
        prose("A scenario is one site: its machines, signals, rules, prices and the length of its episodes. Write a "
              "YAML file of the same keys for your own, or change one key on the command line: "
              "`scenario.tower.cells=3`. A machine whose key is absent, or `null`, is not there."),
        prose("A file with the key `base` starts from that scenario and says what differs. Below, \"set by\" lists "
              "what each file itself says."),
        "## Shipped",
        table(("scenario", "what it is"), ((code(name), _headline(name)) for name in SHIPPED)),
        prose("Which channels each has, and in which range: [channels](channels.md)."),
        "## Racks of the shipped scenarios",
        table(("scenario", "group", "archetype", "count", "zone", "row", "workload", "priority", "breaker kW"),
              ((code(name), code(key), code(g.archetype), str(g.count), str(g.zone), str(g.row), g.workload,
                str(g.priority), number(g.breaker_kw)) for name, s in sites.items() for key, g in s.racks.items())),
    ]  # fmt: skip
    for path, cls in parameter_groups(Scenario):
        blocks += [f"## {code(path) if path else 'The scenario itself'}", summary(cls), _parameters(path, cls, sites)]
    return page("Scenarios", *blocks)


def _headline(name: str) -> str:
    text = resources.files("configs").joinpath("scenario", f"{name}.yaml").read_text(encoding="utf-8")
    return text.split("\n", 1)[0].removeprefix("# ").removesuffix(".")


def _parameters(path: str, cls: type, sites: Mapping[str, Scenario]) -> str:
    """Table of the plain parameters of one group."""
    means, hints = attribute_meanings(cls), get_type_hints(cls)
    rows = []
    for spec in fields(cls):
        if any(isinstance(p, type) and is_dataclass(p) for p in (hints[spec.name], *get_args(hints[spec.name]))):
            continue
        data = spec.metadata
        limits = span(data["low"], data["high"]) if data else ""
        rows.append((code(spec.name), shown(_default(path, spec)), limits, data.get("unit", ""),
                     _set_by(path, spec.name, sites), data.get("source", ""), means.get(spec.name, "")))  # fmt: skip
    heads = ("key", "default", "range", "unit", "set by", "source", "meaning")
    used = [k for k in range(len(heads)) if k < 2 or any(row[k] for row in rows)]
    return table([heads[k] for k in used], ([row[k] for k in used] for row in rows)) if rows else ""


def _default(path: str, spec: Any) -> Any:
    """What holds where a scenario says nothing: what the group's owner gives, else the class's own."""
    owner = _owner(path)
    if owner is not None:
        return getattr(owner, spec.name)
    if spec.default is MISSING and spec.default_factory is MISSING:
        return REQUIRED
    return spec.default if spec.default is not MISSING else spec.default_factory()


def _owner(path: str) -> Any:
    """The group as a scenario that says nothing has it; None where it has none."""
    first, *rest = path.split(".")
    made = {f.name: f.default_factory for f in fields(Scenario)}.get(first, MISSING)
    found: Any = made() if callable(made) else None
    for name in rest:
        found = getattr(found, name, None)
    return found if is_dataclass(found) else None


def _set_by(path: str, key: str, sites: Mapping[str, Scenario]) -> str:
    """Scenarios whose file sets the key, with their values."""
    if not path and key in ELSEWHERE:
        return ""
    found = []
    for name in sites:
        for where, value in _written(_file(name), path.split(".") if path else []):
            if isinstance(value, Mapping) and key in value:
                label = f"`{name}` {where}".strip()
                found.append(f"{label}: {shown(value[key])}")
    return "; ".join(found) if not path.startswith("racks") else ""


def _file(name: str) -> dict[str, Any]:
    text = resources.files("configs").joinpath("scenario", f"{name}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def _written(tree: Any, path: Sequence[str], label: str = "") -> Iterator[tuple[str, Any]]:
    """Branches of a file at a path, with the names that ``*`` stands for."""
    if not path:
        yield label, tree
    elif path[0] == "*" and isinstance(tree, Mapping):
        for name, branch in tree.items():
            yield from _written(branch, path[1:], f"{label} {name}".strip())
    elif isinstance(tree, Mapping) and path[0] in tree:
        yield from _written(tree[path[0]], path[1:], label)
