"""What a plant carries from one sub-step to the next, and what holds for the whole control step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from envs.equipment import air_side, breaker, power_capper, rack
from envs.physics.namespace import Array
from envs.plant import work


class PlantState(NamedTuple):
    """State of every machine; a machine that is not there is None."""

    rack: rack.RackState
    air: air_side.AirState
    tcs: Any
    fws: Any
    chw: Any
    tower: Any
    dry: Any
    breaker: breaker.BreakerState
    capper: power_capper.CapperState
    battery: Any
    work: work.WorkState
    inlet_c: Array  # (R, B), of the last sub-step: breaks the loop between server fans and air balance
    exhaust_c: Array  # (R, B), of the last sub-step
    alive: Array  # (R, B)
    ups_alive: Array  # (B,), 0 while the UPS output is open: its fans and pumps stand still
    rack_down_s: Array  # (R, B), until a rack that shut itself down works again
    protective_kw: Array  # (R, B), limits of the fast capper for the next sub-step
    alarm: Array  # (Z, B), inlet alarm of the last sub-step
    coolant_alarm: Array  # (B,)


def with_work_of(state: PlantState, other: PlantState) -> PlantState:
    """``state`` with the work that waits in ``other``.

    A plant that is driven by measured power has this of the step before: what was measured is what ran, so work that
    it held back itself would run twice.
    """
    return state._replace(work=other.work)


class Fit(NamedTuple):
    """Machines able to run, never fewer than none whatever faults add up to: ``(B,)``, room units ``(Z, B)``."""

    crah_units: Array
    chillers: Array
    cells: Array  # of the tower, or dry coolers
    fws_pumps: Array
    cdus: Array
    chw_pumps: Array


def powered(fit: Fit, ups_alive: Array) -> Fit:
    """What is fit and has power: the UPS feeds room units, coolant and facility-water pumps (SCENARIOS ai_hall)."""
    return fit._replace(
        crah_units=fit.crah_units * ups_alive, fws_pumps=fit.fws_pumps * ups_alive, cdus=fit.cdus * ups_alive
    )


class Now(NamedTuple):
    """What holds for the whole control step."""

    in_force: Mapping[str, Array]
    outside: Any
    limit_kw: Array  # (R, B)
    activity: Array  # (S, R, B)
    demand: Any
    tower_weather: Any
    air_terms: Any
    dx: Any
    fit: Fit
    utility_frac: Array  # (B,), share of the utility limit that is left
    coolant_floor_c: Any  # (B,), keeps the coolant pipes dry
    coil_water_frac: Any  # (B,), of the coils' water with valves wide open, what the pumps can bring
    dt_s: float


class Liquid(NamedTuple):
    """The liquid side of a sub-step; None where there is none."""

    tcs_state: Any
    tcs: Any
    fws_state: Any
    fws: Any
    dry_state: Any
    dry: Any


NO_LIQUID = Liquid(None, None, None, None, None, None)
