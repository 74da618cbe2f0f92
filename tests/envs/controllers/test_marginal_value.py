"""Caps at equal marginal value: the best share of a feeder by the rows' curves, from measured quantities alone."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import numpy as np
import pytest

from agents.planners.tuning import rules_from
from envs.building.row_value import class_values, rack_curves, usual_mix
from envs.controllers.marginal_value import Feeder, MarginalValueCaps, Pieces, RackCurve, pieces_of
from envs.controllers.three_band import ThreeBandCaps
from envs.core import DataCenterCore
from envs.equipment.throughput import CLASSES
from envs.play import play, play_through
from envs.scenario import load

RATED = np.array([[600.0], [400.0], [100.0]])
FEEDER_KW, OTHER_KW, LOSS = 900.0, 40.0, 0.01


def curve(row: int, rated: float, worth: float, bend: float) -> RackCurve:
    """A rack whose work rises with a power of what it may draw above its idle power."""
    drawn = np.linspace(0.4 * rated, 0.95 * rated, 40)
    share = (drawn - 0.3 * rated) / (0.65 * rated)
    return RackCurve(row, rated, 0.95 * rated, 0.3 * rated, drawn, worth * share**bend)


CURVES = [curve(0, 300.0, 100.0, 0.8), curve(0, 300.0, 100.0, 0.8), curve(1, 400.0, 300.0, 0.5)]
FIXED = RackCurve(2, 100.0, 95.0, 30.0, np.full(40, 95.0), np.full(40, 50.0))


def rule(step_s: float = 60.0, **more: Any) -> MarginalValueCaps:
    pieces = pieces_of([*CURVES, FIXED], 3, 0.45)
    return MarginalValueCaps(pieces, Feeder(FEEDER_KW, 0.88 * 920.0, 920.0, LOSS), step_s, **more)


def measured(share: Any, engaged: float = 0.0, power: Any = None, in_force: Any = 1.0) -> dict[str, np.ndarray]:
    share = np.asarray(share, float).reshape(3, -1)
    drawn = share if power is None else np.asarray(power, float).reshape(3, -1)
    feeder = (drawn * RATED).sum(axis=0) * (1.0 + LOSS) + OTHER_KW
    return {
        "row_demand_share": share,
        "row_power_share": drawn,
        "feeder_load_frac": feeder[None] / 920.0,
        "capper_engaged": np.full((1, share.shape[1]), engaged),
        "in_force.rack_power_limit_frac": np.zeros_like(share) + in_force,
    }


def limits(controller: MarginalValueCaps, seen: dict[str, np.ndarray]) -> np.ndarray:
    return controller.act(seen)["rack_power_limit_frac"]


def row_value(row: int, limit_kw: float) -> tuple[float, float]:
    """Draw and value of a fully active row under a limit shared by the rating of its racks."""
    mine = [c for c in CURVES if c.row == row]
    each = [limit_kw * c.rated_kw / RATED[row, 0] for c in mine]
    drawn = sum(float(np.clip(x, c.load_meter_kw[0], c.load_meter_kw[-1])) for x, c in zip(each, mine))
    return drawn, sum(float(np.interp(x, c.load_meter_kw, c.value_usd_h)) for x, c in zip(each, mine))


def test_no_other_share_of_the_feeder_is_worth_more() -> None:
    given = limits(rule(), measured([0.95, 0.95, 0.95]))[:, 0] * RATED[:, 0]
    budget = (FEEDER_KW - OTHER_KW) / (1.0 + LOSS) - 95.0
    ours = [row_value(row, given[row]) for row in (0, 1)]
    assert sum(drawn for drawn, _ in ours) == pytest.approx(budget, rel=2e-3)
    first, second = ([row_value(row, x) for x in np.linspace(0.45, 1.0, 221) * RATED[row, 0]] for row in (0, 1))
    best = max(va + vb for (da, va), (db, vb) in itertools.product(first, second) if da + db <= budget)
    assert sum(value for _, value in ours) == pytest.approx(best, rel=2e-3)


def test_the_row_with_the_steeper_curve_is_served_first() -> None:
    pieces = pieces_of([curve(0, 600.0, 100.0, 1.0), curve(1, 400.0, 300.0, 1.0), FIXED], 3, 0.45)
    controller = MarginalValueCaps(pieces, Feeder(FEEDER_KW, 800.0, 920.0, LOSS), 60.0)
    share = limits(controller, measured([0.95, 0.95, 0.95]))[:, 0]
    assert share[1] == 1.0 and 0.45 < share[0] < 0.9 and share[2] == 1.0


def test_the_pieces_of_every_row_fall_in_slope_and_a_dent_is_bridged() -> None:
    drawn = np.linspace(40.0, 95.0, 56)
    dented = np.where(drawn < 70.0, drawn, 70.0 + 2.0 * np.maximum(drawn - 80.0, 0.0))
    pieces: Pieces = pieces_of([RackCurve(0, 100.0, 95.0, 30.0, drawn, dented)], 1, 0.45)
    assert pieces.load_meter_kw.sum() == pytest.approx(95.0 - 45.0)
    assert (pieces.load_meter_kw > 0.0).all() and len(pieces.row) < 5


@pytest.mark.parametrize("share", [0.45, 0.6, 0.7])
def test_nothing_is_capped_where_the_demand_fits(share: float) -> None:
    assert (limits(rule(), measured([share, share, share])) == 1.0).all()


def test_limits_stay_between_their_floor_and_the_rating_whatever_is_measured() -> None:
    generator = np.random.default_rng(0)
    controller = rule()
    for _ in range(30):
        share = limits(controller, measured(generator.uniform(0.0, 1.1, (3, 50)), engaged=generator.integers(2)))
        assert (share >= 0.45).all() and (share <= 1.0).all()


def test_a_short_dip_of_demand_does_not_lower_the_limit_of_its_row() -> None:
    controller = rule()
    before = limits(controller, measured([0.95, 0.95, 0.95]))
    dip = limits(controller, measured([0.40, 0.95, 0.95]))
    after = limits(controller, measured([0.95, 0.95, 0.95]))
    assert dip[0, 0] > before[0, 0] - 0.03
    np.testing.assert_allclose(after, before, atol=0.05)


def test_what_the_racks_draw_less_than_they_may_is_given_out_again() -> None:
    controller, share = rule(), []
    for _ in range(30):
        asked = share[-1] if share else 1.0
        power = np.minimum(0.95, (asked if share else np.full((3, 1), 0.6)) - 0.05)
        share.append(limits(controller, measured([0.95] * 3, power=power, in_force=asked)))
    assert ((share[-1] - share[0]) * RATED).sum() > 20.0


def test_a_limit_that_is_still_rising_does_not_wind_the_correction_up() -> None:
    controller = rule()
    for _ in range(30):
        limits(controller, measured([0.95] * 3, power=[0.5] * 3, in_force=0.5))
    assert controller.trim_kw is not None and controller.trim_kw[0] == 0.0


def test_where_the_protection_has_engaged_the_load_is_taken_under_its_release() -> None:
    controller = rule()
    free = limits(controller, measured([0.95] * 3))[:, 0] @ RATED[:, 0]
    held = limits(controller, measured([0.95] * 3, engaged=1.0))[:, 0] @ RATED[:, 0]
    assert held < free - 60.0


def test_a_batch_is_run_as_its_sites_one_by_one_and_in_its_own_precision() -> None:
    generator = np.random.default_rng(1)
    tape = [measured(generator.uniform(0.3, 1.0, (3, 4))) for _ in range(8)]
    together, alone = rule(), [rule() for _ in range(4)]
    for seen in tape:
        both = limits(together, {k: v.astype(np.float32) for k, v in seen.items()})
        assert both.dtype == np.float32
        for k in range(4):
            one = limits(alone[k], {name: v[:, k : k + 1].astype(np.float32) for name, v in seen.items()})
            np.testing.assert_allclose(both[:, k : k + 1], one, rtol=1e-6)


def test_a_masked_reset_forgets_where_the_mask_says_and_nowhere_else() -> None:
    reset, calm, fresh = rule(), rule(), rule()
    for share in (0.95, 0.7, 0.8):
        for controller in (reset, calm):
            limits(controller, measured(np.full((3, 2), share)))
    reset.reset(2, np.array([True, False]))
    fresh.reset(2)
    a, b, c = (limits(x, measured(np.full((3, 2), 0.9))) for x in (reset, calm, fresh))
    np.testing.assert_array_equal(a[:, 1], b[:, 1])
    np.testing.assert_array_equal(a[:, 0], c[:, 0])


@cache
def hall() -> DataCenterCore:
    return DataCenterCore("ai_hall_power_cap", 4, ("site.workload_weeks=1", "episode.steps=120"))


def test_serving_is_worth_more_than_training_and_without_prices_all_work_is_equal() -> None:
    value = dict(zip(CLASSES, class_values(hall().scenario)))
    assert value["decode"] > value["pretrain"] > value["batch"] > value["none"] == 0.0
    free = load("ai_hall_power_cap", ["reward_weights.work_lost=0", "reward_weights.work_delayed=0"])
    assert (class_values(free) == 1.0).all()


def test_every_rack_draws_and_does_more_under_a_higher_cap() -> None:
    layout = hall().plant.layout
    np.testing.assert_allclose(usual_mix(hall().scenario).sum(axis=0), 1.0)
    for rack, archetype in zip(rack_curves(hall().scenario, layout), layout.archetypes):
        assert (np.diff(rack.load_meter_kw) >= -1e-4).all() and (np.diff(rack.value_usd_h) >= -1e-4).all()
        assert rack.full_kw == pytest.approx(rack.load_meter_kw[-1]) and rack.full_kw < 1.1 * archetype.peak_kw


def test_the_hall_behind_a_binding_feeder_costs_less_and_does_more_than_under_water_filling() -> None:
    core, cost, work = hall(), {}, {}
    for caps in ("water_filling", "marginal_value"):
        core.reset(seed=3)
        controller = rules_from(core, {"caps": caps})
        controller.reset(4)
        play_through(core, controller, core.scenario.episode.steps)
        sums = core.sums.by_name(core.t)
        cost[caps], work[caps] = -sums["r"], sums["work_done_h"]
        assert sums["limit_excess_kwh"].max() < 1.0 and sums["trips"].max() == 0.0  # an episode begins without limits
    assert (cost["marginal_value"] < 1.05 * cost["water_filling"]).all()  # on quiet days the feeder hardly binds
    assert cost["marginal_value"].sum() < 0.9 * cost["water_filling"].sum()
    assert (work["marginal_value"] > work["water_filling"]).all()


def test_what_cooling_draws_more_of_a_site_is_taken_from_the_racks() -> None:
    pieces = pieces_of([*CURVES, FIXED], 3, 0.45)
    site = Feeder(FEEDER_KW, 0.88 * 920.0, 920.0, LOSS, "facility_power_share")
    seen = measured([0.95, 0.95, 0.95])
    drawn = []
    for cooling_kw in (0.0, 60.0):
        whole = seen["feeder_load_frac"] + cooling_kw / 920.0
        given = (
            limits(MarginalValueCaps(pieces, site, 60.0), seen | {"facility_power_share": whole})[:, 0] * RATED[:, 0]
        )
        drawn.append(sum(row_value(row, given[row])[0] for row in (0, 1)))
    assert drawn[0] - drawn[1] == pytest.approx(60.0 / (1.0 + LOSS), rel=0.02)


@pytest.mark.parametrize(
    ("name", "limit_kw", "point"),
    [("ai_hall_power_cap", 1120.0, "feeder_load_frac"), ("ai_factory_feeder", 1200.0, "facility_power_share")],
)
@pytest.mark.parametrize("caps", ["marginal_value", "three_band"])
def test_rules_plan_for_the_node_that_binds(name: str, limit_kw: float, point: str, caps: str) -> None:
    core = DataCenterCore(name, 1, ("site.workload_weeks=1", f"rules.caps={caps}"))
    (rule,) = (part for part in core.rules.parts if isinstance(part, (MarginalValueCaps, ThreeBandCaps)))
    assert core.plant.layout.provisioned_kw == limit_kw
    assert point in rule.reads and rule.feeder.may_carry_kw == pytest.approx(0.96 * limit_kw)


def test_behind_a_small_service_the_rule_leaves_the_protection_nothing_to_do_and_fills_it() -> None:
    core = DataCenterCore("ai_factory_feeder", 4, ("site.workload_weeks=1", "episode.steps=240"))
    core.reset(seed=3)
    active_s, highest = 0.0, 0.0
    for _ in play(core, core.rules, core.scenario.episode.steps):
        active_s += float(core.flows.capper_active_s.mean())
        highest = max(highest, float(core.flows.grid_power_kw.max()))
    assert active_s < 0.02 * 240 * core.step_s
    assert 0.9 * 1200.0 < highest < 0.99 * 1200.0
