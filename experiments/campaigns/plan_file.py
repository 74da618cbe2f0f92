"""The YAML file of a campaign's plan, read strictly: nothing in it is ignored, and nothing wrong begins to run."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from envs.scenario import Scenario
from envs.unknown_name import unknown_name
from envs.yaml_entry import YamlEntry
from experiments.campaigns.plan import NOMINAL, Entry, Plan, Variant
from experiments.campaigns.scaled import require_parameter
from experiments.evaluation.splits import SPLITS

MACHINES = tuple(spec.name for spec in fields(Scenario) if spec.default is None)
KEYS = tuple(spec.name for spec in fields(Entry))
VARIANT_KEYS = tuple(spec.name for spec in fields(Variant))
MOST_EPISODES = 100_000  # of an entry: some two thousand hall-years of a week each
MOST_DAYS = 366
SMALLEST_FACTOR, LARGEST_FACTOR = 1e-3, 1e3


def read_plan(path: Path) -> Plan:
    """A plan from YAML.

    Raises
    ------
    ValueError
        For an unknown or missing key, a wrong type or a value out of range, naming file, line, value and mend.
    """
    top = YamlEntry.of_file(path, ("name", "entries"))
    name = top.name("name", path.stem)
    entries: list[Entry] = []
    for given in top.entries("entries", KEYS, least=1):
        entry = _entry(given)
        if entry.name in [other.name for other in entries]:
            raise given.fault("name", f"two entries have one name, {entry.name!r}; name each differently")
        entries.append(entry)
    return Plan(name, entries, str(path))


def _entry(given: YamlEntry) -> Entry:
    name, scenarios, policies = given.name("name"), given.texts("scenarios"), given.mapping("policies")
    if not scenarios:
        raise given.refused("scenarios", "give shipped names or YAML files")
    if not policies.raw:
        raise given.refused("policies", "give {name: reference} or {name: <folder>}")
    policies.require_plain_names()
    return Entry(
        name,
        scenarios,
        {policy: policies.text(policy) for policy in policies.raw},
        given.choice("split", (*SPLITS, "none"), "test"),
        _variants(given),
        given.whole("episodes", 0, 0, MOST_EPISODES),
        given.whole("days", 0, 0, MOST_DAYS),
        given.whole("episodes_per_shard", 24, 1, MOST_EPISODES),
        given.whole("seed", 0, 0, 2**32 - 1),
    )


def _variants(given: YamlEntry) -> dict[str, Variant]:
    listed = given.mapping("variants", {NOMINAL: {}})
    if not listed.raw:
        raise given.refused("variants", f"give {{{NOMINAL}: {{}}}}, or leave it out")
    listed.require_plain_names()
    return {name: _variant(entry) for name, entry in listed.named(VARIANT_KEYS).items()}


def _variant(given: YamlEntry) -> Variant:
    scale = given.mapping("scale", {})
    for key in scale.raw:
        try:
            require_parameter(key)
        except ValueError as error:
            raise scale.fault(key, str(error)) from None
    needs = given.text("needs", "")
    if needs and needs not in MACHINES:
        raise given.fault("needs", unknown_name("machine", needs, MACHINES))
    factors = {key: scale.number(key, None, SMALLEST_FACTOR, LARGEST_FACTOR) for key in scale.raw}
    return Variant(given.texts("set", ()), factors, needs)
