"""How good forecasts were: errors, coverage and width by horizon, per hall, as sums that add up over halls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from envs.physics.namespace import Floats

HORIZONS_MIN = (5, 15, 30, 60, 120, 240, 480, 720, 960, 1440)


@dataclass
class Score:
    """Sums over day-blocks of one forecaster in one hall or in many; ``(H, G)``, the last target is cooling power.

    Attributes
    ----------
    blocks : int
        Day-blocks.
    squared, absolute, error, inside, inside_true, width : ndarray (H, G)
        Sums over blocks: of the errors against the reading, of readings and true values within the interval, of its
        width.
    block_inside : ndarray (2, blocks)
        Share inside the interval of each block over all horizons: inlets, cooling power.
    """

    blocks: int
    squared: Floats
    absolute: Floats
    error: Floats
    inside: Floats
    inside_true: Floats
    width: Floats
    block_inside: Floats

    def inlets(self, name: str) -> Floats:
        """Mean over blocks and racks by horizon ``(H,)``."""
        mean: Floats = getattr(self, name)[:, :-1].mean(axis=1) / self.blocks
        return mean

    def cooling(self, name: str) -> Floats:
        """Mean over blocks by horizon ``(H,)``, of the hall's cooling power."""
        mean: Floats = getattr(self, name)[:, -1] / self.blocks
        return mean


def score_of(mean: Floats, low: Floats, high: Floats, read: Floats, true: Floats) -> Score:
    """Score of forecasts ``(H, G, N)`` against readings and true values; ``low`` and ``high`` are bounds."""
    error = read - mean
    inside = (read >= low) & (read <= high)
    share = np.stack([inside[:, :-1].mean(axis=(0, 1)), inside[:, -1].mean(axis=0)])
    return Score(
        blocks=mean.shape[2],
        squared=(error**2).sum(axis=2),
        absolute=np.abs(error).sum(axis=2),
        error=error.sum(axis=2),
        inside=inside.sum(axis=2).astype(float),
        inside_true=((true >= low) & (true <= high)).sum(axis=2).astype(float),
        width=(high - low).sum(axis=2),
        block_inside=share,
    )


def pooled_score(scores: Sequence[Score]) -> Score:
    """One score over halls."""
    names = ("squared", "absolute", "error", "inside", "inside_true", "width")
    sums = {name: np.sum([getattr(s, name) for s in scores], axis=0) for name in names}
    blocks = np.concatenate([s.block_inside for s in scores], axis=1)
    return Score(sum(s.blocks for s in scores), block_inside=blocks, **sums)


def pooled_coverage(score: Score) -> dict[str, float]:
    """Coverage over all horizons: inlets, cooling power, and each counted as one target."""
    inlet, cooling = float(score.inlets("inside").mean()), float(score.cooling("inside").mean())
    return {"inlet": inlet, "cooling": cooling, "both": 0.5 * (inlet + cooling)}


def hall_interval(scores: Sequence[Score], draws: int = 2000, seed: int = 0) -> dict[str, tuple[float, float]]:
    """95 % bootstrap interval of the pooled coverages; whole halls are drawn, since their days are alike."""
    rng = np.random.default_rng(seed)
    by_hall = np.array([[s.block_inside[0].mean(), s.block_inside[1].mean()] for s in scores])
    picked = by_hall[rng.integers(len(scores), size=(draws, len(scores)))].mean(axis=1)
    ends = np.quantile(picked, [0.025, 0.975], axis=0)
    return {name: (float(ends[0, i]), float(ends[1, i])) for i, name in enumerate(("inlet", "cooling"))}


def rows_of(score: Score, step_min: float) -> list[dict[str, float]]:
    """One row per shown horizon: errors, coverage and width of inlets and cooling power."""
    rows = []
    for minutes in HORIZONS_MIN:
        h = round(minutes / step_min) - 1
        if h >= len(score.squared):
            continue
        rows.append(
            {
                "horizon_min": float(minutes),
                "inlet_rmse_k": float(np.sqrt(score.inlets("squared")[h])),
                "inlet_coverage": float(score.inlets("inside")[h]),
                "inlet_coverage_true": float(score.inlets("inside_true")[h]),
                "inlet_width_k": float(score.inlets("width")[h]),
                "cooling_rmse_kw": float(np.sqrt(score.cooling("squared")[h])),
                "cooling_coverage": float(score.cooling("inside")[h]),
                "cooling_width_kw": float(score.cooling("width")[h]),
            }
        )
    return rows
