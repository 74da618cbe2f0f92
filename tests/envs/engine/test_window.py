"""A window hands back what its steps hand back one after the other."""

from typing import Any

import numpy as np
import pytest
from test_compiled import actions, core_of, step_arguments
from test_tape import flat

from envs.engine.gradient import Adjoint
from envs.engine.window import Window
from envs.trees import columns, map_leaves

pytest.importorskip("llvmlite")
STEPS, MOVE_K = 6, 0.01


def energy_only(reports: list[Any]) -> list[Any]:
    """Cotangents of the mean power of all sites and steps."""
    blank = map_leaves(reports[0], lambda x: np.zeros(x.shape, x.dtype))
    share = np.full_like(blank.facility_power_kw, 1.0 / (STEPS * blank.facility_power_kw.size))
    return [blank._replace(facility_power_kw=share)] * STEPS


def test_moving_one_setpoint_moves_the_energy_of_a_window_as_its_slope_says() -> None:
    core = core_of("edge_room", 2, "float64")
    for k in range(12):
        core.step(actions(core, k // 6))
    given = columns(step_arguments(core), np.zeros(1, int))
    window = Window(Adjoint(core.plant.step, given, wrt=(0, 1)))
    name = "supply_air_temp_setpoint_c"

    def power(added_k: float) -> float:
        setpoints = {**given[1], name: given[1][name] + added_k}
        _, reports = window.run(given[0], [(setpoints, *given[2:])] * STEPS)
        return float(np.mean([r.facility_power_kw for r in reports]))

    central = (power(MOVE_K) - power(-MOVE_K)) / (2 * MOVE_K)
    _, reports = window.run(given[0], [given[1:]] * STEPS)
    _, moved = window.pull_back(None, energy_only(reports))
    assert sum(part[0][name].sum() for part in moved) == pytest.approx(central, rel=1e-4)
    assert abs(central) > 1e-6


def test_a_cotangent_that_is_read_where_it_was_written_gives_the_bits_of_its_copy() -> None:
    core = core_of("edge_room", 5)
    core.step(actions(core, 0))
    given = step_arguments(core)
    adjoint = Adjoint(core.plant.step, given, wrt=(0, 1))
    window = Window(adjoint)
    _, reports = window.run(given[0], [given[1:]] * STEPS)
    judged = energy_only(reports)
    found, _ = window.pull_back(None, judged)

    ways, state, copied = [], given[0], None
    for _ in range(STEPS):
        (state, _), back = adjoint(state, *given[1:])
        ways.append(back)
    for back, report in zip(reversed(ways), judged, strict=True):
        copied, _ = back((None if copied is None else map_leaves(copied, np.copy), report))
    for a, b in zip(flat(found), flat(copied), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_one_pullback_was_given_is_gone_in_the_next() -> None:
    core = core_of("edge_room", 5)
    given = step_arguments(core)
    (_, flows), back = Adjoint(core.plant.step, given, wrt=(1,))(*given)
    (power,) = back((None, energy_only([flows])[0]))
    inlets = map_leaves(flows, lambda x: np.zeros(x.shape, x.dtype))._replace(
        rack_inlet_c=np.ones_like(flows.rack_inlet_c)
    )
    back((None, inlets))
    (again,) = back((None, energy_only([flows])[0]))
    for name, expected in power.items():
        np.testing.assert_array_equal(again[name], expected)


def test_a_window_without_the_slope_of_its_state_is_refused() -> None:
    core = core_of("edge_room", 2)
    with pytest.raises(ValueError, match="leaves out the state"):
        Window(Adjoint(core.plant.step, step_arguments(core), wrt=(1,)))
