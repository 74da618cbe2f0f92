"""Both ways to a saving and what they allow to say."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.savings.baseline import COEFFICIENTS, Periods, Regression, regression
from experiments.savings.blocks import SATURDAY, PairedBlocks, covered_means, paired_blocks
from experiments.savings.detectable import history_blocks
from experiments.savings.randomisation import DRAWS, Saving, saving
from experiments.savings.record import HOURS_PER_DAY, Floats, SiteRecord, weekday_of
from experiments.savings.refusals import Refusal, changed_rules_refusals, regression_refusals, switchback_refusals
from experiments.savings.schedule import Schedule, Signs, drawn_signs

REFERENCE = 1  # stream of the reference schedules; 0 is that of the schedule itself


class RegressionAnswer(NamedTuple):
    """What regression found, if it could be fitted, and why it claims nothing."""

    found: Regression | None
    refusals: list[Refusal]


class Judgement(NamedTuple):
    """What a trial showed.

    Attributes
    ----------
    saving : Saving or None
        By randomisation; None where too few blocks were measured.
    refusals : list of Refusal
        Why nothing is claimed; empty where something may be.
    regression : RegressionAnswer
        The second way.
    blocks : PairedBlocks
        All planned pairs, as they were measured.
    """

    saving: Saving | None
    refusals: list[Refusal]
    regression: RegressionAnswer
    blocks: PairedBlocks

    @property
    def credited(self) -> bool:
        """Whether a saving is shown: nothing refuses it, and the interval lies above zero."""
        return not self.refusals and self.saving is not None and self.saving.low > 0.0


def own_signs(schedule: Schedule, seed: int) -> Signs:
    """The schedule that a seed draws ``(P,)``."""
    return drawn_signs(schedule, [seed, 0], 1)[0]


def reference_signs(schedule: Schedule, seed: int, count: int = DRAWS) -> Signs:
    """Schedules that might have been drawn instead ``(count, P)``."""
    return drawn_signs(schedule, [seed, REFERENCE], count)


def judged(
    record: SiteRecord,
    schedule: Schedule,
    signs: Signs,
    reference: Signs,
    safety: bool = True,
    history: SiteRecord | None = None,
) -> Judgement:
    """Judge a switchback.

    Parameters
    ----------
    record : SiteRecord
    schedule : Schedule
    signs, reference : ndarray (P,), (M, P)
        Of `own_signs` and `reference_signs`.
    safety : bool
        Whether a hall without inlet readings is refused.
    history : SiteRecord, optional
        Weeks before the trial under the rules: whether the rules are themselves in the trial is judged by it.
    """
    blocks = paired_blocks(record, schedule, signs)
    measured = blocks.measured
    kept, own, others = blocks.rows(measured), signs[measured], reference[:, measured]
    missing = missing_meters(record)
    if missing:
        return Judgement(None, missing, RegressionAnswer(None, missing), blocks)
    refused = switchback_refusals(kept, own, others, schedule.pairs, safety)
    if history is not None and kept.load.size:
        refused += _changed_rules(kept, history_blocks(history, schedule))
    found = None if any(r.name == "too few blocks" for r in refused) else saving(kept, own, others)
    return Judgement(found, refused, regression_of_blocks(kept), blocks)


def _changed_rules(trial: PairedBlocks, history: PairedBlocks) -> list[Refusal]:
    """Reason against a trial whose rules' blocks do not follow the history."""
    before = periods_of(history, np.ones_like(history.is_policy))
    answer = regression_answer(before, periods_of(trial, ~trial.is_policy))
    return changed_rules_refusals(answer.found) if answer.found else []


def missing_meters(record: SiteRecord) -> list[Refusal]:
    """Meters without which nothing can be judged."""
    lacks = [name for name in ("power_kw", "load") if not np.isfinite(getattr(record, name)).any()]
    if not (np.isfinite(record.wet_bulb_c).any() or np.isfinite(record.dry_bulb_c).any()):
        lacks.append("outdoor air")
    words = {"power_kw": "the power that is to be saved", "load": "the IT power", "outdoor air": "the outdoor air"}
    return [Refusal("missing meters", f"{words[name]} was not measured in the trial; map it") for name in lacks]


def regression_of_blocks(blocks: PairedBlocks) -> RegressionAnswer:
    """The second way on the same blocks: the rules' are the baseline, the policy's the reporting period."""
    return regression_answer(periods_of(blocks, ~blocks.is_policy), periods_of(blocks, blocks.is_policy))


def periods_of(blocks: PairedBlocks, which: NDArray[np.bool_]) -> Periods:
    """Some blocks ``(P, 2)`` as periods in the order of time."""
    order = np.argsort(blocks.begins, axis=None)
    order = order[which.ravel()[order]]
    bulb = blocks.wet_bulb_c if np.isfinite(blocks.wet_bulb_c).all() else blocks.dry_bulb_c
    return Periods(*(column.ravel()[order] for column in (blocks.power_kw, blocks.load, bulb, blocks.weekend)))


def regression_answer(baseline: Periods, reporting: Periods) -> RegressionAnswer:
    """A regression, or why there is none."""
    n, m = len(baseline.power_kw), len(reporting.power_kw)
    if n < 2 * COEFFICIENTS or m < 2:
        words = f"{n} baseline and {m} reporting periods; at least {2 * COEFFICIENTS} and 2 are needed"
        return RegressionAnswer(None, [Refusal("too few periods", words)])
    found = regression(baseline, reporting)
    return RegressionAnswer(found, regression_refusals(found))


def days_of(record: SiteRecord, first_hour: int, days: int) -> Periods:
    """Whole days of a record as periods; a day with too few measured hours is left out."""
    span = record.part(first_hour, days * HOURS_PER_DAY)

    def daily(name: str) -> Floats:
        return covered_means(getattr(span, name).reshape(days, HOURS_PER_DAY))

    bulb = daily("wet_bulb_c" if np.isfinite(span.wet_bulb_c).any() else "dry_bulb_c")
    weekend = (weekday_of(first_hour + HOURS_PER_DAY * np.arange(days)) >= SATURDAY).astype(np.float64)
    found = Periods(daily("power_kw"), daily("load"), bulb, weekend)
    known = np.isfinite(np.stack(found)).all(axis=0)
    return Periods(*(column[known] for column in found))
