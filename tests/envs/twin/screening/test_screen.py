from __future__ import annotations

import numpy as np
import pytest

from envs.twin.screening.expected import expected_of
from envs.twin.screening.screen import ScreenedTelemetry, UnusableInput, screen
from envs.twin.telemetry.synthetic import synthetic_telemetry
from envs.twin.telemetry.telemetry import Telemetry
from tests.envs.twin.conftest import Hall

CHW = "chw_supply_temp_setpoint_c"


def with_channel(hall: Hall, name: str, change) -> Telemetry:
    t = synthetic_telemetry(hall.truth, 0, hall.scenario.sensors, 1, gaps_frac=0.0)
    return t.with_values({**t.values, name: change(t.values[name].copy())})


def screened(hall: Hall, name: str, change) -> ScreenedTelemetry:
    return screen(with_channel(hall, name, change), expected_of(hall.layout))


def kinds(made: ScreenedTelemetry) -> list[str]:
    return [f.kind for f in made.findings]


def test_a_setpoint_in_degf_stops_and_every_finding_goes_with_it(hall: Hall) -> None:
    with pytest.raises(UnusableInput, match='chw_supply_temp_setpoint_c drives the replay.*set unit: "degF"') as said:
        screened(hall, CHW, lambda x: x * 1.8 + 32.0)
    (finding,) = said.value.findings
    assert finding.kind == "unit" and finding.expected == "2 to 30 degC" and finding.value.startswith("median ")


def test_a_setpoint_beyond_the_scenarios_range_is_said_and_kept(hall: Hall) -> None:
    made = screened(hall, CHW, lambda x: x * 0.0 + 24.0)
    assert "range" in kinds(made) and np.isfinite(made.telemetry.values[CHW]).all()
    told = next(f for f in made.findings if f.kind == "range")
    assert told.expected == "3 to 19 degC" and f"channel_ranges.{CHW}" in told.mend


def test_zeros_of_a_setpoint_do_not_drive_the_replay(hall: Hall) -> None:
    def zeros(x: np.ndarray) -> np.ndarray:
        x[::20] = 0.0
        return x

    made = screened(hall, "supply_air_temp_setpoint_c", zeros)
    kept = made.telemetry.values["supply_air_temp_setpoint_c"]
    assert kinds(made) == ["outlier"] and np.isnan(kept[::20]).all() and np.nanmin(kept) > 13.0


def test_one_rack_of_many_in_watts_stops_with_its_name(hall: Hall) -> None:
    def one(x: np.ndarray) -> np.ndarray:
        x[:, 3] *= 1000.0
        return x

    with pytest.raises(UnusableInput, match=r"rack_power_kw\[3\]: .* looks like W"):
        screened(hall, "rack_power_kw", one)


def test_a_reversed_transformer_is_named_with_its_factor(hall: Hall) -> None:
    made = screened(hall, "facility_power_kw", lambda x: -x)
    assert [f.mend for f in made.findings if f.kind == "ratio"] == ["set factor: -1"]


def test_dry_and_wet_bulb_swapped_stop(hall: Hall) -> None:
    t = synthetic_telemetry(hall.truth, 0, hall.scenario.sensors, 1, gaps_frac=0.0)
    with pytest.raises(UnusableInput, match="dry_bulb_c drives the replay.*look swapped"):
        screen(t.with_values({**t.values, "dry_bulb_c": t.values["wet_bulb_c"], "wet_bulb_c": t.values["dry_bulb_c"]}))


def test_telemetry_that_cannot_drive_a_replay_is_screened_without_one(hall: Hall) -> None:
    t = synthetic_telemetry(hall.truth, 0, hall.scenario.sensors, 1, gaps_frac=0.0)
    bare = t.with_values({n: v for n, v in t.values.items() if n != "dry_bulb_c"})
    assert not screen(bare, expected_of(hall.layout), scenario=hall.scenario).findings
