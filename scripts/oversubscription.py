"""Published oversubscription beside ours, each under its own assumptions; ``python -m scripts.oversubscription``.

- POLCA (Patel and others 2023, arXiv 2308.12908): 30 % more inference servers fit. Inference peaks at 0.80 of what is
  provisioned, training at 0.97; caps begin at 0.80 and hold at 0.89 (recalled).
- Google's medium-voltage plane (Sakalkar and others 2020, ASPLOS): 25 % or more over nameplate, mixed work with
  priorities, over years.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from envs.equipment.rack_archetypes import HGX_AIR
from envs.scenario import Scenario, load
from envs.scenario.rack_group import RackGroup
from experiments.power_planning.answer import Planned, most_racks
from experiments.power_planning.hall_demand import hall_demand

RACKS = 20
SEEDS = (1, 2)
LOST_FRAC = 0.01
UNBOUND_KW = 5000.0
MIXES = {
    "inference": {"conv": 12, "code": 8},
    "training": {"frontier": 20},
    "mixed": {"frontier": 6, "shared": 6, "conv": 5, "code": 3},
}


class Published(NamedTuple):
    """A published figure.

    Attributes
    ----------
    source, mix : str
    peak_frac : float or None
        Highest demand over what is provisioned; None: the racks' nameplates are provisioned.
    held_frac : float
        Share of it that caps fill.
    words : str
        What was published.
    """

    source: str
    mix: str
    peak_frac: float | None
    held_frac: float
    words: str


FIGURES = (
    Published("POLCA", "inference", 0.80, 0.89, "+30 %"),
    Published("POLCA", "training", 0.97, 0.97, "little"),
    Published("Google", "mixed", None, 0.98, "+25 % or more"),
)


def row_of_racks(mix: str, provisioned_kw: float) -> Scenario:
    """Twenty racks of one kind behind one feeder of so many kW; rows and units bind nothing."""
    base = load("ai_hall", ["episode.step_s=300"])
    free = dict(row_limit_kw=[UNBOUND_KW], ups_units=3, ups_unit_kw=UNBOUND_KW, utility_limit_kw=2.0 * UNBOUND_KW)
    racks = {kind: RackGroup("hgx_air", count, workload=kind, breaker_kw=132.0) for kind, count in MIXES[mix].items()}
    power = replace(base.power, ups_limit_kw=provisioned_kw, pdu_loss_frac=0.0, **free)
    return replace(base, power=power, racks=racks)


def more_racks(figure: Published) -> float:
    """Racks that fit beside those provisioned for, as a share, at `LOST_FRAC` of the work lost."""
    plenty = row_of_racks(figure.mix, UNBOUND_KW)
    peak_kw = float(hall_demand(plenty, SEEDS, 2).wanted_kw.sum(axis=0).max())
    nameplate_kw = RACKS * float(HGX_AIR.nameplate_kw)
    provisioned_kw = nameplate_kw if figure.peak_frac is None else peak_kw / figure.peak_frac
    scenario = row_of_racks(figure.mix, provisioned_kw / 0.97)  # of a UPS 0.03 are fans and pumps
    asked = Planned(lost_frac=LOST_FRAC, held_frac=figure.held_frac, seeds=SEEDS, years=10)
    return max((row.added for row in most_racks(scenario, asked) if row.fits(asked)), default=0) / RACKS


def main() -> None:
    """Print the table."""
    for figure in FIGURES:
        print(f"| {figure.source} | {figure.mix} | {figure.words} | {100.0 * more_racks(figure):+.0f} % |")


if __name__ == "__main__":
    main()
