"""What no claim survives, and by which name it is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from experiments.savings.baseline import Periods, regression
from experiments.savings.judgement import days_of, judged, own_signs, reference_signs, regression_answer
from experiments.savings.record import HOURS_PER_DAY, SiteRecord, hour_of
from experiments.savings.refusals import OF_THE_REGRESSION, OF_THE_SWITCHBACK
from experiments.savings.schedule import Schedule
from experiments.savings.simulated import SiteFamily, before_and_after, simulated_site
from scripts import savings_coverage as study
from tests.experiments.savings.trial import QUIET, START, Trial, trial


def nothing(of: Trial) -> np.ndarray:
    """No reading at all."""
    return np.full(of.record.hours, np.nan)


BROKEN: dict[str, Callable[[Trial], SiteRecord]] = {
    "broken assignment": lambda of: study.swapped(of.record, of.schedule),
    "assignment not recorded": lambda of: study.unrecorded(of.record, of.schedule),
    "too few blocks": lambda of: study.meter_lost(of.record, of.schedule),
    "missing meters": lambda of: replace(of.record, wet_bulb_c=nothing(of), dry_bulb_c=nothing(of)),
    "unequal work": lambda of: study.work_cut(of.record, of.schedule),
    "unequal safety": lambda of: study.hot(of.record, of.schedule),
    "imbalance": lambda of: replace(of.record, wet_bulb_c=of.record.wet_bulb_c + 9.0 * of.record.in_control),
}


def test_a_sound_trial_of_a_saving_is_credited() -> None:
    found = trial(0.08).judged()
    assert found.credited and not found.refusals


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_trial_is_refused_by_name_and_nothing_is_credited(name: str) -> None:
    of = trial(0.2)
    found = of.judged(BROKEN[name](of))
    assert name in {r.name for r in found.refusals} and not found.credited


def test_every_reason_of_a_switchback_is_tried() -> None:
    assert {*BROKEN, "carry-over", "rules not themselves"} == set(OF_THE_SWITCHBACK)


def test_what_carries_over_through_a_short_wash_out_is_refused() -> None:
    schedule = Schedule(hour_of(START), 56, 6, 1)
    signs, slow = own_signs(schedule, 0), SiteFamily(mass_h=(12.0, 12.0), noise=(0.01, 0.01), drift=(0.0, 0.0))
    site = simulated_site(schedule, signs, 0.3, np.random.default_rng(0), slow)
    of = Trial(schedule, signs, reference_signs(schedule, 0, 1999), site.record, site.true_share)
    assert [r.name for r in of.judged().refusals] == ["carry-over"]


def test_rules_that_draw_otherwise_in_the_trial_than_before_it_are_refused_and_others_are_not() -> None:
    of = trial(0.08, family=QUIET)
    history = trial(0.0, family=QUIET).record
    before = replace(history, first_hour=history.first_hour - 56 * HOURS_PER_DAY)
    lower = replace(of.record, power_kw=0.85 * of.record.power_kw)
    judge = [of.schedule, of.signs, of.reference]
    assert not judged(of.record, *judge, history=before).refusals
    assert [r.name for r in judged(lower, *judge, history=before).refusals] == ["rules not themselves"]


def test_a_hall_without_inlets_is_refused_unless_safety_was_given_up_in_the_plan() -> None:
    of = trial(0.08)
    blind = replace(of.record, inlet_c=nothing(of))
    assert [r.name for r in of.judged(blind).refusals] == ["missing meters"]
    assert of.judged(blind, safety=False).credited


# ---- regression -----------------------------------------------------------------------------------------------------


def periods(count: int, share: float = 0.0, noise: float = 0.01, seed: int = 0, warmer_k: float = 0.0) -> Periods:
    """Days of a hall whose power is a line in load and outdoor air."""
    rng = np.random.default_rng(seed)
    load, bulb = 100.0 + 10.0 * rng.standard_normal(count), 12.0 + 5.0 * rng.standard_normal(count) + warmer_k
    weekend = (np.arange(count) % 7 >= 5).astype(np.float64)
    power = (10.0 + 0.3 * load + 1.0 * bulb) * (1.0 + noise * rng.standard_normal(count)) * (1.0 - share)
    return Periods(power, load, bulb, weekend)


def names(baseline: Periods, reporting: Periods) -> set[str]:
    """Reasons against a regression."""
    return {r.name for r in regression_answer(baseline, reporting).refusals}


def test_a_regression_of_a_hall_that_is_a_line_finds_the_saving() -> None:
    found = regression(periods(60), periods(60, 0.1, seed=1))
    assert found.low <= 0.1 <= found.high and found.high - found.low < 0.03 and found.r2 > 0.9
    assert not names(periods(60), periods(60, 0.1, seed=1))


def test_the_uncertainty_is_the_guideline_s_formula() -> None:
    found = regression(periods(60), periods(40, 0.1, seed=1))
    n, m, worth = 60, 40, found.effective
    assert worth == pytest.approx(n * (1 - found.autocorrelation) / (1 + found.autocorrelation))
    t = 0.5 * (found.high - found.low) / found.share
    base = 1.26 * found.cv_rmse_frac * np.sqrt(n / worth * (1 + 2 / worth) / m) / found.share
    assert 1.9 < t / base < 2.1  # Student's t at 95 %, and powers of both periods that are nearly the same


def test_each_weakness_of_a_regression_is_refused_by_name() -> None:
    walk = periods(60)
    drift = np.cumsum(np.random.default_rng(2).standard_normal(60))
    remembering = walk._replace(power_kw=walk.power_kw + 2.0 * drift)
    tried = {
        "too few periods": names(periods(8), periods(60)),
        "autocorrelation": names(remembering, periods(60, 0.1)),
        "poor baseline": names(periods(60, noise=0.5), periods(60, 0.1)),
        "outside the baseline's range": names(periods(60), periods(60, 0.1, warmer_k=25.0)),
        "uncertain saving": names(periods(60), periods(60, 0.0, seed=1)),
    }
    assert set(tried) == set(OF_THE_REGRESSION)
    assert all(name in found for name, found in tried.items())


def test_days_of_a_record_are_whole_days_and_those_without_readings_are_left_out() -> None:
    schedule = Schedule(hour_of(START), 56)
    record = before_and_after(schedule, 0.1, np.random.default_rng(0)).record
    gone = record.power_kw.copy()
    gone[: 2 * HOURS_PER_DAY] = np.nan
    found = days_of(replace(record, power_kw=gone), schedule.first_hour, 28)
    assert len(found.power_kw) == 26
    assert found.load[0] == pytest.approx(record.load[2 * HOURS_PER_DAY : 3 * HOURS_PER_DAY].mean())
