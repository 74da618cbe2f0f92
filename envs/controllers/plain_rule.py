"""The building's rule as plain data that JSON can hold, and back: a bundle carries it to an operator's box."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from envs.controllers.base import CombinedController, Controller
from envs.controllers.fixed import Fixed
from envs.controllers.marginal_value import Feeder, MarginalValueCaps, Pieces
from envs.controllers.outdoor_reset import OutdoorReset
from envs.controllers.pid import FanPi, FanPiController
from envs.controllers.proportional import ProportionalCaps
from envs.controllers.setpoint_reset import (
    ChilledWaterReset,
    CondenserReset,
    CondenserWaterReset,
    SupplyAirReset,
    TrimRespond,
)
from envs.controllers.three_band import ThreeBandCaps
from envs.controllers.water_filling import WaterFillingCaps
from envs.unknown_name import unknown_name

PartData = dict[str, object]
Read = Callable[[Any], Any]


class Loop(NamedTuple):
    """A controller and how each of its arguments, which it keeps under their names, is read back."""

    kind: Callable[..., Controller]
    arguments: Mapping[str, Read]


def _outdoor(data: Mapping[str, float]) -> OutdoorReset:
    return OutdoorReset(**data)


def _rows(data: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Values of each row; they are kept as columns ``(k, 1)``."""
    return {name: np.asarray(values, np.float64).ravel().tolist() for name, values in data.items()}


def _pieces(data: Sequence[Any]) -> Pieces:
    row, *others = data
    return Pieces(np.asarray(row, np.int64), *(np.asarray(x, np.float64) for x in others))


def _trim(data: Mapping[str, float]) -> TrimRespond:
    return TrimRespond(**data)


_CAPS: dict[str, Read] = {"row_rated_kw": np.asarray, "budget_kw": float, "floor_frac": float}
LOOPS: dict[str, Loop] = {
    "fan_pi": Loop(FanPiController, {"constants": lambda d: FanPi(**d), "step_s": float, "outdoor": _outdoor}),
    "supply_air_reset": Loop(
        SupplyAirReset,
        {
            "constants": _trim,
            "membership": np.asarray,
            "step_s": float,
            "one_c": float,
            "three_c": float,
            "outdoor": _outdoor,
        },
    ),
    "chilled_water_reset": Loop(ChilledWaterReset, {"constants": _trim, "step_s": float, "outdoor": _outdoor}),
    "condenser_water_reset": Loop(
        CondenserWaterReset, {"constants": lambda d: CondenserReset(**d), "outdoor": _outdoor}
    ),
    "fixed": Loop(Fixed, {"values": _rows, "outdoor": _outdoor}),
    "proportional_caps": Loop(ProportionalCaps, _CAPS),
    "water_filling_caps": Loop(WaterFillingCaps, {**_CAPS, "row_priority": np.asarray, "high_frac": float}),
    "three_band_caps": Loop(
        ThreeBandCaps,
        {
            "row_rated_kw": np.asarray,
            "row_priority": np.asarray,
            "feeder": lambda d: Feeder(*d),
            "floor_frac": float,
        },
    ),
    "marginal_value_caps": Loop(
        MarginalValueCaps,
        {"pieces": _pieces, "feeder": lambda d: Feeder(*d), "step_s": float, "floor_frac": float},
    ),
}


def plain_rule(rule: CombinedController) -> list[PartData]:
    """Loops of a rule with all that they were made from."""
    return [_part(controller) for controller in rule.parts]


def rule_from(parts: Sequence[Mapping[str, Any]], step_s: float | None = None) -> CombinedController:
    """Make the rule that ``plain_rule`` wrote.

    Parameters
    ----------
    parts : sequence of mapping
        From a bundle's manifest.
    step_s : float, optional
        Control interval [s] at which it acts; the one that it was written with when left out.

    Raises
    ------
    ValueError
        Where a loop is unknown, or a constant is missing, of another kind or outside its range.
    """
    return CombinedController([_controller(part, step_s) for part in parts])


def points_read(rule: CombinedController) -> set[str]:
    """Names of the points that a rule reads, where a site has them."""
    return {name for part in rule.parts for name in getattr(part, "reads", ())}


def _part(controller: Controller) -> PartData:
    for name, loop in LOOPS.items():
        if type(controller) is loop.kind:
            return {"loop": name, **{key: _plain(getattr(controller, key)) for key in loop.arguments}}
    raise ValueError(f"controller {type(controller).__name__} cannot be written; the table has {sorted(LOOPS)}")


def _controller(part: Mapping[str, Any], step_s: float | None) -> Controller:
    name = str(part.get("loop"))
    if name not in LOOPS:
        raise ValueError(unknown_name("loop of the rule", name, LOOPS))
    loop = LOOPS[name]
    given = {**part, "step_s": part.get("step_s") if step_s is None else step_s}
    try:
        return loop.kind(**{key: read(given[key]) for key, read in loop.arguments.items()})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"loop {name} of the rule is damaged ({error!r}); export the policy again") from None


def _plain(value: object) -> object:
    """Numbers, lists and dicts of a constant."""
    if isinstance(value, OutdoorReset):
        return _plain(value.plain())
    if is_dataclass(value) and not isinstance(value, type):
        return {key: _plain(each) for key, each in asdict(value).items()}
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
