"""The bars that the comparison is held to, and the verdict on each: what was reached where, worst case first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from experiments.validation.compare import TOTAL, Pair, Row, modes, same_order

COMPONENT_CV_FRAC, COIL_RMSE_K = 0.05, 0.5
ANNUAL_FRAC, MONTHLY_NMBE_FRAC, MONTHLY_CV_FRAC = 0.05, 0.05, 0.10
HOURLY_CV_FRAC, HOURLY_STRETCH_FRAC, MODE_FRAC = 0.20, 0.15, 0.95
#: Fewer hours are no sample: the spread of 48 independent hours is known to a tenth, 1 / sqrt(2 (n - 1)).
LEAST_HOURS = 48


class ComponentRow(NamedTuple):
    """One quantity of one machine under EnergyPlus's boundary conditions, hourly."""

    plant: str
    case: str
    climate: str
    machine: str
    quantity: str
    unit: str
    mean: float
    bias: float
    rmse: float
    cv_rmse_frac: float
    hours: int


class PlantVerdict(NamedTuple):
    """One bar: its worst value over the climates, where, and whether it holds; None where the hours are too few."""

    plant: str
    case: str
    bar: str
    limit: str
    worst: str
    where: str
    passed: bool | None

    @property
    def words(self) -> str:
        """The verdict as it is printed."""
        if self.passed is None:
            return "too few hours"
        return "met" if self.passed else "missed"


def component_verdicts(rows: Sequence[ComponentRow]) -> list[PlantVerdict]:
    """Bars on single machines, per plant and case; rows whose machine carries a comma are analysis, not judged.

    A climate in which a machine ran for less than `LEAST_HOURS` is listed with its value and not judged.
    """
    made = []
    for plant, case in _kinds(rows):
        of = [r for r in rows if (r.plant, r.case) == (plant, case) and "," not in r.machine]
        for machine, quantity in dict.fromkeys((r.machine, r.quantity) for r in of):
            same = [r for r in of if (r.machine, r.quantity) == (machine, quantity)]
            enough = [v for r in same if r.hours >= LEAST_HOURS and (v := _component_verdict(r)) is not None]
            few = [(r, v) for r in same if r.hours < LEAST_HOURS and (v := _component_verdict(r)) is not None]
            made += [max(enough, key=lambda v: v[0])[1]] if enough else []
            made += [v._replace(worst=f"{v.worst} of {r.hours} hours", passed=None) for r, (_, v) in few]
    return made


def _component_verdict(row: ComponentRow) -> tuple[float, PlantVerdict] | None:
    """The measure that a quantity is judged by and its verdict in one climate; None where it has no bar."""
    head = (row.plant, row.case, f"{row.machine}: {row.quantity}")
    if row.machine == "coil" and row.quantity == "leaving air":
        limit, worst = f"RMSE <= {COIL_RMSE_K} K", f"{row.rmse:.2f} K"
        return row.rmse, PlantVerdict(*head, limit, worst, row.climate, row.rmse <= COIL_RMSE_K)
    if row.quantity not in ("power", "fan power", "sensible heat", "heat"):
        return None
    limit, worst = f"hourly CV(RMSE) <= {COMPONENT_CV_FRAC:.0%}", f"{row.cv_rmse_frac:.1%}"
    return row.cv_rmse_frac, PlantVerdict(*head, limit, worst, row.climate, row.cv_rmse_frac <= COMPONENT_CV_FRAC)


def plant_verdicts(rows: Sequence[Row], pairs: Sequence[Pair]) -> list[PlantVerdict]:
    """Bars on the whole plant's cooling electricity, per plant and case."""
    made = []
    for plant, case in _kinds(rows):
        of = [r for r in rows if (r.plant, r.case, r.quantity) == (plant, case, TOTAL)]
        measures = (
            ("annual cooling electricity", ANNUAL_FRAC, [abs(r.ours_mean / r.hourly.mean - 1.0) for r in of]),
            ("monthly NMBE", MONTHLY_NMBE_FRAC, [abs(r.monthly.nmbe_frac) for r in of]),
            ("monthly CV(RMSE)", MONTHLY_CV_FRAC, [r.monthly.cv_rmse_frac for r in of]),
            ("hourly CV(RMSE)", HOURLY_CV_FRAC, [r.hourly.cv_rmse_frac for r in of]),
            ("hourly CV(RMSE), stretch", HOURLY_STRETCH_FRAC, [r.hourly.cv_rmse_frac for r in of]),
        )
        for bar, limit, values in measures:
            value, row = max(zip(values, of, strict=True), key=lambda x: x[0])
            made.append(PlantVerdict(plant, case, bar, f"<= {limit:.0%}", f"{value:.1%}", row.climate, value <= limit))
        made += _mode_verdicts(plant, case, [p for p in pairs if (p.plant, p.case) == (plant, case)])
    return made


def _mode_verdicts(plant: str, case: str, pairs: Sequence[Pair]) -> list[PlantVerdict]:
    made = []
    tables = [(table, p.climate) for p in pairs if (table := modes(p)) is not None]
    if tables:
        share, where = min((float(table.trace() / table.sum()), climate) for table, climate in tables)
        passed = share >= MODE_FRAC
        made.append(
            PlantVerdict(plant, case, "same mode", f">= {MODE_FRAC:.0%} of hours", f"{share:.1%}", where, passed)
        )
    if len(pairs) > 1:
        theirs, ours = same_order(pairs)
        words = "same" if theirs == ours else " < ".join(ours) + " instead of " + " < ".join(theirs)
        made.append(PlantVerdict(plant, case, "order of climates", "same", words, "all", theirs == ours))
    return made


def _kinds(rows: Iterable[Row] | Iterable[ComponentRow]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((r.plant, r.case) for r in rows))
