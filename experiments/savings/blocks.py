"""Means over the judged hours of each block, and how well it was measured and followed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.savings.record import Floats, SiteRecord, weekday_of
from experiments.savings.schedule import Schedule, Signs, arms

COVERED_FRAC = 0.8  # of a block's judged hours that must be measured, else its pair is left out
SATURDAY = 5
NEEDED = ("power_kw", "load")


class PairedBlocks(NamedTuple):
    """Blocks by pair; the first column is the earlier one.

    Attributes
    ----------
    begins : ndarray of int (P, 2)
        Hour in which each block begins, counted from `record.EPOCH`.
    power_kw, load, wet_bulb_c, dry_bulb_c : ndarray (P, 2)
        Means over the judged hours; NaN where too few were measured.
    early_kw, early_load : ndarray (P, 2)
        Means over the first judged hours, as many as the wash-out has (at least one).
    weekend : ndarray (P, 2)
        1 on Saturday and Sunday.
    is_policy : ndarray of bool (P, 2)
        The policy's by the plan.
    after_other : ndarray of bool (P, 2)
        Whether the other arm had the block just before.
    followed_frac : ndarray (P, 2)
        Share of the judged hours in which who was in control is who should have been; NaN where nobody recorded it.
    hottest_c : ndarray (P, 2)
        Hottest inlet of the judged hours.
    """

    begins: NDArray[np.int64]
    power_kw: Floats
    load: Floats
    wet_bulb_c: Floats
    dry_bulb_c: Floats
    early_kw: Floats
    early_load: Floats
    weekend: Floats
    is_policy: NDArray[np.bool_]
    after_other: NDArray[np.bool_]
    followed_frac: Floats
    hottest_c: Floats

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Pairs ``(P,)`` of which both blocks were measured well enough."""
        whole = [np.isfinite(getattr(self, name)).all(axis=1) for name in NEEDED]
        bulbs = np.isfinite(self.wet_bulb_c).all(axis=1) | np.isfinite(self.dry_bulb_c).all(axis=1)
        return np.logical_and.reduce([*whole, bulbs])

    def rows(self, which: NDArray[np.bool_]) -> PairedBlocks:
        """Some of the pairs."""
        return self._replace(**{name: column[which] for name, column in self._asdict().items()})


def paired_blocks(record: SiteRecord, schedule: Schedule, signs: Signs) -> PairedBlocks:
    """Blocks of a switchback, from what the site recorded."""
    starts, is_policy = schedule.starts(), arms(schedule, signs)
    judged = np.arange(schedule.washout_h, schedule.block_h)
    early = judged[: max(schedule.washout_h, 1)]

    def at(offsets: NDArray[np.int64]) -> SiteRecord:
        hours = (starts[..., None] + offsets).ravel()
        first = int(hours.min())
        span = record.part(first, int(hours.max()) - first + 1)
        picked = {n: getattr(span, n)[hours - first] for n in span.__dataclass_fields__ if n != "first_hour"}
        return SiteRecord(first, **picked)

    whole, begun = at(judged), at(early)
    held, shape = whole.in_control, (*starts.shape, -1)
    should = np.repeat(is_policy.ravel(), len(judged))
    followed = np.where(np.isfinite(held), np.where(should, held, 1.0 - held), np.nan)
    hottest = np.where(np.isfinite(whole.inlet_c), whole.inlet_c, -np.inf).reshape(shape).max(axis=-1)
    return PairedBlocks(
        begins=starts,
        power_kw=covered_means(whole.power_kw.reshape(shape)),
        load=covered_means(whole.load.reshape(shape)),
        wet_bulb_c=covered_means(whole.wet_bulb_c.reshape(shape)),
        dry_bulb_c=covered_means(whole.dry_bulb_c.reshape(shape)),
        early_kw=covered_means(begun.power_kw.reshape(shape)),
        early_load=covered_means(begun.load.reshape(shape)),
        weekend=(weekday_of(starts) >= SATURDAY).astype(np.float64),
        is_policy=is_policy,
        after_other=_after_other(starts, is_policy),
        followed_frac=covered_means(followed.reshape(shape)),
        hottest_c=np.where(np.isfinite(hottest), hottest, np.nan),
    )


def covered_means(values: Floats) -> Floats:
    """Means over the last axis; NaN where too few were measured."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.where(count >= COVERED_FRAC * values.shape[-1], total / np.maximum(count, 1), np.nan)


def _after_other(starts: NDArray[np.int64], is_policy: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the block that ends where this one begins is the other arm's; false for the first one."""
    order = np.argsort(starts, axis=None)
    ordered = is_policy.ravel()[order]
    changed = np.concatenate([[False], ordered[1:] != ordered[:-1]])
    found = np.empty(starts.size, bool)
    found[order] = changed
    return found.reshape(starts.shape)
