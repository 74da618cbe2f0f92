"""Prediction intervals from the forecaster's own past errors: split conformal, by horizon and group, ever newer.

A forecast may use every error that has been seen by then: those of the training days, made out of fold, and those of
all later forecasts whose moment has come. Newer errors weigh more, so a season that changes widens the bands by itself
(Barber, Candes, Ramdas, Tibshirani 2023, nonexchangeable conformal; Gibbs and Candes 2021 for the aim).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.forecasting.direct_ridge import between_knots, knots_up_to
from envs.parameters import Parameters, parameter
from envs.physics.namespace import Floats


@dataclass(frozen=True)
class Bands(Parameters):
    """How wide, and how fast old errors are forgotten."""

    coverage: float = parameter(0.90, 0.5, 0.99, "1", "what an operator reads")
    memory_days: float = parameter(14.0, 1.0, 365.0, "day", "engineering guess; errors weigh exp(-age/memory)")


class Conformal:
    """Signed errors of past forecasts, and the quantiles of those that are known at a moment.

    Parameters
    ----------
    groups : sequence of arrays of int
        Targets whose errors are taken together.
    steps : int
        Longest horizon [control steps].
    per_day : int
        Control steps of a day.
    bands : Bands
    """

    def __init__(self, groups: list[Floats], steps: int, per_day: int, bands: Bands) -> None:
        self.groups, self.steps, self.per_day, self.bands = groups, steps, per_day, bands
        self.knots = knots_up_to(steps)
        self._rows = _neighbourhoods(self.knots)
        self._made: list[Floats] = []
        self._errors: list[Floats] = []
        self._sorted: list[list[tuple[Floats, Floats]]] | None = None

    def learn(self, made: Floats, errors: Floats) -> None:
        """Add forecasts made at rows ``made (N,)``: what was read less what was expected, ``(H, G, N)``."""
        self._made.append(np.asarray(made))
        self._errors.append(errors[self._rows].astype(np.float32))
        self._sorted = None

    def offsets(self, now: Floats) -> tuple[Floats, Floats]:
        """Distance of the lower and upper bound from the mean ``(H, G, B)``, from errors known at rows ``now (B,)``.

        The quantile's level is raised by the usual ``1 + 1/n`` with n the days' worth of errors that count.
        """
        if not self._made:
            raise ValueError("no errors are known, so there are no intervals; call fit with training days first")
        made, now = np.concatenate(self._made), np.atleast_1d(now)
        low = np.empty((len(self.knots), sum(len(g) for g in self.groups), len(now)))
        high = np.empty_like(low)
        for k, horizon in enumerate(self._rows[:, -1] + 1):  # the last error of a knot to be known
            age_days = (now[:, None] - made - horizon) / self.per_day
            if not (age_days >= 0.0).any(axis=1).all():
                raise ValueError(
                    f"row {int(now.min())} knows no error at {int(horizon)} steps ahead; ask at a later row"
                )
            weight = np.where(age_days >= 0.0, np.exp(-np.maximum(age_days, 0.0) / self.bands.memory_days), 0.0)
            tail = 0.5 * (1.0 - self.bands.coverage) / (1.0 + 1.0 / self._days(made, weight))
            for group, (errors, moment) in zip(self.groups, self._sorted_errors()[k]):
                for b, level in enumerate(tail):
                    low[k, group, b], high[k, group, b] = _quantiles(errors, weight[b, moment], level)
        return between_knots(low, self.knots, self.steps), between_knots(high, self.knots, self.steps)

    def _days(self, made: Floats, weight: Floats) -> Floats:
        """Effective number of days ``(B,)`` among forecasts of weights ``(B, N)``."""
        day = (made // self.per_day).astype(int)
        day -= day.min()
        by_day = np.stack([np.bincount(day, weights=w) for w in weight])
        days: Floats = by_day.sum(axis=1) ** 2 / (by_day**2).sum(axis=1)
        return days

    def _sorted_errors(self) -> list[list[tuple[Floats, Floats]]]:
        """By knot and group: all errors ascending, and which forecast each is of."""
        if self._sorted is None:
            errors = np.concatenate(self._errors, axis=3)
            self._sorted = []
            for at in errors:
                rows = []
                for group in self.groups:
                    flat = at[:, group].ravel()
                    order = np.argsort(flat)
                    rows.append((flat[order], order % at.shape[2]))
                self._sorted.append(rows)
        return self._sorted


def _quantiles(errors: Floats, mass: Floats, level: float) -> Floats:
    """Quantiles at ``level`` and ``1 - level`` of ascending errors; those without mass are not known yet."""
    known = mass > 0.0
    mass = mass[known]
    share = (np.cumsum(mass) - 0.5 * mass) / mass.sum()
    found: Floats = np.interp([level, 1.0 - level], share, errors[known])
    return found


def _neighbourhoods(knots: Floats) -> Floats:
    """Rows ``(K, 3)`` of the horizons whose errors stand for a knot: it, and a third of the way beside it."""
    before = np.concatenate([knots[:1], knots[:-1]])
    after = np.concatenate([knots[1:], knots[-1:]])
    rows: Floats = np.stack([knots - (knots - before) // 3, knots, knots + (after - knots) // 3], axis=1) - 1
    return rows
