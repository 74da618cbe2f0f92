"""Power chain: what is lost between the rack and the utility, and the tree of feeders that the power passes.

The power of a rack passes its busway (PDU), its row, the UPS and the transformer; each loses a polynomial of what it
delivers, ``input = output + loss``. Every loss is heat in its own room: the caller adds it to the cooling load.

References: PHYSICS F1 (UPS sets, calibrated to published bands [G]), F2 (transformer, PDU), F4 (hierarchy).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from envs.parameters import Parameters, parameter
from envs.physics.namespace import Array, namespace

#: No-load, proportional and square-law loss of a UPS as shares of its rating (PHYSICS F1, engineering guess).
UPS_SETS: dict[str, tuple[float, float, float]] = {
    "legacy": (0.040, 0.020, 0.030),
    "modern": (0.013, 0.021, 0.011),
    "three_level": (0.008, 0.012, 0.009),
    "eco": (0.006, 0.002, 0.004),
}


@dataclass(frozen=True)
class PowerChain(Parameters):
    """UPS, busways, transformer and the limits of the feeders; defaults are those of the ai_hall scenario."""

    ups_set: str = "three_level"
    ups_units: int = parameter(3, 1, 64, "1", "SCENARIOS ai_hall")
    ups_unit_kw: float = parameter(800.0, 1.0, 5000.0, "kW", "SCENARIOS ai_hall")
    ups_limit_kw: float = parameter(1600.0, 1.0, 100_000.0, "kW", "SCENARIOS ai_hall, firm with one unit out")
    ups_loss_scale: float = parameter(1.0, 0.5, 2.0, "1", "calibration of the whole UPS loss curve")
    ups_dual_path: bool = False  # 2N: twice the units, each at half the load (PHYSICS F1)
    pdu_loss_frac: float = parameter(0.010, 0.0, 0.05, "1", "PHYSICS F2, of the row limit at full load")
    transformer_kva: float = parameter(2500.0, 10.0, 100_000.0, "kVA", "SCENARIOS ai_hall, unity power factor")
    transformer_no_load_frac: float = parameter(0.0008, 0.0, 0.01, "1", "PHYSICS F2: p0")
    transformer_load_frac: float = parameter(0.0075, 0.0, 0.05, "1", "PHYSICS F2: pk")
    lighting_kw: float = parameter(8.0, 0.0, 500.0, "kW", "SCENARIOS ai_hall")
    row_limit_kw: list[float] = parameter([640.0, 640.0, 280.0, 50.0], 0.1, 50_000.0, "kW", "SCENARIOS ai_hall")
    utility_limit_kw: float = parameter(2500.0, 1.0, 100_000.0, "kW", "engineering guess: the transformer")

    def __post_init__(self) -> None:
        """Check the ranges, the name of the UPS set and that the firm limit is not above what is installed."""
        super().__post_init__()
        if self.ups_set not in UPS_SETS:
            raise ValueError(f"PowerChain.ups_set = {self.ups_set!r} is unknown; choose one of {sorted(UPS_SETS)}")
        installed = self.ups_units * self.ups_unit_kw
        if np.any(np.asarray(self.ups_limit_kw) > np.asarray(installed)):
            raise ValueError(
                f"PowerChain.ups_limit_kw = {self.ups_limit_kw!r} is above the installed {installed} kW "
                "(ups_units x ups_unit_kw); lower the limit or install more units"
            )


class PowerTree(NamedTuple):
    """Which rack hangs on which row, as arrays of the plant's dtype."""

    rack_row: Array
    """Row of each rack ``(R,)``, integers."""
    row_racks: Array
    """0/1 matrix ``(P, R)``: racks to rows."""
    row_limit_kw: Array
    """Rating of each row's feeder and busway ``(P, 1)`` [kW]."""


class PowerFlows(NamedTuple):
    """Mean powers of a sub-step [kW]; ``(B,)`` unless said."""

    pdu_loss_kw: Array
    ups_loss_kw: Array
    transformer_loss_kw: Array
    row_it_kw: Array
    """Racks of each row ``(P, B)``, without the busway's loss."""
    row_power_kw: Array
    """What each row's feeder carries ``(P, B)``, busway loss included."""
    ups_power_kw: Array
    """Output of the UPS."""
    facility_power_kw: Array
    """Everything but the battery, on the utility's side of the transformer."""
    utility_power_kw: Array
    """What the utility delivers: facility and battery."""


def power_tree(p: PowerChain, rack_row: Sequence[int], dtype: DTypeLike = np.float32) -> PowerTree:
    """Tree of the feeders.

    Parameters
    ----------
    p : PowerChain
        Gives the rows and their limits.
    rack_row : sequence of int
        Row of each rack, ``0 .. P - 1``, length ``R``.
    dtype : numpy dtype
        Of the plant.

    Raises
    ------
    ValueError
        Where a rack names a row that does not exist.
    """
    index = np.asarray(rack_row, dtype=np.int64)
    rows = len(p.row_limit_kw)
    if index.size and (index.min() < 0 or index.max() >= rows):
        raise ValueError(
            f"rack_row names row {int(index.max() if index.max() >= rows else index.min())}, but row_limit_kw has "
            f"{rows} rows; give 0..{rows - 1} or add the row's limit"
        )
    matrix = (np.arange(rows)[:, None] == index[None, :]).astype(dtype)
    return PowerTree(index, matrix, np.asarray(p.row_limit_kw, dtype=dtype).reshape(rows, -1))


def ups_loss_kw(p: PowerChain, output_kw: Array) -> Array:
    """Loss of the UPS [kW]: ``rating (a + b x + c x^2)``, ``x = output/rating`` (PHYSICS F1).

    The units share the load equally. With two paths there are twice as many units, each at half the load: the no-load
    loss doubles, the square-law loss halves. Valid for x up to 1; beyond it the curve goes on.
    """
    a, b, c = UPS_SETS[p.ups_set]
    rating = p.ups_units * p.ups_unit_kw * (2.0 if p.ups_dual_path else 1.0)
    scale = p.ups_loss_scale
    return (output_kw * (scale * c / rating) + scale * b) * output_kw + scale * a * rating


def transformer_loss_kw(p: PowerChain, output_kw: Array) -> Array:
    """Loss of the transformer [kW]: ``rating (p0 + pk x^2)`` (PHYSICS F2)."""
    rating = p.transformer_kva
    return output_kw * output_kw * (p.transformer_load_frac / rating) + p.transformer_no_load_frac * rating


def rising_loss_frac(p: PowerChain, output_kw: float) -> float:
    """What UPS and transformer lose more of one kW more, where they deliver ``output_kw`` [1]: their curves' slope."""
    _, b, c = UPS_SETS[p.ups_set]
    rating = p.ups_units * p.ups_unit_kw * (2.0 if p.ups_dual_path else 1.0)
    ups = p.ups_loss_scale * (b + 2.0 * c * output_kw / rating)
    return float(ups + 2.0 * p.transformer_load_frac * output_kw / p.transformer_kva)


def losses(
    p: PowerChain,
    tree: PowerTree,
    rack_power_kw: Array,
    ups_loads_kw: Array,
    direct_loads_kw: Array,
    battery_kw: Array | None = None,
) -> PowerFlows:
    """Carry the racks' power up to the utility.

    Parameters
    ----------
    p : PowerChain
        Parameters.
    tree : PowerTree
        Which rack hangs on which row.
    rack_power_kw : array
        Input of each rack ``(R, B)`` [kW].
    ups_loads_kw : array
        Other loads on the UPS (CRAH fans, CDU and FWS pumps) ``(B,)`` [kW].
    direct_loads_kw : array
        Loads behind the transformer but not on the UPS (chillers, towers, pumps) ``(B,)`` [kW]; lighting is added here.
    battery_kw : array, optional
        Power at the site battery's terminals, charging positive ``(B,)`` [kW]; it is tied in on the utility's side of
        the transformer.
    """
    xp = namespace(rack_power_kw)
    row_it = tree.row_racks @ rack_power_kw
    row_loss = row_it * row_it * (p.pdu_loss_frac / tree.row_limit_kw)
    pdu_loss = xp.sum(row_loss, axis=0)
    row_power = row_it + row_loss
    ups_power = xp.sum(row_power, axis=0) + ups_loads_kw
    ups_loss = ups_loss_kw(p, ups_power)
    behind = ups_power + ups_loss + direct_loads_kw + p.lighting_kw
    transformer_loss = transformer_loss_kw(p, behind)
    facility = behind + transformer_loss
    utility = facility if battery_kw is None else facility + battery_kw
    return PowerFlows(pdu_loss, ups_loss, transformer_loss, row_it, row_power, ups_power, facility, utility)
