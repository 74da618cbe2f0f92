"""Single mistakes of a telemetry file are found and named, and clean files raise no alarm."""

from __future__ import annotations

import numpy as np
import pytest

from envs.plant.datacenter import Plant
from envs.scenario import Scenario, load
from envs.twin.calibration.windows import BURN_IN_S
from envs.twin.screening.expected import expected_of
from envs.twin.screening.screen import screen
from envs.twin.telemetry.quantities import QUANTITIES
from envs.twin.telemetry.telemetry import Telemetry
from experiments.calibration.single_faults import SINGLE_FAULTS, SingleFault, found, recorded_halls

pytestmark = pytest.mark.usefixtures("compiled_engine")  # the engine that users have

WEEK = ["site.workload_weeks=1"]
#: Mistakes that need no replay: the point itself, or its neighbours, show them.
BY_THEMSELVES = (
    "degF", "fan speed", "facility meter in W", "ten times", "register", "swapped", "stuck", "with 5 %", "with 8 %",
    "of a setpoint",
)  # fmt: skip
PLAIN = tuple(f for f in SINGLE_FAULTS if any(words in f.name for words in BY_THEMSELVES))


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load("edge_room", WEEK)


@pytest.fixture(scope="module")
def clean(scenario: Scenario) -> Telemetry:
    """Three days of a hall whose parameters the scenario does not know."""
    return recorded_halls(scenario, [150], 3, 1)[0]


def names(faults: tuple[SingleFault, ...]) -> list[str]:
    return [fault.name for fault in faults]


def test_there_are_28_single_faults_with_names_of_their_own() -> None:
    assert len(SINGLE_FAULTS) == len(set(names(SINGLE_FAULTS))) == 28


@pytest.mark.parametrize("fault", PLAIN, ids=names(PLAIN))
def test_what_a_point_shows_by_itself_is_named_without_a_replay(
    fault: SingleFault, scenario: Scenario, clean: Telemetry
) -> None:
    said = found(fault.make(clean, np.random.default_rng(0)), scenario, replayed=False)
    assert fault.named(said), [(f.kind, f.point, f.words) for f in said]


@pytest.mark.slow
@pytest.mark.parametrize("fault", SINGLE_FAULTS, ids=names(SINGLE_FAULTS))
def test_a_single_fault_is_found_and_named_and_no_other_point_is_accused(
    fault: SingleFault, scenario: Scenario, clean: Telemetry
) -> None:
    said = found(fault.make(clean, np.random.default_rng(0)), scenario)
    assert fault.named(said), [(f.kind, f.point, f.words) for f in said]
    assert not [f for f in said if not any(point in f.point for point in fault.points)]


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.02, 0.05])
def test_of_zeros_in_every_point_at_once_more_than_half_are_taken_out_of_each(
    share: float, scenario: Scenario, clean: Telemetry
) -> None:
    rng, values, put = np.random.default_rng(7), {}, {}
    for name, x in clean.values.items():
        where = rng.random(x.shape) < share
        where[1:] &= ~where[:-1]
        put[name] = where & np.isfinite(x)
        values[name] = np.where(where, 0.0, x) if QUANTITIES[name].role != "mode" else x
    expected = expected_of(Plant(scenario, "float64").layout)
    made = screen(clean.with_values(values), expected, scenario=scenario)
    compared = slice(round(BURN_IN_S / clean.step_s) + 6, -6)
    for name, where in put.items():
        q = QUANTITIES[name]
        if q.role in ("mode", "weather") or (q.role == "setpoint" and name not in expected.usual):
            continue  # 0 degC is weather like any other; limits are not replayed
        left = made.telemetry.values[name][compared][where[compared]]
        assert np.isfinite(left).mean() < 0.5, (name, left[np.isfinite(left)])


def test_every_finding_names_value_expectation_and_mend(scenario: Scenario, clean: Telemetry) -> None:
    for fault in PLAIN:
        for f in fault.named(found(fault.make(clean, np.random.default_rng(0)), scenario, replayed=False)):
            assert f.value and f.expected and f.mend, f
            assert f.kind not in ("stuck", "outlier") or "row " in f.place, f


@pytest.mark.parametrize(
    "name, day, days",
    [
        ("edge_room", 10, 2),
        pytest.param("edge_room", 200, 3, marks=pytest.mark.slow),
        pytest.param("edge_room", 300, 3, marks=pytest.mark.slow),
        pytest.param("legacy_air", 20, 2, marks=pytest.mark.slow),
        pytest.param("legacy_air", 200, 2, marks=pytest.mark.slow),
        pytest.param("liquid_hall", 100, 2, marks=pytest.mark.slow),
        pytest.param("ai_hall", 60, 2, marks=pytest.mark.slow),
        pytest.param("ai_hall", 240, 2, marks=pytest.mark.slow),
    ],
)
def test_a_clean_record_raises_no_alarm(name: str, day: int, days: int) -> None:
    scenario = load(name, WEEK)
    (record,) = recorded_halls(scenario, [day], days, day)
    assert not found(record, scenario)
