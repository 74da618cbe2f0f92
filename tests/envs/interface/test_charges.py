"""Constraints as prices: the multipliers of a Lagrangian find the price at which a limit is just kept."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.interface.charges import CHARGED, Charges, used_rows
from envs.interface.constraints import Use
from envs.sb3_vec_env import DataCenterSB3VecEnv

NAMES = [c.name for c in CHARGED]
COOLANT = NAMES.index("tcs_degree_minutes")
CHANNEL = DataCenterCore("edge_room").channels[0]
STILL = {CHANNEL.name: np.zeros((1, 2))}


def flows(coolant: Any) -> Any:
    """Flows of a step at two sites that use nothing but the coolant's limit."""
    none = np.zeros(2)
    return SimpleNamespace(
        inlet_excess_degree_minutes=np.zeros((3, 2)),
        tcs_excess_degree_minutes=np.broadcast_to(coolant, 2),
        overload_kwh=none,
        capper_active_s=none,
        trips=none,
    )


def test_the_price_of_a_limit_is_what_the_last_unit_within_it_is_worth() -> None:
    charges = Charges([CHANNEL], 3600.0, rate_usd=0.02, every=2)
    limit = charges.limits[COOLANT] / 24.0  # of an hour
    x = 0.0
    for _ in range(4000):  # 3 x - 50 x2 is gained: x = 0.03 without a limit, which is seven times the limit
        x += 1e-3 * (3.0 - 100.0 * x - charges.usd_per_unit[COOLANT])
        cost = charges.charged(flows(x), STILL, STILL)
        assert cost == pytest.approx(charges.usd_per_unit[COOLANT] * np.array([x, x]), rel=0.2, abs=0.1)
    assert x == pytest.approx(limit, rel=0.02)
    assert charges.usd_per_unit[COOLANT] == pytest.approx(3.0 - 100.0 * limit, rel=0.02)


def test_a_limit_that_is_never_reached_costs_nothing() -> None:
    charges = Charges([CHANNEL], 3600.0, rate_usd=1.0, every=1)
    for _ in range(50):
        assert charges.charged(flows(0.5 * charges.limits[COOLANT] / 24.0), STILL, STILL).tolist() == [0.0, 0.0]
    assert not charges.usd_per_unit.any()


def test_what_a_step_uses_adds_up_to_what_the_gates_count_and_is_never_less() -> None:
    core = DataCenterCore("ai_hall", 3)
    core.reset(seed=5)
    use, total = Use(core.channels), np.zeros((len(CHARGED), 3))
    use.add(core.flows, core.in_force)
    first = use.sums()
    moves = np.random.default_rng(0)
    for _ in range(20):
        before = {name: rows.copy() for name, rows in core.in_force.items()}
        core.step(moves.uniform(-1.0, 1.0, (3, core.action_size)))
        use.add(core.flows, core.in_force)
        total += np.stack(used_rows(core.flows, core.in_force, before, core.channels))
    counted = {name: rows - first[name] for name, rows in use.sums().items()}
    assert total[NAMES.index("actuator_travel")] == pytest.approx(counted["actuator_travel"], rel=1e-4)
    for row, c in zip(total, CHARGED):
        assert (row >= counted[c.name] * (1.0 - 1e-4)).all(), c.name


def test_prices_go_on_where_they_were_kept() -> None:
    sites = [DataCenterSB3VecEnv("edge_room", 2, limit_share=0.01) for _ in range(2)]
    sites[0].seed(1)
    sites[0].reset()
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (30, 2, sites[0].action_space.shape[0]))
    for action in actions:
        sites[0].step(action)
    sites[1].reset()
    sites[1].load_state(sites[0].save_state())
    rewards = [s.step(actions[0])[1] for s in sites]
    assert sites[0].charges is not None and sites[0].charges.usd_per_unit.any()
    assert np.array_equal(*rewards)


def test_what_is_charged_is_taken_from_the_reward_and_told_as_a_term() -> None:
    free, held = (DataCenterSB3VecEnv("edge_room", 2, limit_share=share) for share in (0.0, 0.01))
    paid = []
    for sites in (free, held):
        sites.seed(1)
        sites.reset()
        moves = np.random.default_rng(0)
        paid.append([sites.step(moves.uniform(-1.0, 1.0, (2, sites.action_space.shape[0])))[1] for _ in range(30)])
    cost = held.last_terms["constraints"]
    assert (cost > 0.0).all()
    assert paid[1][-1] == pytest.approx(paid[0][-1] - cost / free.core.scenario.reward.scale_usd, rel=1e-4)
    assert np.array_equal(paid[0][:24], paid[1][:24])


@pytest.mark.parametrize("wrong", [{"rate_usd": 0.0}, {"rate_usd": 1.0, "share": -1.0}, {"rate_usd": 1.0, "every": 0}])
def test_what_is_not_above_0_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="of the constraints; give more than 0"):
        Charges([CHANNEL], 300.0, **wrong)
