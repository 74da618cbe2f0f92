"""The saving by randomisation: exact, whatever the noise remembers, because who had which block was drawn.

Let ``s`` be the share saved. If it were ``s0``, the rules would have drawn ``y / (1 - s0)`` in the policy's blocks. So
every block's power under the rules is known, and only the drawn schedule says which blocks look saved. The statistic is
the sum over pairs of policy less rules, after what differs in load, weather and weekend is taken out by least squares.
Its rank among the same sum under other schedules, which might as well have been drawn, is the p-value of ``s0``. The
interval holds every ``s0`` that is not refused.

With ``k = 1 / (1 - s0)`` the statistic of schedule ``m`` is ``A_m + k B_m``. So each schedule changes sides at one
``k``, and both ends of the interval are quantiles of these: no search is needed.

References: Fisher, The Design of Experiments, 1935; Rosenbaum, Observational Studies, 2002, section 2.4; Bojinov,
Simchi-Levi and Zhao, Management Science 69, 2023, on switchbacks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.savings.blocks import PairedBlocks
from experiments.savings.record import Floats
from experiments.savings.schedule import Signs

LEVEL = 0.95
DRAWS = 9_999
PAIRS_PER_COVARIATE = 6  # fewer pairs to each would let least squares eat the effect


class Saving(NamedTuple):
    """A share saved with its interval.

    Attributes
    ----------
    share : float
        Of what the rules would have drawn [1]; negative where the policy drew more.
    low, high : float
        Ends of the 95 % interval [1].
    p_value : float
        Of no saving, two-sided [1].
    """

    share: float
    low: float
    high: float
    p_value: float


def covariates(blocks: PairedBlocks) -> Floats:
    """What is taken out of a pair's difference ``(P, q)``: differences of load, weather and weekend.

    Written down before the trial, in this order; as many as the pairs bear.
    """
    has_wet = np.isfinite(blocks.wet_bulb_c).all()
    bulb = blocks.wet_bulb_c if has_wet else blocks.dry_bulb_c
    bend = np.maximum(bulb - np.median(bulb), 0.0)
    columns = [blocks.load, bulb, bend, blocks.weekend]
    if has_wet and np.isfinite(blocks.dry_bulb_c).all():
        columns.append(blocks.dry_bulb_c)
    differences = np.stack([column[:, 1] - column[:, 0] for column in columns], axis=1)
    scale = differences.std(axis=0)
    kept = np.flatnonzero(scale > 1e-9)[: max(len(differences) // PAIRS_PER_COVARIATE, 1)]
    return differences[:, kept] / scale[kept]


def without(covariate: Floats, values: Floats) -> Floats:
    """What least squares on the covariates leaves of values ``(P,)``."""
    if not covariate.shape[1]:
        return values
    found = np.linalg.lstsq(covariate, values, rcond=None)[0]
    return values - covariate @ found


def saving(blocks: PairedBlocks, signs: Signs, reference: Signs) -> Saving:
    """Share saved.

    Parameters
    ----------
    blocks : PairedBlocks
        Measured pairs.
    signs : ndarray (P,)
        The schedule that was run.
    reference : ndarray (M, P)
        Schedules that might have been drawn.
    """
    policy = np.where(blocks.is_policy, blocks.power_kw, 0.0)
    rules = blocks.power_kw - policy
    taken = covariates(blocks)
    of_rules, of_policy = (without(taken, part[:, 1] - part[:, 0]) for part in (rules, policy))
    a, b = float(signs @ of_rules), float(signs @ of_policy)
    if b <= 0.0:
        raise ValueError("the covariates explain the whole power of the policy's blocks; map load and weather anew")
    a_m, b_m = reference @ of_rules, reference @ of_policy
    low, high = _ends(a_m - a, b - b_m)
    share = 1.0 + b / a if a < 0.0 else float("nan")
    return Saving(share, low, high, two_sided(a + b, a_m + b_m))


def _ends(numerator: Floats, denominator: Floats) -> tuple[float, float]:
    """Ends of the interval, from where each schedule changes sides; one that never does widens both ends."""
    turns = denominator > 1e-12
    k = np.sort(numerator[turns] / denominator[turns])
    spare = len(numerator) - len(k)
    outside = int((1.0 - LEVEL) / 2.0 * (len(numerator) + 1)) - 1 - spare
    if outside < 0 or not len(k):
        return float("-inf"), 1.0
    low, high = float(k[outside]), float(k[len(k) - 1 - outside])
    return (1.0 - 1.0 / low if low > 0.0 else float("-inf")), (1.0 - 1.0 / high if high > 0.0 else float("-inf"))


def two_sided(found: float, reference: Floats) -> float:
    """Share of the reference, the found value among it, that is as far from zero."""
    return float((1 + (np.abs(reference) >= abs(found) - 1e-12).sum()) / (len(reference) + 1))


def difference(values: NDArray[np.float64], signs: Signs, reference: Signs) -> tuple[float, float]:
    """Mean of policy less rules over pairs ``(P, 2)``, and its two-sided p-value."""
    apart = values[:, 1] - values[:, 0]
    return float(signs @ apart) / len(apart), two_sided(float(signs @ apart), reference @ apart)
