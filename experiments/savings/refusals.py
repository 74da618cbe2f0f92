"""The one table of reasons for which no saving is claimed, and how each is looked for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.savings.baseline import Regression
from experiments.savings.blocks import PairedBlocks
from experiments.savings.randomisation import difference
from experiments.savings.record import Floats
from experiments.savings.schedule import FEWEST_PAIRS, Signs

FOLLOWED_FRAC = 0.95  # of the judged hours
FEWEST_OF_PLAN_FRAC = 0.8  # of the planned pairs that must be measured
MOST_APART = 0.5  # between the arms, in standard deviations of the blocks
LOAD_APART_FRAC, LOAD_APART_P = 0.01, 0.01
CARRY_OVER_T = 3.0
HOT_C, HOT_BLOCKS_FRAC = (
    32.0,
    0.02,
)  # allowable inlet, ASHRAE A1; more such blocks under the policy than under the rules
R2_LEAST, CV_MOST, CV_FLAT = 0.75, 0.20, 0.05
CORRELATION_MOST, EFFECTIVE_LEAST = 0.8, 12.0
OUTSIDE_MOST_FRAC = 0.10
FSU_MOST_FRAC = 0.50
CHANGED_FRAC = 0.02  # by which the rules may draw otherwise in a trial than before it

#: Name of each reason, in the order in which they are told.
OF_THE_SWITCHBACK = (
    "missing meters", "assignment not recorded", "broken assignment", "too few blocks", "imbalance", "unequal work",
    "unequal safety", "carry-over", "rules not themselves",
)  # fmt: skip
OF_THE_REGRESSION = (
    "too few periods",
    "autocorrelation",
    "poor baseline",
    "outside the baseline's range",
    "uncertain saving",
)


class Refusal(NamedTuple):
    """Why nothing is claimed.

    Attributes
    ----------
    name : str
        Of `OF_THE_SWITCHBACK` or `OF_THE_REGRESSION`.
    words : str
        What was found, what is allowed, and the mend.
    """

    name: str
    words: str


def switchback_refusals(
    blocks: PairedBlocks, signs: Signs, reference: Signs, planned: int, safety: bool = True
) -> list[Refusal]:
    """Reasons against a switchback's claim; ``blocks`` are the measured pairs, of ``planned``."""
    if len(signs) < max(FEWEST_PAIRS, FEWEST_OF_PLAN_FRAC * planned):
        words = (
            f"{len(signs)} of {planned} pairs of blocks were measured; at least {FEWEST_PAIRS} and "
            f"{FEWEST_OF_PLAN_FRAC:.0%} of the plan are needed. Mend the meters or run the trial to its end"
        )
        return [Refusal("too few blocks", words)]
    found = _assignment(blocks) + _imbalance(blocks, signs) + _work(blocks, signs, reference)
    return found + (_safety(blocks) if safety else []) + _carry_over(blocks)


def _assignment(blocks: PairedBlocks) -> list[Refusal]:
    if not np.isfinite(blocks.followed_frac).all():
        count = int((~np.isfinite(blocks.followed_frac)).sum())
        words = f"nobody recorded who was in control in {count} blocks; give log=... or who=<heading>"
        return [Refusal("assignment not recorded", words)]
    shares = {
        "the policy's": float(blocks.followed_frac[blocks.is_policy].mean()),
        "the rules'": float(blocks.followed_frac[~blocks.is_policy].mean()),
    }
    return [
        Refusal(
            "broken assignment",
            f"{whose} blocks were followed in {share:.1%} of their judged hours, under {FOLLOWED_FRAC:.0%}. Blocks "
            "that were dropped or swapped are no longer drawn by lot: plan anew",
        )
        for whose, share in shares.items()
        if share < FOLLOWED_FRAC
    ]


def _imbalance(blocks: PairedBlocks, signs: Signs) -> list[Refusal]:
    found = []
    for name, values in (("IT load", blocks.load), ("wet bulb", blocks.wet_bulb_c), ("dry bulb", blocks.dry_bulb_c)):
        if np.isfinite(values).all() and values.std() > 0.0:
            apart = float(signs @ (values[:, 1] - values[:, 0])) / len(signs) / float(values.std())
            if abs(apart) > MOST_APART:
                words = f"{name} differs between the arms by {apart:+.2f} standard deviations, over {MOST_APART:g}"
                found.append(Refusal("imbalance", f"{words}. Run more pairs"))
    return found


def _work(blocks: PairedBlocks, signs: Signs, reference: Signs) -> list[Refusal]:
    apart, chance = difference(blocks.load, signs, reference)
    share = apart / float(blocks.load.mean())
    if chance >= LOAD_APART_P or abs(share) <= LOAD_APART_FRAC:
        return []
    words = f"IT power is {share:+.1%} under the policy (p = {chance:.4f}): less power is no saving where work differs"
    return [Refusal("unequal work", words)]


def _safety(blocks: PairedBlocks) -> list[Refusal]:
    if not np.isfinite(blocks.hottest_c).any():
        words = "no inlet was measured, so nobody knows whether the hall stayed safe. Map rack_inlet_c, or safety=false"
        return [Refusal("missing meters", words)]
    hot = blocks.hottest_c > HOT_C
    ours, theirs = float(hot[blocks.is_policy].mean()), float(hot[~blocks.is_policy].mean())
    if ours - theirs <= HOT_BLOCKS_FRAC:
        return []
    words = f"an inlet was over {HOT_C:g} degC in {ours:.0%} of the policy's blocks and {theirs:.0%} of the rules'"
    return [Refusal("unequal safety", words)]


def _carry_over(blocks: PairedBlocks) -> list[Refusal]:
    """Whether blocks begin otherwise after the other arm's than after one of their own."""
    arm, after = blocks.is_policy.ravel().astype(float), blocks.after_other.ravel().astype(float)
    bulb = np.where(np.isfinite(blocks.wet_bulb_c), blocks.wet_bulb_c, blocks.dry_bulb_c).ravel()
    load, power = blocks.early_load.ravel(), blocks.early_kw.ravel()
    known = np.isfinite(load) & np.isfinite(power)
    bend = np.maximum(bulb - np.median(bulb), 0.0)
    held_over = after * (2.0 * arm - 1.0)  # what the other arm left behind has the other sign in the other arm
    columns = np.stack([held_over, np.ones_like(arm), arm, load, bulb, bend, blocks.weekend.ravel()], 1)[known]
    t = float(_t_values(columns, power[known])[0])
    if abs(t) <= CARRY_OVER_T:
        return []
    words = f"blocks begin otherwise after a change than without one (t = {t:+.1f})"
    return [Refusal("carry-over", f"{words}. Plan a longer washout_h")]


def changed_rules_refusals(before: Regression) -> list[Refusal]:
    """Reason against a trial whose rules' blocks do not follow the history; ``before`` has these as reporting period.

    A hall may remember a policy for longer than a block: a chiller that it let off stays off under the rules. Then the
    rules' blocks are not what they were without a trial. A history whose model is no good tells nothing.
    """
    known = [r for r in regression_refusals(before) if r.name != "uncertain saving"]
    if known or before.low <= 0.0 <= before.high or abs(before.share) <= CHANGED_FRAC:
        return []
    words = (
        f"at the same load and weather the rules' blocks drew {before.share:+.1%} less than the history (95 % interval "
        f"{before.low:.1%} to {before.high:.1%}): the hall remembers the policy for longer than a block, and the "
        "saving is not that of a policy that stays. Find what it does not forget, or compare two long periods"
    )
    return [Refusal("rules not themselves", words)]


def _t_values(columns: Floats, values: Floats) -> Floats:
    """Least squares' coefficients over their standard errors, robust to unequal scatter (HC3)."""
    inverse = np.linalg.pinv(columns.T @ columns)
    coefficients = inverse @ columns.T @ values
    leverage = np.clip(np.einsum("ij,jk,ik->i", columns, inverse, columns), 0.0, 0.99)
    residuals = (values - columns @ coefficients) / (1.0 - leverage)
    meat = columns.T @ (columns * residuals[:, None] ** 2)
    error = np.sqrt(np.maximum(np.diag(inverse @ meat @ inverse), 1e-300))
    found: Floats = coefficients / error
    return found


def regression_refusals(found: Regression) -> list[Refusal]:
    """Reasons against a regression's claim."""
    made = []
    if found.autocorrelation > CORRELATION_MOST or found.effective < EFFECTIVE_LEAST:
        words = (
            f"residuals remember {found.autocorrelation:.2f} from one period to the next, so that {found.baseline} "
            f"baseline periods are worth {found.effective:.0f}; at most {CORRELATION_MOST:g} and at least "
            f"{EFFECTIVE_LEAST:g} are allowed. Give a longer baseline"
        )
        made.append(Refusal("autocorrelation", words))
    if found.cv_rmse_frac > CV_MOST or (found.r2 < R2_LEAST and found.cv_rmse_frac > CV_FLAT):
        words = (
            f"the baseline model has R2 {found.r2:.2f} and CV(RMSE) {found.cv_rmse_frac:.1%}; R2 of {R2_LEAST:g} or a "
            f"CV(RMSE) of {CV_FLAT:.0%} is needed, and never more than {CV_MOST:.0%}. Map what moves the power"
        )
        made.append(Refusal("poor baseline", words))
    if found.outside_frac > OUTSIDE_MOST_FRAC:
        words = (
            f"{found.outside_of} of {found.outside_frac:.0%} of the reporting periods lies outside the baseline's, "
            f"over {OUTSIDE_MOST_FRAC:.0%}. Give a baseline that met such periods"
        )
        made.append(Refusal("outside the baseline's range", words))
    if found.fsu_frac > FSU_MOST_FRAC:
        words = (
            f"Guideline 14's fractional savings uncertainty is {min(found.fsu_frac, 9.99):.0%} at 68 %, over "
            f"{FSU_MOST_FRAC:.0%}. Measure longer"
        )
        made.append(Refusal("uncertain saving", words))
    return made
