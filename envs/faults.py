"""The fault library: what breaks, when, for how long, and what the plant then has left.

Faults are scheduled (an evaluation) or drawn at reset from rates per year (training). A plan holds them as compact
arrays; asking it once per control step costs a few array operations, and nothing where no fault is configured. Faults
never look at the state: they are exogenous, the same for every policy of a pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from envs.physics.namespace import Floats

#: Kind of fault to what its magnitude means, and the largest one that makes sense.
KINDS: dict[str, tuple[str, float]] = {
    "crah_fan": ("room units lost in zone `index`", 64.0),
    "chiller_trip": ("chillers lost", 64.0),
    "tower_cell": ("tower or dry-cooler cells lost", 64.0),
    "pump_cw": ("condenser-water pumps lost", 64.0),
    "pump_chw": ("chilled-water pumps lost", 64.0),
    "pump_fws": ("facility-water pumps lost", 64.0),
    "pump_tcs": ("coolant pumps lost", 64.0),
    "cdu": ("coolant distribution units lost", 64.0),
    "utility_curtailment": ("share of the expected peak that the utility no longer gives", 1.0),
    "weather_hot": ("K added to the dry bulb", 15.0),
    "load_loss": ("share of the IT load that vanishes", 1.0),
    "sensor_stuck": ("1: sensor row `index` repeats its last reading", 1.0),
    "sensor_drift": ("K or unit added to sensor row `index`, reached at the end", 100.0),
}
#: Wet-bulb rise per kelvin of dry bulb at constant humidity ratio: 0.35 to 0.26 from 25 to 35 degC, 40 % (PHYSICS A8).
WET_PER_DRY = 0.30
_INDEXED = ("crah_fan", "sensor_stuck", "sensor_drift")
_SITE = (
    "chiller_trip", "tower_cell", "pump_cw", "pump_chw", "pump_fws", "pump_tcs", "cdu",
    "utility_curtailment", "weather_hot", "load_loss",
)  # fmt: skip
_YEAR_S = 365.0 * 86_400.0
_NEVER_S = 1e30  # finite, so that a product with zero stays zero


@dataclass(frozen=True)
class Fault:
    """One event in one environment's episode.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    start_s, duration_s : float
        Since the start of the episode [s].
    index : int
        Zone of a room unit, row of a sensor in its bank; 0 for the others.
    magnitude : float
        As ``KINDS`` says. Simultaneous faults add up.
    """

    kind: str
    start_s: float
    duration_s: float
    index: int = 0
    magnitude: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot happen, with the mend."""
        if self.kind not in KINDS:
            raise ValueError(f"Fault.kind = {self.kind!r} is unknown; choose one of {sorted(KINDS)}")
        if not (np.isfinite(self.start_s) and self.start_s >= 0.0):
            raise ValueError(
                f"Fault.start_s = {self.start_s!r}; give seconds since the start of the episode, 0 or more"
            )
        if not self.duration_s > 0.0:
            raise ValueError(f"Fault.duration_s = {self.duration_s!r}; give seconds above 0 (inf: for good)")
        meaning, most = KINDS[self.kind]
        low = -most if self.kind in ("sensor_drift", "weather_hot") else 0.0
        if not low <= self.magnitude <= most:
            raise ValueError(
                f"Fault.magnitude = {self.magnitude!r} of a {self.kind} is outside [{low}, {most}]; it means: {meaning}"
            )
        if self.index < 0 or (self.index and self.kind not in _INDEXED):
            raise ValueError(f"Fault.index = {self.index!r} of a {self.kind}; give 0 (an index is for {_INDEXED} only)")


@dataclass(frozen=True)
class FaultRate:
    """How often a kind of fault strikes at random, for draws at reset."""

    kind: str
    per_year: float
    mean_duration_s: float
    magnitude: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot happen, with the mend."""
        Fault(self.kind, 0.0, self.mean_duration_s, 0, self.magnitude)
        if not (np.isfinite(self.per_year) and self.per_year >= 0.0):
            raise ValueError(f"FaultRate.per_year = {self.per_year!r} of {self.kind}; give events a year, 0 or more")


@dataclass(frozen=True)
class FaultConfig:
    """Faults of a scenario: those on a timetable, the same in every episode, and those that strike at random."""

    scheduled: list[Fault] = field(default_factory=list)
    random: list[FaultRate] = field(default_factory=list)

    def draw(self, episode_s: float, zones: int, sensors: int, generator: np.random.Generator) -> list[Fault]:
        """Faults of one episode; a timetable alone takes nothing from the generator."""
        return [*self.scheduled, *draw_faults(self.random, episode_s, zones, sensors, generator)]


class Availability(NamedTuple):
    """What is missing at a moment: ``(B,)`` unless said; sensor entries are None where no sensor fault is planned."""

    crah_units_lost: Floats
    """``(Z, B)``."""
    chillers_lost: Floats
    tower_cells_lost: Floats
    cw_pumps_lost: Floats
    chw_pumps_lost: Floats
    fws_pumps_lost: Floats
    tcs_pumps_lost: Floats
    cdus_lost: Floats
    utility_limit_frac: Floats
    """Share of the utility limit that is left; 1 without a curtailment."""
    dry_bulb_add_c: Floats
    wet_bulb_add_c: Floats
    load_frac: Floats
    """Share of the IT load that is left."""
    sensor_stuck: Floats | None
    """0/1 ``(N, B)``, for ``SensorBank.measure``."""
    sensor_offset: Floats | None
    """Error ``(N, B)`` in the unit of the reading, for ``SensorBank.measure``."""


def without_sensors(lost: Availability) -> Availability:
    """What the plant loses, whatever its sensors do."""
    return lost if lost.sensor_stuck is None else lost._replace(sensor_stuck=None, sensor_offset=None)


class FaultPlan(NamedTuple):
    """Faults of ``B`` environments as arrays, ``F`` events each (padded)."""

    start_s: Floats
    """``(F, B)``; inf where there is no event."""
    end_s: Floats
    magnitude: Floats
    per_duration: Floats
    """``(F, B)`` one over the duration of a drifting sensor [1/s], 0 for the others (their error does not grow)."""
    row: NDArray[np.intp]
    """Flat target ``row * B + environment`` of each event, ``(F, B)``."""
    zones: int
    sensors: int
    sensor_faults: bool
    """Whether any sensor fault is planned."""
    nothing: Availability
    """The answer without faults: constant arrays."""

    @property
    def has_faults(self) -> bool:
        """Whether any environment has any fault."""
        return bool(self.start_s.shape[0])


def fault_plan(
    faults: Sequence[Iterable[Fault]], zones: int = 1, sensors: int = 0, dtype: DTypeLike = np.float32
) -> FaultPlan:
    """Plan of one list of faults per environment.

    Parameters
    ----------
    faults : sequence of lists of Fault
        One entry per environment (``B``); entries may be empty.
    zones, sensors : int
        Air zones, and rows of the sensor bank.

    Raises
    ------
    ValueError
        Where a fault names a zone or sensor row that does not exist.
    """
    lists = {column: list(entry) for column, entry in enumerate(faults)}
    empty = np.zeros((0, len(lists)))
    row = np.zeros((0, len(lists)), dtype=np.intp)
    nothing = nothing_lost(len(lists), zones, dtype)
    return with_new_faults(FaultPlan(empty, empty, empty, empty, row, zones, sensors, False, nothing), lists)


def with_new_faults(plan: FaultPlan, faults: Mapping[int, Iterable[Fault]]) -> FaultPlan:
    """Plan in which some environments (by column) have new faults: for those that begin another episode."""
    lists = {column: list(entry) for column, entry in faults.items()}
    n = plan.start_s.shape[1]
    depth = max([len(plan.start_s), *(len(entry) for entry in lists.values())])
    start, end = _padded_copy(plan.start_s, depth, _NEVER_S), _padded_copy(plan.end_s, depth, _NEVER_S)
    magnitude, per_duration = _padded_copy(plan.magnitude, depth, 0.0), _padded_copy(plan.per_duration, depth, 0.0)
    row = _padded_copy(plan.row, depth, np.arange(n))
    for column, entry in lists.items():
        start[:, column], end[:, column], magnitude[:, column], row[:, column] = _NEVER_S, _NEVER_S, 0.0, column
        per_duration[:, column] = 0.0
        for k, fault in enumerate(entry):
            start[k, column], end[k, column] = fault.start_s, fault.start_s + fault.duration_s
            magnitude[k, column] = fault.magnitude
            per_duration[k, column] = 1.0 / fault.duration_s if fault.kind == "sensor_drift" else 0.0
            row[k, column] = _row(fault, plan.zones, plan.sensors) * n + column
    used = int(np.sum((start < _NEVER_S).any(axis=1)))
    sensor_faults = bool((row >= (plan.zones + len(_SITE)) * n).any())
    kept = (a[:used] for a in (start, end, magnitude, per_duration))
    start, end, magnitude, per_duration = kept
    return FaultPlan(
        start, end, magnitude, per_duration, row[:used], plan.zones, plan.sensors, sensor_faults, plan.nothing
    )


def availability(plan: FaultPlan, time_s: Floats) -> Availability:
    """State of the site at a time since the start of the episode ``(B,)`` [s].

    Without faults this is a constant that costs nothing. A fault holds from its start (inclusive) to its end.
    """
    if not plan.has_faults:
        return plan.nothing
    dtype, n = plan.nothing.load_frac.dtype, plan.start_s.shape[1]
    time = np.asarray(time_s, dtype=np.float64)
    grown = np.where(plan.per_duration > 0.0, (time - plan.start_s) * plan.per_duration, 1.0)
    active = np.where((time >= plan.start_s) & (time < plan.end_s), plan.magnitude * grown, 0.0)
    first = plan.zones + len(_SITE)
    rows = first + 2 * plan.sensors * plan.sensor_faults
    total = np.bincount(plan.row.ravel(), weights=active.ravel(), minlength=rows * n).reshape(rows, n).astype(dtype)
    site = dict(zip(_SITE, total[plan.zones : first]))
    return Availability(
        crah_units_lost=total[: plan.zones],
        chillers_lost=site["chiller_trip"],
        tower_cells_lost=site["tower_cell"],
        cw_pumps_lost=site["pump_cw"],
        chw_pumps_lost=site["pump_chw"],
        fws_pumps_lost=site["pump_fws"],
        tcs_pumps_lost=site["pump_tcs"],
        cdus_lost=site["cdu"],
        utility_limit_frac=np.maximum(1.0 - site["utility_curtailment"], 0.0),
        dry_bulb_add_c=site["weather_hot"],
        wet_bulb_add_c=site["weather_hot"] * WET_PER_DRY,
        load_frac=np.maximum(1.0 - site["load_loss"], 0.0),
        sensor_stuck=np.minimum(total[first : first + plan.sensors], 1.0) if plan.sensor_faults else None,
        sensor_offset=total[first + plan.sensors :] if plan.sensor_faults else None,
    )


def nothing_lost(n: int, zones: int, dtype: DTypeLike = np.float32) -> Availability:
    """State of ``n`` sites at which every machine is there; its arrays cannot be written."""
    zero, one, units = np.zeros(n, dtype), np.ones(n, dtype), np.zeros((zones, n), dtype)
    for array in (zero, one, units):
        array.flags.writeable = False
    return Availability(units, zero, zero, zero, zero, zero, zero, zero, one, zero, zero, one, None, None)


def draw_faults(
    rates: Iterable[FaultRate], episode_s: float, zones: int, sensors: int, generator: np.random.Generator
) -> list[Fault]:
    """Random faults of one episode: Poisson in time, exponential in duration; call it at reset only.

    Parameters
    ----------
    rates : iterable of FaultRate
        What may strike, and how often on the whole site.
    episode_s : float
        Length of the episode [s].
    zones, sensors : int
        The index of a room unit or a sensor is drawn evenly among these.
    generator : numpy.random.Generator
        Of this environment's episode.
    """
    drawn = []
    for rate in rates:
        targets = {"crah_fan": zones, "sensor_stuck": sensors, "sensor_drift": sensors}.get(rate.kind, 1)
        for _ in range(generator.poisson(rate.per_year * episode_s / _YEAR_S) if targets else 0):
            start, duration = generator.uniform(0.0, episode_s), generator.exponential(rate.mean_duration_s)
            index = int(generator.integers(targets))
            drawn.append(Fault(rate.kind, float(start), max(float(duration), 1.0), index, rate.magnitude))
    return drawn


def _row(fault: Fault, zones: int, sensors: int) -> int:
    """Row of a fault's target: zones first, then the site's, then stuck and drifting sensors."""
    if fault.kind in _SITE:
        return zones + _SITE.index(fault.kind)
    count, what = (zones, "zones") if fault.kind == "crah_fan" else (sensors, "sensor rows")
    if fault.index >= count:
        raise ValueError(f"Fault.index = {fault.index} of a {fault.kind}, but there are {count} {what}; give less")
    first = {"crah_fan": 0, "sensor_stuck": zones + len(_SITE), "sensor_drift": zones + len(_SITE) + sensors}
    return first[fault.kind] + fault.index


def _padded_copy(array: Floats, depth: int, fill: Floats | float) -> Floats:
    """Copy of an array ``(F, B)`` with rows of ``fill`` added up to ``depth``."""
    extra = (depth - array.shape[0], array.shape[1])
    return np.concatenate([array, np.broadcast_to(np.asarray(fill, dtype=array.dtype), extra)])
