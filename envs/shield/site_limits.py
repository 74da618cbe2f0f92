"""What a site's machines bear, as plain numbers: the shield reads these, on an operator's box as in training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from envs.parameters import Parameters, parameter

GUESS = "engineering guess"


@dataclass(frozen=True)
class SiteLimits(Parameters):
    """Interlocks of one site; what the site lacks is never looked at.

    Attributes
    ----------
    least_air_frac : float
        Least air of a zone's room units, over what its racks draw.
    least_coolant_flow_frac : float
        Least speed of the coolant pumps.
    dew_margin_k : float
        Least coolant supply over the room's dew point.
    chiller_lead_k : float
        How far the chilled-water setpoint may stand over the loop while no chiller may be staged.
    row_limit_frac : tuple of float
        What each row's branch carries, over the rating of its racks; empty where unknown.
    service_limit_share : float
        What the utility's service carries, over the site's rated IT power; 0 where unknown.
    rated_it_kw : float
        Rated IT power [kW].
    """

    least_air_frac: float = parameter(0.5, 0.0, 2.0, "1", f"{GUESS}: half of what the racks draw")
    least_coolant_flow_frac: float = parameter(0.70, 0.1, 1.0, "1", "PHYSICS D6; vendor interlock")
    dew_margin_k: float = parameter(3.0, 0.0, 10.0, "K", "SCENARIOS, PHYSICS D6")
    chiller_lead_k: float = parameter(1.5, 0.2, 10.0, "K", "PHYSICS e1: error at which another chiller starts")
    row_limit_frac: tuple[float, ...] = ()
    service_limit_share: float = parameter(0.0, 0.0, 100.0, "1", "of the scenario's power chain")
    rated_it_kw: float = parameter(0.0, 0.0, 1e7, "kW", "of the scenario's racks")

    def plain(self) -> dict[str, Any]:
        """As plain data that JSON can hold."""
        return {**asdict(self), "row_limit_frac": list(self.row_limit_frac)}


def site_limits_from(plain: Mapping[str, Any]) -> SiteLimits:
    """Of plain data; what it lacks is as usual.

    Raises
    ------
    ValueError
        For a key that is unknown, or a value out of its range.
    """
    try:
        return SiteLimits(**{**plain, "row_limit_frac": tuple(plain.get("row_limit_frac", ()))})
    except TypeError as error:
        raise ValueError(f"limits of the site are not as this version has them ({error}); export again") from None
