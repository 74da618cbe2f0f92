"""The loop on a building that nobody of this house wrote: EnergyPlus, step by step."""

from __future__ import annotations

import pytest

from agents.live.clock import SteppedClock
from agents.live.connectors.simulated import SimulatedConnector
from agents.live.point_map import read_live_map
from agents.live.reading import Key, WriteNote
from envs.energyplus import engine
from envs.scenario import load
from experiments.simulated_site.hall import PacedHall
from experiments.simulated_site.point_maps import point_map_text


@pytest.mark.energyplus
@pytest.mark.slow
@pytest.mark.skipif(not engine.available(), reason=engine.MISSING)
def test_a_setpoint_that_is_written_moves_energyplus_and_a_release_lets_its_own_rule_go_on(tmp_path) -> None:  # noqa: ANN001
    from experiments.simulated_site.energyplus_hall import energyplus_hall

    with energyplus_hall(load("legacy_air", ("site.workload_weeks=1",)), "il_chicago", 7, 1) as hall:
        clock = SteppedClock()
        path = tmp_path / "points.yaml"
        path.write_text(point_map_text(hall, "simulated", {}))
        site = read_live_map(path)
        connector = SimulatedConnector(site, clock, PacedHall(hall, clock))
        key, seen = Key("chw_supply_temp_setpoint_c"), Key("chw_supply_c")
        in_force = Key("in_force.chw_supply_temp_setpoint_c")
        clock.sleep(3600.0)  # its own rule trims the water up
        before, start, low = connector.read()[seen].value, hall.values()[in_force], site.setpoint(key).low
        for step in range(1, 13):
            connector.write({key: max(low, start - 0.5 * step)}, WriteNote("", "", "", "", step))
            clock.sleep(300.0)
            readings = connector.read()
        assert all(reading.good for reading in readings.values())
        assert readings[seen].value < before - 1.0
        connector.release()
        assert not hall.commands
        clock.sleep(3600.0)
        assert connector.read()[in_force].value > readings[in_force].value + 1.0
