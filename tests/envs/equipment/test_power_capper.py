"""The protective capper: three bands, budgets kept whatever the racks then ask, floors, and no cut without need."""

from __future__ import annotations

import numpy as np
import pytest

from envs.equipment import power_capper
from envs.equipment.power_capper import CapperFlows, CapperState, PowerCapper, node_limits

ROWS = np.array([0, 0, 1, 1])
MATRIX = (np.arange(2)[:, None] == ROWS[None, :]).astype(np.float64)
LIMITS = node_limits([200.0, 200.0], 320.0, 400.0, np.float64)
FLOOR = np.full((4, 1), 20.0)
OVERHEAD = np.array([2.0, 2.0, 14.0, 60.0])[:, None]  # rows, UPS, utility, above their racks


def decide(
    demand: np.ndarray, power: np.ndarray | None = None, given: np.ndarray | None = None,
    state: CapperState | None = None, limits: np.ndarray = LIMITS,
) -> tuple[CapperState, CapperFlows]:  # fmt: skip
    demand = np.asarray(demand, dtype=np.float64).reshape(4, -1)
    power = demand if power is None else np.asarray(power, dtype=np.float64).reshape(4, -1)
    given = np.full_like(demand, 1000.0) if given is None else given
    row_it = MATRIX @ power
    total = row_it.sum(axis=0, keepdims=True)
    node = np.concatenate([row_it, total, total]) + OVERHEAD
    state = state or power_capper.initial(2, demand.shape[1], np.float64)
    return power_capper.advance(PowerCapper(), MATRIX, ROWS, state, limits, node, row_it, given, demand, FLOOR)


def test_nobody_is_cut_below_the_bands() -> None:
    state, flows = decide([70.0, 70.0, 70.0, 60.0])
    np.testing.assert_array_equal(flows.limit_kw, 1000.0)
    assert not state.engaged.any() and flows.active[0] == 0.0


@pytest.mark.parametrize(("rack_kw", "engaged"), [(98.1, 1.0), (98.0, 1.0), (97.9, 0.0)])
def test_a_row_engages_at_99_percent_of_its_limit(rack_kw: float, engaged: float) -> None:
    state, _ = decide([rack_kw, rack_kw, 21.0, 21.0])
    assert state.engaged[0, 0] == engaged


def test_an_engaged_row_shares_95_percent_in_proportion_to_what_can_be_capped() -> None:
    _, flows = decide([120.0, 80.0, 21.0, 21.0])
    caps = flows.limit_kw[:2, 0]
    assert caps.sum() == pytest.approx(0.95 * 200.0 - 2.0, abs=0.01)
    assert (caps[0] - 20.0) / (caps[1] - 20.0) == pytest.approx(100.0 / 60.0, rel=1e-4)
    np.testing.assert_array_equal(flows.limit_kw[2:, 0], 1000.0)


def test_release_waits_for_90_percent() -> None:
    state, _ = decide([100.0, 100.0, 21.0, 21.0])
    for total, engaged in [(184.0, 1.0), (179.0, 1.0), (177.0, 0.0), (184.0, 0.0)]:
        state, flows = decide([total / 2, total / 2, 21.0, 21.0], state=state)
        assert state.engaged[0, 0] == engaged
        assert flows.active[0] == engaged


@pytest.mark.parametrize(("name", "row"), [("ups", 2), ("utility", 3)])
def test_ups_and_utility_keep_their_budgets(name: str, row: int) -> None:
    limits = LIMITS.copy()
    limits[row] = 300.0
    limits[5 - row] = 1000.0
    state, flows = decide([80.0, 75.0, 70.0, 65.0], limits=limits)
    assert state.engaged[row, 0] == 1.0, name
    assert flows.limit_kw.sum() == pytest.approx(0.95 * 300.0 - OVERHEAD[row, 0], abs=0.01)


def test_budgets_hold_on_every_level_whatever_the_racks_then_ask() -> None:
    rng = np.random.default_rng(2)
    demand = rng.uniform(25.0, 130.0, (4, 500))
    state, flows = decide(demand)
    assert 0.2 < state.engaged.mean() < 0.95
    row = MATRIX @ flows.limit_kw + OVERHEAD[:2]
    total = flows.limit_kw.sum(axis=0) + OVERHEAD[2:]
    load = np.concatenate([row, total])
    over = state.engaged * (load - 0.95 * LIMITS)
    assert over.max() < 0.05
    assert np.all(flows.limit_kw >= 20.0)


def test_limits_are_never_raised_and_floors_never_cut() -> None:
    rng = np.random.default_rng(3)
    demand, given = rng.uniform(10.0, 150.0, (2, 4, 300))
    limits = LIMITS.copy()
    limits[3] = 150.0
    _, flows = decide(demand, given=given, limits=limits)
    assert np.all(flows.limit_kw <= given)
    assert np.all(flows.limit_kw >= np.minimum(np.minimum(demand, given), 20.0) - 1e-9)


def test_a_curtailment_below_the_floors_leaves_the_floors() -> None:
    limits = LIMITS.copy()
    limits[3] = 100.0
    _, flows = decide([80.0, 75.0, 70.0, 65.0], limits=limits)
    np.testing.assert_allclose(flows.limit_kw, 20.0)


def test_a_dark_rack_gives_its_share_to_the_others() -> None:
    engaged = CapperState(np.array([[1.0], [0.0], [0.0], [0.0]]))
    _, flows = decide([190.0, 0.0, 21.0, 21.0], state=engaged)
    assert flows.limit_kw[0, 0] == pytest.approx(188.0, abs=0.01)


def test_more_demand_elsewhere_never_raises_a_cap() -> None:
    caps = [decide([120.0, other, 21.0, 21.0])[1].limit_kw[0, 0] for other in (80.0, 90.0, 110.0, 140.0)]
    assert all(a >= b for a, b in zip(caps, caps[1:]))


def test_in_closed_loop_the_power_settles_at_the_target() -> None:
    demand = np.array([130.0, 110.0, 40.0, 40.0])[:, None]
    state, limit = None, np.full((4, 1), 1000.0)
    for k in range(6):
        power = np.minimum(demand, limit)
        state, flows = decide(demand, power=power, state=state)
        limit = flows.limit_kw
        if k:
            assert (MATRIX @ power)[0, 0] + 2.0 <= 0.95 * 200.0 + 0.05
            assert state.engaged[0, 0] == 1.0


def test_float32_stays_float32_and_torch_agrees() -> None:
    torch = pytest.importorskip("torch")
    demand = np.random.default_rng(4).uniform(25.0, 130.0, (4, 64))
    row_it = MATRIX @ demand
    total = row_it.sum(axis=0, keepdims=True)
    node, given = np.concatenate([row_it, total, total]) + OVERHEAD, np.full((4, 64), 125.0)
    state = power_capper.initial(2, 64, np.float64)
    arrays = [LIMITS, node, row_it, given, demand, FLOOR]
    expected = power_capper.advance(PowerCapper(), MATRIX, ROWS, state, *arrays)
    small = [a.astype(np.float32) for a in arrays]
    got32 = power_capper.advance(PowerCapper(), MATRIX.astype(np.float32), ROWS, power_capper.initial(2, 64), *small)
    other = CapperState(torch.as_tensor(state.engaged))
    got = power_capper.advance(
        PowerCapper(), torch.as_tensor(MATRIX), torch.as_tensor(ROWS), other, *(torch.as_tensor(a) for a in arrays)
    )
    assert got32[1].limit_kw.dtype == np.float32 and got32[0].engaged.dtype == np.float32
    np.testing.assert_allclose(np.asarray(got[1].limit_kw), expected[1].limit_kw, rtol=1e-6)
    np.testing.assert_allclose(got32[1].limit_kw, expected[1].limit_kw, rtol=1e-4)


def test_a_disabled_capper_passes_the_limits_on() -> None:
    given, state = np.full((4, 3), 99.0), power_capper.initial(2, 3, np.float64)
    power = np.full((4, 3), 1e4)
    _, flows = power_capper.advance(
        PowerCapper(enabled=False), MATRIX, ROWS, state, LIMITS, power, power[:2], given, power, FLOOR
    )
    np.testing.assert_array_equal(flows.limit_kw, given)
    np.testing.assert_array_equal(flows.active, 0.0)


def test_bands_out_of_order_are_refused_with_the_mend() -> None:
    with pytest.raises(ValueError, match="release < target < cap"):
        PowerCapper(release_frac=0.97)


def test_a_site_without_any_budget_caps_every_rack_to_a_finite_floor() -> None:
    tree = np.ones((1, 2), np.float32)
    full = np.full((2, 3), 10.0, np.float32)
    state = power_capper.initial(1, 3)
    node_power = np.array([[100.0] * 3, [100.0] * 3, [100.0] * 3], np.float32)
    limits = np.array([[1.0], [1.0], [200.0]], np.float32)
    _, flows = power_capper.advance(
        power_capper.PowerCapper(),
        tree,
        np.zeros(2, int),
        state,
        limits,
        node_power,
        node_power[:1],
        full,
        full,
        full * 0.4,
    )
    np.testing.assert_allclose(flows.limit_kw, 4.0, rtol=1e-3)


def test_a_feeder_that_is_held_does_not_let_go_of_a_demand_that_has_not_changed() -> None:
    demand = np.array([120.0, 100.0, 21.0, 21.0])
    state, flows = decide(demand)
    for _ in range(6):  # what the racks draw falls further than asked: fans and losses fall with them
        drawn = np.minimum(demand, 0.93 * flows.limit_kw[:, 0])
        state, flows = decide(demand, power=drawn, state=state)
        assert state.engaged[0, 0] == 1.0 and flows.limit_kw[:2].sum() < 0.96 * 200.0
    state, flows = decide([85.0, 85.0, 21.0, 21.0], state=state)
    assert state.engaged[0, 0] == 0.0
