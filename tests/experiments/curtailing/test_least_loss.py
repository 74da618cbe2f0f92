"""The bound on the work that limits and pauses lose."""

from __future__ import annotations

import numpy as np
import pytest

from envs.equipment.throughput import class_curve
from envs.scenario import load
from experiments.curtail import curtail
from experiments.curtailing.job_watch import FreeEvents, Watched
from experiments.curtailing.judgement import least
from experiments.curtailing.least_loss import MOST_GAIN, Event, least_loss
from experiments.curtailing.trial import Asked, Trial

HOUR, DAY = 3600.0, 86_400.0
CURVES = [class_curve(kind, 0.16) for kind in (0, 1)]


def jobs(ended_s: float = np.inf, tier: int = 3, count: int = 1) -> Watched:
    """Alike jobs of 100 accelerators that run from the event's beginning on, each of 100 kW above idling."""
    whole, size = np.zeros(count, np.int64), np.full(count, 100.0)
    ended = np.full(count, ended_s)
    inside_h = np.minimum(ended, 3.0 * HOUR) / HOUR
    return Watched(whole, whole, np.full(count, tier), size, 100.0 * inside_h, 100.0 * inside_h, np.zeros(count), ended)


def lost(watched: Watched, above_kwh: float) -> tuple[float, float]:
    found = least_loss(watched, CURVES, Event(np.array([above_kwh]), 3.0 * HOUR, DAY), gain=1.0)
    return float(found.during[0]), float(found.behind[0])


def test_a_job_that_outlives_the_day_loses_what_its_curve_says() -> None:
    rho, work = CURVES[0]
    activity = (rho - rho[0]) / (1.0 - rho[0])
    at = list(rho).index(0.7)  # a corner of the concave hull
    during, behind = lost(jobs(), 300.0 * (1.0 - activity[at]))
    assert during == pytest.approx(300.0 * (1.0 - work[at])) and behind == pytest.approx(during)


def test_a_job_that_ends_early_enough_loses_nothing_by_the_days_end() -> None:
    during, behind = lost(jobs(ended_s=DAY - 3.0 * HOUR), 200.0)
    assert during > 50.0 and behind == 0.0
    _, late = lost(jobs(ended_s=DAY - 0.5 * HOUR), 200.0)
    assert late == pytest.approx(during - 50.0)  # half an hour of 100 accelerators is left for it


def test_a_job_that_ends_inside_the_event_may_run_slower_until_its_end_for_nothing() -> None:
    assert lost(jobs(ended_s=1.0 * HOUR), 20.0)[0] == 0.0 < lost(jobs(ended_s=3.0 * HOUR), 20.0)[0]


def test_who_is_not_asked_or_rigid_loses_nothing_and_more_is_lost_where_more_is_asked() -> None:
    assert lost(jobs(), -10.0) == (0.0, 0.0) and lost(jobs(tier=0), 100.0) == (0.0, 0.0)
    rising = [lost(jobs(count=3), kwh)[1] for kwh in (100.0, 300.0, 600.0)]
    assert 0.0 < rising[0] < rising[1] < rising[2] and rising[1] > 2.9 * rising[0]


def test_the_bound_is_that_of_a_linear_program() -> None:
    pytest.importorskip("highspy", reason="needs the extra [planner]")
    from scipy.optimize import linprog

    from experiments.curtailing.least_loss import kept_work

    rng = np.random.default_rng(3)
    ended = rng.uniform(0.5, 30.0, 12) * HOUR
    ended[ended > DAY] = np.inf
    inside_h, size = np.minimum(ended / HOUR, 3.0), rng.uniform(8.0, 500.0, 12)
    kind = rng.integers(0, 2, 12)
    one = np.zeros(12, np.int64)
    watched = Watched(one, kind, one + 3, size, size * inside_h, size * inside_h, np.zeros(12), ended)
    above = 0.5 * float(watched.energy_kwh.sum())
    curves = [((rho - rho[0]) / (1.0 - rho[0]), work) for rho, work in CURVES]
    points = [
        kept_work(curves[k], e, w, 3.0 / h, a * max(24.0 - max(end / HOUR, 3.0), 0.0))
        for k, e, w, h, a, end in zip(kind, watched.energy_kwh, watched.work_h, inside_h, size, ended)
    ]
    cost = -np.concatenate([kept for _, kept in points])
    energy = np.concatenate([kwh for kwh, _ in points])[None]
    of = np.repeat(np.arange(12), [len(kwh) for kwh, _ in points])
    each = (of == np.arange(12)[:, None]).astype(float)
    best = linprog(cost, energy, [energy.sum() * 0 + watched.energy_kwh.sum() - above], each, np.ones(12))
    whole = sum(float(kept.max()) for _, kept in points)
    assert lost(watched, above)[1] == pytest.approx(whole + best.fun, abs=1e-6)


def test_a_bound_is_told_only_where_the_feeder_does_not_bind_without_an_event() -> None:
    steps = np.full((25 * 60, 1), 1000.0)
    none, four = np.zeros(1), np.ones((4, 1))
    free = Trial(steps, none + 2400.0, none, four, four, none)
    asked = Asked(hours=3.0)
    told = least(free._replace(free=FreeEvents(jobs(count=8), tuple(CURVES), none)), asked)
    assert told is not None and 0.0 < told.behind == pytest.approx(told.during)
    assert least(free._replace(free=FreeEvents(jobs(count=8), tuple(CURVES), none + 10.0)), asked) is None


@pytest.mark.slow
def test_every_way_that_holds_its_target_leaves_more_behind_than_the_bound_and_a_battery_may_leave_less() -> None:
    words = ["jobs.rigid_frac=0.5", "site.workload_weeks=2", "power.utility_limit_kw=3800", "power.ups_limit_kw=3800"]
    ways = ["tiers", "caps", "storage"]
    asked = Asked(hours=1.0, least_load_frac=0.6)
    study = curtail(load("ai_factory", words), asked, ways, 6, storage_kwh_per_mw=200.0)
    assert study.least is not None and study.least.behind < study.least.during
    for way in ("tiers", "caps"):
        found = study.found[way]
        assert found.held > 0.9 and found.gain <= MOST_GAIN and found.during > study.least.during
    battery = study.found["storage"]
    assert battery.during < study.least.during and battery.held > 0.9 and battery.bars()["rebound"]
    assert battery.battery is not None and battery.battery.gave > 50.0
    assert battery.battery.took == pytest.approx(battery.battery.gave / 0.94**2, rel=0.02)
    assert battery.battery.short < 0.01 * battery.battery.gave
