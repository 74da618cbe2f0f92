"""Lazic's linear MPC: the model finds a linear hall again, the controller brings it to its target and saves effort."""

from __future__ import annotations

import numpy as np
import pytest

from agents.planners.linear_model import INLET, LinearModel, learnt_model
from agents.planners.linear_mpc import LIMIT_C, LinearMpc, LinearMpcSettings
from envs.core import DataCenterCore
from envs.play import play
from envs.scenario import load
from envs.twin.telemetry.telemetry import COOLING, Telemetry

CORE = DataCenterCore("edge_room", 2, ("site.workload_weeks=1",))
MOVES = [c for c in CORE.agent_channels if c.kind == "cooling"]
CONTROLS = sum(c.rows for c in MOVES)
A, B = 0.6, np.linspace(-3.0, 5.0, CONTROLS)
C = np.array([2.0, 0.1, 0.0])  # of demand, wet bulb, dry bulb
POWER = np.linspace(10.0, -6.0, CONTROLS)


def linear_hall(steps: int = 400, batch: int = 2, noise: float = 0.0) -> Telemetry:
    """Telemetry of a hall that is linear, under random setpoints between 0.2 and 0.8 of their ranges."""
    rng = np.random.default_rng(0)
    shares = rng.uniform(0.2, 0.8, (steps, CONTROLS, batch))
    given = {"row_demand_share": rng.uniform(0.3, 0.9, (steps, 1, batch))}
    given |= {name: rng.normal(15.0, 4.0, (steps, 1, batch)) for name in ("wet_bulb_c", "dry_bulb_c")}
    inlet = np.full((steps, 1, batch), 24.0)
    for t in range(1, steps):
        driven = sum(c * given[name][t - 1] for c, name in zip(C, given))
        inlet[t] = A * inlet[t - 1] + B @ shares[t] + driven + 5.0 + rng.normal(0.0, noise, (1, batch))
    power = np.einsum("u,tub->tb", POWER, shares)[:, None] + 40.0
    rows, values = 0, {INLET: inlet, COOLING: power, **given}
    for c in MOVES:
        values[f"in_force.{c.name}"] = c.low + shares[:, rows : rows + c.rows] * (c.high - c.low)
        rows += c.rows
    return Telemetry(values, 300.0, np.full(batch, np.datetime64("2023-01-01", "s")))


def test_a_linear_hall_is_found_again() -> None:
    model = learnt_model(linear_hall(), MOVES)
    assert model.state == pytest.approx(np.array([[A]]), abs=5e-3)
    np.testing.assert_allclose(model.controls[0], B, atol=0.02)
    np.testing.assert_allclose(model.disturbances[0], C, atol=0.02)
    np.testing.assert_allclose(model.power, POWER, atol=0.05)
    assert model.r2 > 0.999 and (model.low > 0.19).all() and (model.high < 0.81).all()


def test_noise_takes_from_what_the_model_explains() -> None:
    assert learnt_model(linear_hall(noise=1.0), MOVES).r2 < learnt_model(linear_hall(), MOVES).r2 - 0.05


def test_too_short_a_telemetry_is_refused() -> None:
    with pytest.raises(ValueError, match="record a day or more"):
        learnt_model(linear_hall(8), MOVES)


def controller(effort: float) -> LinearMpc:
    return LinearMpc(CORE, CORE.rules, learnt_model(linear_hall(), MOVES), LinearMpcSettings(effort=effort))


def settled(mpc: LinearMpc, model: LinearModel) -> tuple[float, np.ndarray]:
    """Inlet of the linear hall after a day under the controller, and its last setpoints."""
    given = np.array([[0.6], [15.0], [20.0]])
    inlet, held = np.array([[24.0]]), np.full((CONTROLS, 1), 0.5)
    for _ in range(288):
        held = mpc.held_setpoints(inlet, held, given)
        inlet = model.state @ inlet + model.controls @ held + model.disturbances @ given + model.offset[:, None]
    return float(inlet[0, 0]), held


def test_without_weight_on_effort_the_hall_comes_to_its_target() -> None:
    mpc = controller(1e-6)
    inlet, _ = settled(mpc, mpc.model)
    assert inlet == pytest.approx(LIMIT_C - mpc.settings.below_limit_k, abs=0.05)


def test_weight_on_effort_moves_setpoints_to_where_they_cost_less() -> None:
    def cost(effort: float) -> float:
        mpc = controller(effort)
        return float(mpc.model.power @ settled(mpc, mpc.model)[1][:, 0])

    assert cost(1e-6) > cost(10.0) > cost(1e4)


def test_no_setpoint_leaves_what_the_model_has_seen() -> None:
    mpc = controller(1e6)
    _, held = settled(mpc, mpc.model)
    assert (held >= mpc.model.low - 1e-9).all() and (held <= mpc.model.high + 1e-9).all()


def test_it_learns_before_the_episode_and_holds_the_agents_channels() -> None:
    from experiments.evaluation.policies import reference_policies
    from experiments.evaluation.telemetry_before import explored_telemetry

    quarter_hours = ["episode.step_s=900", "episode.substep_s=180", "site.workload_weeks=1"]
    core = DataCenterCore(load("edge_room", quarter_hours), 1)
    core.reset(seed=0)
    seen = explored_telemetry(core, 1)
    assert seen.values[INLET].shape[0] == 96
    made = reference_policies(core.scenario, mpc=True)["mpc_linear"](core)
    made.reset(1)
    for step in play(core, made, 3):
        assert {c.name for c in MOVES} <= set(step.wanted)
