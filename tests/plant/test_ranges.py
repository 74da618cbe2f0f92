"""Any value inside a declared range gives finite numbers, or is refused by name when the scenario is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.episodes.world import World
from envs.scenario import SHIPPED, load
from envs.scenario.rack_group import archetype_of

FEW_WEEKS = "site.workload_weeks=1"
HOTTEST_C = 1e4  # of chips that no maker would build: their heat is without sense, but has an end
SURROUNDINGS = ("site", "episode", "rules", "reward", "sensors", "faults", "capper")  # no machines of the heat path


def declared(part: Any, path: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """``(machine, path, range)`` of every parameter below a dataclass."""
    for spec in fields(part):
        value = getattr(part, spec.name)
        inner = value if isinstance(value, dict) else {"": value}
        for key, thing in inner.items():
            if is_dataclass(thing):
                yield from declared(thing, f"{path}{spec.name}.{key + '.' if key else ''}")
        if "low" in spec.metadata:
            yield type(part).__name__, f"{path}{spec.name}", spec.metadata


def parameters_of(name: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    """``(machine, path, range)`` of every parameter of a scenario's machines and racks."""
    scenario = load(name, [FEW_WEEKS])
    rows = [row for row in declared(scenario, "") if row[1].split(".")[0] not in SURROUNDINGS]
    for key, group in scenario.racks.items():
        rows += list(declared(archetype_of(group), f"racks.{key}.overrides."))
    return rows


def cases() -> dict[str, list[tuple[str, str, Mapping[str, Any]]]]:
    """Machine to ``(scenario, path, range)`` of its parameters, each in the first scenario that has the machine."""
    found: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    seen = set()
    for name in SHIPPED:
        for machine, path, limits in parameters_of(name):
            parameter = (machine, path.rpartition(".")[2])
            if parameter not in seen:
                seen.add(parameter)
                found.setdefault(machine, []).append((name, path, limits))
    return found


def numbers_after(core: DataCenterCore, steps: int = 3) -> list[np.ndarray]:
    """All that a core says after a few steps under its rules."""
    observation, reward = core.reset(seed=0), np.zeros(1)
    for _ in range(steps):
        observation, reward, _, _ = core.step_setpoints({})
    return [observation, reward, *(np.asarray(flow) for flow in core.flows)]


@pytest.mark.slow
@pytest.mark.parametrize("machine", sorted(cases()))
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_the_ends_of_every_range_give_finite_numbers(machine: str) -> None:
    tried = 0
    for name, path, limits in cases()[machine]:
        for end in ("low", "high"):
            value = limits[end]
            try:
                core = DataCenterCore(load(name, [FEW_WEEKS, f"{path}={value}"]), 2, dtype="float64")
            except ValueError as refusal:
                assert any(word in str(refusal) for word in (path.rpartition(".")[2], "give", "choose")), refusal
                continue
            assert all(np.isfinite(part).all() for part in numbers_after(core)), f"{name}: {path} = {value}"
            tried += 1
    assert tried or len(cases()[machine]) < 3


def drawn_value(rng: np.random.Generator, limits: Mapping[str, Any]) -> float:
    """An end of a range, or a value inside it, as many small ones as large ones."""
    low, high = float(limits["low"]), float(limits["high"])
    inside = np.exp(rng.uniform(np.log(low), np.log(high))) if low > 0.0 else rng.uniform(low, high)
    return float(rng.choice([low, high, inside]))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_several_values_inside_their_ranges_at_once_give_finite_numbers_whose_ledger_closes(name: str) -> None:
    rows = [row for row in parameters_of(name) if not row[1].endswith(".count")]  # as many racks as the world has
    rng, world, played = np.random.default_rng(7), World.build(load(name, [FEW_WEEKS])), 0
    for _ in range(120):
        drawn = [rows[i] for i in rng.choice(len(rows), int(rng.integers(2, 5)), replace=False)]
        values = [(path, drawn_value(rng, limits)) for _, path, limits in drawn]
        try:
            scenario = load(name, [FEW_WEEKS, *(f"{p}={v:.6g}" for p, v in values)])
            core = DataCenterCore(scenario, 2, dtype="float64", world=world)
        except ValueError:
            continue
        assert all(np.isfinite(part).all() for part in numbers_after(core)), values
        assert np.max(core.flows.chip_max_c) < HOTTEST_C, values
        residual, drawn_kw = np.abs(core.flows.energy_residual_kw).max(), core.flows.facility_power_kw.max()
        assert residual < 1e-6 * max(drawn_kw, 1.0), values
        played += 1
    assert played > 40


@pytest.mark.parametrize("leakage", ["", "racks.row3.overrides.leakage_per_k=0.02"])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_racks_of_impossible_power_do_not_feed_their_own_heat_without_end(leakage: str) -> None:
    lines = [FEW_WEEKS, "racks.row3.overrides.cpu_max_kw=96.931", *([leakage] if leakage else [])]
    core = DataCenterCore(load("legacy_air", lines), 1, dtype="float64")
    assert all(np.isfinite(part).all() for part in numbers_after(core))
    assert np.max(core.flows.chip_max_c) < HOTTEST_C


@pytest.mark.parametrize(("name", "group"), [("liquid_hall", "row1"), ("ai_hall", "r1")])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_wholly_liquid_rack_works_and_its_heat_goes_to_the_coolant(name: str, group: str) -> None:
    core = DataCenterCore(
        load(name, [FEW_WEEKS, f"racks.{group}.overrides={{liquid_share_frac: 1.0}}"]), 2, dtype="float64"
    )
    assert all(np.isfinite(part).all() for part in numbers_after(core, 12))
    assert np.abs(core.flows.energy_residual_kw).max() < 1e-9 * core.flows.facility_power_kw.max()
    assert core.flows.it_power_kw.min() > 100.0


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_breaker_with_a_memory_of_a_second_is_finite() -> None:
    core = DataCenterCore(load("edge_room", [FEW_WEEKS, "breaker.tau_s=1"]), 2, dtype="float64")
    assert all(np.isfinite(part).all() for part in numbers_after(core))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("racks.row2.row=0", r"no racks stand in row 1; put some there, or take it out of power.row_limit_kw"),
        ("racks.row1.overrides={psu_load_frac: 0.5}", r"'psu_load_frac' is a curve of several numbers"),
    ],
)
def test_what_no_number_can_come_of_is_refused(override: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        DataCenterCore(load("liquid_hall", [FEW_WEEKS, override]), 1)
