"""The constants of a hall's racks as arrays, made once from their archetypes; `envs.equipment.rack` runs on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from envs.equipment.power_swing import Smoothing
from envs.equipment.rack_archetypes import RackArchetype, psu_loss_lines
from envs.equipment.throughput import CPU, POWER_SHARE, TRAINING, slot_curves
from envs.physics.hinge import Hinge
from envs.physics.namespace import Array
from envs.units import RHO_AIR_KG_M3, SEA_LEVEL_KPA

_DRAUGHT = 0.004  # of the flow at full fan speed, through a rack that is down [G]
_LEAST_DRAUGHT_KG_S = 5e-4  # air that drifts through a cabinet without server fans: a wholly liquid rack [G]
_LEAST_ACTIVE_SHARE = 0.05  # below it the working chip fades into an idle one
_UNCAPPED = 1e6  # inverse draw of a slot that no cap reaches
_W_PER_KW = 1000.0


class ChipTable(NamedTuple):
    """Per kind of rack, shape (A, 1): what turns a chip's power into its temperature, in K/kW, kW/K and kJ/K."""

    fixed_k_kw: Array
    plate_k_kw: Array
    rise_k_kw: Array
    leak_kw_k: Array
    package_kj_k: Array
    air: Array
    wet: Array


class RackTable(NamedTuple):
    """Constants of a hall's racks, made once by `rack_table`.

    Shape (R, 1), or (S, R, 1) for slots; a python float where all racks agree, which is quicker than a column.
    """

    kind: Array  # (R,) row of ``chips``
    chips: ChipTable
    curves: Hinge
    accelerators: Array
    is_accelerated: Array
    slot_accelerators: Array
    slot_draw_kw: Array
    slot_inverse_draw: Array
    slot_cpu_kw: Array
    slot_above: Array  # (S, S, R, 1): 1 where slot s draws at least as much as the j-th lowest
    base_kw: Array
    idle_kw: Array
    rest_chip_kw: Array
    sockets: Array
    least_active: Array
    cap_floor_kw: Array
    leak_kw_k: Array
    package_kj_k: Array
    psu_intercept_kw: Array  # (L, R, 1)
    psu_slope: Array  # (L, R, 1)
    psu_marginal: Array
    liquid_share: Array
    fan_offset: Array
    fan_slope: Array
    fan_chip_offset: Array
    fan_chip_slope: Array
    fan_max_kw: Array
    fan_idle_speed: Array
    fan_load_speed: Array
    flow_kg_s: Array
    draught_kg_s: Array
    solids_kj_k: Array
    sink_k_kw: Array | None  # resistance that falls with the airflow, at its design; None where no rack has it
    sink_flow_s_kg: Array  # one over the design airflow at sea level
    trains: Array  # (S, R, 1): 1 where a slot trains
    smoothing: Smoothing | None  # None where no slot trains


def racks_at_pressure(table: RackTable, pressure_kpa: Array) -> RackTable:
    """The racks, whose table is of sea level, under a pressure of the air ``(B,)`` [kPa].

    Server fans move volumes: their mass flow and their power at a speed follow the density.
    """
    ratio = pressure_kpa * (1.0 / SEA_LEVEL_KPA)
    return table._replace(
        flow_kg_s=table.flow_kg_s * ratio, draught_kg_s=table.draught_kg_s * ratio, fan_max_kw=table.fan_max_kw * ratio
    )


def rack_table(archetypes: Sequence[RackArchetype], slot_class: Any, dtype: DTypeLike = np.float32) -> RackTable:
    """Arrays of a hall's racks.

    Parameters
    ----------
    archetypes : sequence of RackArchetype, one per rack
        The same object for racks of the same kind. Fields may be numbers or arrays (B,).
    slot_class : array of int (S, R)
        Workload class of each slot, index into `CLASSES`.
    dtype : dtype
        Of the arrays; the steps run in it.

    Returns
    -------
    RackTable
    """
    kinds = list({id(archetype): archetype for archetype in archetypes}.values())
    row = {id(archetype): i for i, archetype in enumerate(kinds)}
    classes = np.asarray(slot_class, dtype=np.int64)
    racks = _Columns(archetypes)
    arrays = {
        **_power_arrays(racks),
        **_slot_arrays(racks, classes),
        **_psu_arrays(archetypes),
        **_fan_arrays(racks),
    }
    return RackTable(
        kind=np.array([row[id(archetype)] for archetype in archetypes], dtype=np.int64),
        chips=ChipTable(*(np.asarray(x, dtype=dtype) for x in _chip_arrays(_Columns(kinds)))),
        curves=slot_curves(classes, racks.accelerator_idle_frac, dtype, [a.cap_points for a in archetypes]),
        **{name: _uniform_or_array(value, dtype) for name, value in arrays.items()},
        sink_k_kw=_uniform_or_array(_sink_k_kw(racks), dtype) if np.any(_sink_k_kw(racks)) else None,
        trains=np.isin(classes, TRAINING).astype(dtype)[..., None],
        smoothing=_smoothing(racks, dtype) if np.isin(classes, TRAINING).any() else None,
    )


def _uniform_or_array(value: Array, dtype: DTypeLike) -> Any:
    """Return a column (R, 1) of one number as a python float, any other array in ``dtype``."""
    if value.ndim == 2 and np.all(value == value[0, 0]):
        return float(value[0, 0])
    return np.asarray(value, dtype=dtype)


class _Columns:
    """Fields of several archetypes as float64 columns (rows, 1), or (rows, B) where one varies by environment."""

    def __init__(self, archetypes: Sequence[RackArchetype]) -> None:
        self._archetypes = archetypes

    def __getattr__(self, name: str) -> Array:
        values = [np.atleast_1d(np.asarray(getattr(a, name), dtype=np.float64)) for a in self._archetypes]
        return np.stack(np.broadcast_arrays(*values))


def _smoothing(c: _Columns, dtype: DTypeLike) -> Smoothing:
    """What the racks do against the swings of training."""
    tdp_kw = np.maximum(c.accelerator_tdp_kw, 1e-3)
    fields = (
        c.swing_floor_frac * tdp_kw,
        c.swing_ramp_s / tdp_kw,
        c.swing_storage_j * 1e-3 * c.accelerators,
        c.swing_storage_loss_frac,
    )
    return Smoothing(*(_uniform_or_array(x, dtype) for x in fields))


def _sockets(c: _Columns) -> Array:
    """CPU sockets that stand in for accelerators: those of racks without any."""
    return np.where(c.accelerators > 0.0, 0.0, np.maximum(c.cpu_sockets, 1.0))


def _chip_tdp_kw(c: _Columns) -> Array:
    """Rated power of an accelerator, or of a socket with its share of the server."""
    return np.where(c.accelerators > 0.0, c.accelerator_tdp_kw, c.cpu_max_kw / np.maximum(c.cpu_sockets, 1.0))


def _chip_arrays(c: _Columns) -> tuple[Array, ...]:
    """Fields of `ChipTable`: a plate scales with flow as v^-1/2 and the half rise as 1/v (D5); of an air sink here is
    what does not depend on the airflow.
    """
    air = (c.liquid_share_frac == 0.0) * 1.0
    fixed = c.interface_resistance_k_w + c.chip_resistance_k_w * air * (1.0 - c.sink_film_frac)
    rise = 0.5 * c.coolant_rise_k / np.maximum(_chip_tdp_kw(c), 1e-3) * (1.0 - air)
    leak = c.leakage_frac * c.leakage_per_k * _chip_tdp_kw(c)
    return (
        fixed * _W_PER_KW,
        c.chip_resistance_k_w * (1.0 - air) * _W_PER_KW,
        rise,
        leak,
        c.package_kj_k,
        air,
        1.0 - air,
    )


def _sink_k_kw(c: _Columns) -> Array:
    """What of an air heat sink falls with the airflow, at design [K/kW]; zero of a cold plate."""
    return c.chip_resistance_k_w * c.sink_film_frac * (c.liquid_share_frac == 0.0) * _W_PER_KW


def _power_arrays(c: _Columns) -> dict[str, Array]:
    """Draws of a rack and of its chips."""
    sockets = _sockets(c)
    chips = c.accelerators + sockets
    idle = c.accelerator_idle_frac * c.accelerator_tdp_kw
    return {
        "accelerators": c.accelerators,
        "is_accelerated": (c.accelerators > 0.0) * 1.0,
        "base_kw": c.base_power_kw + c.cpu_idle_kw,
        "idle_kw": idle,
        "rest_chip_kw": idle + c.cpu_idle_kw / chips,
        "sockets": sockets,
        "least_active": _LEAST_ACTIVE_SHARE * c.accelerators + sockets,
        "cap_floor_kw": np.where(c.accelerators > 0.0, c.cap_floor_frac * c.accelerator_tdp_kw, 1.0),
        "leak_kw_k": c.leakage_frac * c.leakage_per_k * _chip_tdp_kw(c),
        "package_kj_k": c.package_kj_k * chips,
        "solids_kj_k": c.solids_kj_k,
        "liquid_share": c.liquid_share_frac,
    }


def _slot_arrays(c: _Columns, classes: Array) -> dict[str, Array]:
    """Draws by slot (S, R, 1), and which slots draw at least as much as the j-th lowest (S, S, R, 1)."""
    share = np.asarray(POWER_SHARE)[classes][..., None]
    draw = share * c.accelerator_tdp_kw
    rank = np.argsort(np.argsort(draw, axis=0, kind="stable"), axis=0, kind="stable")
    return {
        "slot_accelerators": (share > 0.0) * c.accelerators,
        "slot_draw_kw": draw,
        "slot_inverse_draw": np.where(draw > 0.0, 1.0 / np.where(draw > 0.0, draw, 1.0), _UNCAPPED),
        "slot_cpu_kw": (classes[..., None] == CPU) * (c.cpu_max_kw - c.cpu_idle_kw),
        "slot_above": (rank[None] >= np.arange(len(classes)).reshape(-1, 1, 1, 1)) * 1.0,
    }


def _psu_arrays(archetypes: Sequence[RackArchetype]) -> dict[str, Any]:
    """Loss lines of the power supplies (L, R, 1) and the input that one more kW of output takes at peak (R, 1).

    Lines that would only hold above the nameplate are left out; short tables are filled with copies.
    """
    lines = [_reachable(psu_loss_lines(a), float(np.max(a.nameplate_kw))) for a in archetypes]
    longest = max(len(rack) for rack in lines)
    table = np.array([rack + rack[-1:] * (longest - len(rack)) for rack in lines]).transpose(2, 1, 0)[..., None]
    peak = np.array([[1.0 + rack[-1][1]] for rack in lines])
    return {"psu_intercept_kw": table[0], "psu_slope": table[1], "psu_marginal": peak}


def _reachable(lines: tuple[list[float], list[float]], nameplate_kw: float) -> list[tuple[float, float]]:
    """Lines (intercept, slope) that hold somewhere below the nameplate input; the first always does."""
    pairs = list(zip(*lines))
    meets = [(a0 - a1) / (b1 - b0) for (a0, b0), (a1, b1) in zip(pairs[:-1], pairs[1:])]
    return pairs[:1] + [(a, b) for (a, b), output in zip(pairs[1:], meets) if a + (1.0 + b) * output < nameplate_kw]


def _fan_arrays(c: _Columns) -> dict[str, Array]:
    """Speed laws of B7, power at full speed, and airflow in proportion to speed, as stated at full use and 25 degC."""
    span = c.fan_ramp_end_c - c.fan_ramp_start_c
    design_speed = c.fan_idle_speed_frac + c.fan_load_speed_frac + c.fan_chip_speed_frac
    flow = c.airflow_m3_s_kw * c.air_rated_kw * RHO_AIR_KG_M3 / design_speed
    by_chip = (c.liquid_share_frac == 0.0) / (c.fan_chip_end_c - c.fan_chip_start_c)
    return {
        "fan_chip_offset": np.where(by_chip > 0.0, c.fan_chip_end_c * by_chip, 1.0),
        "fan_chip_slope": by_chip,
        "sink_flow_s_kg": 1.0 / np.maximum(flow * design_speed, _LEAST_DRAUGHT_KG_S),
        "fan_offset": c.fan_ramp_end_c / span,
        "fan_slope": 1.0 / span,
        "fan_max_kw": c.fan_max_frac * c.air_rated_kw,
        "fan_idle_speed": c.fan_idle_speed_frac,
        "fan_load_speed": c.fan_load_speed_frac,
        "flow_kg_s": flow,
        "draught_kg_s": np.maximum(_DRAUGHT * flow, _LEAST_DRAUGHT_KG_S),
    }
