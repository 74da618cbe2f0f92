"""What ``coldaisle place`` answers: the plan, what it strands, what binds, every single loss, the greedy rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.placing.binding import Binding, binding_of
from experiments.placing.capacity import SLACK_KW, Capacity
from experiments.placing.greedy import RULES
from experiments.placing.hall import PlacingHall
from experiments.placing.planning import Decided, Futures, Plan, greedy_plan, solved_plan, usable_kw, waves_of
from experiments.placing.plant_replay import Played, planned_scenario, played_losses
from experiments.placing.program import USUAL, Effort
from experiments.placing.racks import Deployment, Kind, Lot, Shape, lots_of
from experiments.placing.replay import Loss, losses
from experiments.placing.seats import Seat, seats_of

MOST_RACKS = 20_000


@dataclass(frozen=True)
class PlacingAsked:
    """What is asked.

    Attributes
    ----------
    later : tuple of Deployment
        What future arrivals are drawn from; empty: from the arrivals themselves.
    later_racks : int
        Racks of each drawn future; 0: no room is kept.
    futures : int
        Futures that are drawn.
    overload_frac : float
        What a feeder carries until racks are capped or shed, as a share of its limit.
    effort : Effort
    seed : int
        Of the futures.
    """

    later: tuple[Deployment, ...] = ()
    later_racks: int = 0
    futures: int = 1
    overload_frac: float = 1.25
    effort: Effort = USUAL
    seed: int = 0

    def __post_init__(self) -> None:
        """Check counts and shares."""
        for name, low, high in (("later_racks", 0, MOST_RACKS), ("futures", 1, 20), ("seed", 0, 2**32 - 1)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} = {getattr(self, name)}; give {low} to {high}")
        if not 1.0 <= self.overload_frac <= 2.0:
            raise ValueError(f"overload_frac = {self.overload_frac}; give 1 to 2")
        if self.effort.seconds <= 0.0 or self.effort.nodes < 1:
            raise ValueError(
                f"seconds = {self.effort.seconds}, nodes = {self.effort.nodes}; give more than 0 s and 1 node at least"
            )


class Refused(NamedTuple):
    """A deployment that is not placed, and what binds."""

    deployment: Deployment
    binding: Binding


class Ruled(NamedTuple):
    """What a greedy rule would place [kW], racks, and the usable power that it strands."""

    name: str
    kw: float
    racks: int
    stranded_frac: float


class PlacingAnswer(NamedTuple):
    """The answer.

    Attributes
    ----------
    decided : list of Decided
    seats : list of Seat
    refused : list of Refused
    losses : list of Loss
    played : list of Played
        In the plant; empty where the hall names no scenario.
    rules : list of Ruled
        The best first.
    kw : float
        Placed [kW].
    racks : int
    stranded_frac : float
        Usable power that neither stands nor is placed.
    """

    decided: list[Decided]
    seats: list[Seat]
    refused: list[Refused]
    losses: list[Loss]
    played: list[Played]
    rules: list[Ruled]
    kw: float
    racks: int
    stranded_frac: float


def placed_answer(
    hall: PlacingHall, arrivals: Sequence[Deployment], asked: PlacingAsked, folder: Path | None = None
) -> PlacingAnswer:
    """Plan, replay and compare.

    Parameters
    ----------
    hall : PlacingHall
    arrivals : sequence of Deployment
    asked : PlacingAsked
    folder : Path, optional
        Gets the load of the replay in the plant; without it the plant is not played.

    Raises
    ------
    ValueError
        Where what stands already passes a limit, or cannot be replayed in the scenario that the hall names.
    """
    capacity = Capacity(hall, asked.overload_frac)
    require_standing(capacity)
    plan = solved_plan(capacity, arrivals, _futures(arrivals, asked), asked.effort)
    shapes = [one.shape for one in arrivals]
    usable, standing = usable_kw(capacity, shapes), sum(rack.kind.kw for rack in hall.standing)

    def stranded(kw: float) -> float:
        return max(1.0 - (standing + kw) / usable, 0.0)

    seats = seats_of(capacity, plan.decided)
    racks = [(rack.kind, rack.position) for rack in hall.standing] + [(s.kind, s.position.name) for s in seats]
    refused = [
        Refused(one.deployment, binding_of(capacity, one.deployment.shape, plan.state))
        for one in plan.decided
        if one.placed is None
    ]
    rules = [_ruled(rule.name, greedy_plan(capacity, arrivals, rule), usable, standing) for rule in RULES]
    rules.sort(key=lambda one: -one.kw)
    played = _played(hall, racks, folder) if folder and hall.scenario else []
    return PlacingAnswer(
        plan.decided, seats, refused, losses(hall, racks), played, rules, plan.kw, len(seats), stranded(plan.kw)
    )


def require_standing(capacity: Capacity) -> None:
    """Refuse a hall whose standing racks pass a limit, or stand where no such rack may.

    Raises
    ------
    ValueError
        Naming rack or limit, and the mend.
    """
    for rack in capacity.hall.standing:
        if reason := capacity.unfit(rack.kind, capacity.block_of[rack.position]):
            raise ValueError(
                f"rack {rack.name!r} stands on {rack.position!r}, where it may not: {reason}; mend the position's "
                "limits or supplies, or the rack's needs"
            )
    load, _ = capacity.used()
    over = load - capacity.rows.limit_kw
    worst = int((over / capacity.rows.limit_kw).argmax())
    if over[worst] > SLACK_KW:
        raise ValueError(
            f"what stands already passes a limit: {capacity.rows.name[worst]} carries {load[worst]:.1f} kW of "
            f"{capacity.rows.limit_kw[worst]:.1f} kW; mend the limit, or the needs of the racks that stand"
        )


def _ruled(name: str, plan: Plan, usable: float, standing: float) -> Ruled:
    racks = sum(one.deployment.size for one in plan.decided if one.placed is not None)
    return Ruled(name, plan.kw, racks, max(1.0 - (standing + plan.kw) / usable, 0.0))


def _futures(arrivals: Sequence[Deployment], asked: PlacingAsked) -> Futures:
    """Behind each wave: the waves that are known, and drawn deployments."""
    waves = waves_of(arrivals)
    shapes = [one.shape for one in asked.later or arrivals]

    def of_wave(number: int) -> list[list[Lot]]:
        known = [one.shape for wave in waves[number + 1 :] for one in wave]
        rngs = [np.random.default_rng([asked.seed, number, n]) for n in range(asked.futures)]
        return [lots for rng in rngs if (lots := lots_of([*known, *_drawn(rng, shapes, asked.later_racks)]))]

    return of_wave


def _drawn(rng: np.random.Generator, shapes: Sequence[Shape], racks: int) -> list[Shape]:
    made: list[Shape] = []
    come = 0
    while come < racks:
        made.append(shapes[int(rng.integers(len(shapes)))])
        come += sum(count for _, count in made[-1].racks)
    return made


def _played(hall: PlacingHall, racks: Sequence[tuple[Kind, str]], folder: Path) -> list[Played]:
    from envs.scenario import load

    return played_losses(planned_scenario(load(hall.scenario), hall, racks, folder / "full_load.csv"))
