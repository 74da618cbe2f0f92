"""Kinds of racks: what a rack is made of, and five presets. Its behaviour stands in `envs.equipment.rack`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from envs.parameters import Parameters, parameter


@dataclass(frozen=True)
class RackArchetype(Parameters):
    """One kind of rack. Draws are stated at a chip temperature of 60 degC; [G] is an engineering guess (PHYSICS b).

    ``cap_points`` are measured throughput curves of some classes in place of the built-in ones (PHYSICS B4).
    """

    peak_kw: float = parameter(33.6, 0.5, 700.0, "kW", "rack input, all accelerators at TDP, 25 degC; PHYSICS b5")
    nameplate_kw: float = parameter(40.8, 0.5, 700.0, "kW", "4 x 10.2 kW, PHYSICS b1")
    accelerators: int = parameter(32, 0, 1024, "1", "4 servers of 8, PHYSICS b5")
    accelerator_tdp_kw: float = parameter(0.7, 0.0, 4.0, "kW", "H100, PHYSICS b1")
    accelerator_idle_frac: float = parameter(0.16, 0.05, 0.35, "1", "A100 63 of 400 W, PHYSICS b1")
    cap_floor_frac: float = parameter(0.30, 0.1, 0.6, "1", "lowest cap a driver takes, of TDP [G]")
    base_power_kw: float = parameter(7.8, 0.0, 250.0, "kW", "CPU, memory, NIC, switches; meets peak_kw")
    cpu_sockets: int = parameter(0, 0, 4096, "1", "sockets of a rack without accelerators")
    cpu_idle_kw: float = parameter(0.0, 0.0, 50.0, "kW", "idle 0.3-0.5 of peak, PHYSICS B1")
    cpu_max_kw: float = parameter(0.0, 0.0, 100.0, "kW", "at full activity, PHYSICS B1")
    psu_rated_kw: float = parameter(79.2, 0.5, 2000.0, "kW", "4 x 6 x 3.3 kW, N+N; output [G]")
    psu_load_frac: list[float] = parameter([0.1, 0.2, 0.5, 1.0], 0.0, 1.0, "1", "PHYSICS F2")
    psu_efficiency_frac: list[float] = parameter([0.9, 0.94, 0.96, 0.91], 0.5, 1.0, "1", "80plus Titanium, PHYSICS F2")
    liquid_share_frac: float = parameter(0.0, 0.0, 1.0, "1", "of IT heat, PHYSICS b5")
    airflow_m3_s_kw: float = parameter(0.0601, 0.02, 0.15, "m3/s/kW", "at 25 degC, dT 13.9 K, PHYSICS B7")
    fan_max_frac: float = parameter(0.15, 0.01, 0.4, "1", "of the air-side rating, PHYSICS B7 [G]")
    fan_idle_speed_frac: float = parameter(0.30, 0.1, 0.6, "1", "PHYSICS B7 [G]")
    fan_load_speed_frac: float = parameter(0.15, 0.0, 0.4, "1", "added at full use, PHYSICS B7 [G]")
    fan_ramp_start_c: float = parameter(25.0, 15.0, 35.0, "degC", "PHYSICS B7 [G]")
    fan_ramp_end_c: float = parameter(40.0, 30.0, 55.0, "degC", "PHYSICS B7 [G]")
    fan_chip_speed_frac: float = parameter(0.22, 0.0, 0.4, "1", "added by warm chips at full use, 25 degC, PHYSICS B7")
    fan_chip_start_c: float = parameter(56.0, 40.0, 95.0, "degC", "chip at which the fans rise, PHYSICS B7 [G]")
    fan_chip_end_c: float = parameter(92.0, 60.0, 120.0, "degC", "chip at which they are at full speed, PHYSICS B7 [G]")
    leakage_frac: float = parameter(0.20, 0.0, 0.3, "1", "of TDP at 60 degC, PHYSICS B6 [G]")
    leakage_per_k: float = parameter(0.008, 0.0, 0.02, "1/K", "PHYSICS B6 [G]")
    chip_resistance_k_w: float = parameter(0.065, 0.005, 0.5, "K/W", "air heat sink B7, or cold plate D5 [G]")
    sink_film_frac: float = parameter(
        0.30, 0.0, 1.0, "1", "of an air heat sink, falls with airflow^-1/2, PHYSICS B7 [G]"
    )
    interface_resistance_k_w: float = parameter(0.0, 0.0, 0.05, "K/W", "die and paste under a cold plate, D5 [G]")
    coolant_rise_k: float = parameter(10.1, 2.0, 20.0, "K", "at peak and design flow, PHYSICS D4")
    package_kj_k: float = parameter(0.8, 0.2, 1.5, "kJ/K", "chip and its plate or sink, PHYSICS b6 [G]")
    solids_kj_k: float = parameter(350.0, 50.0, 1500.0, "kJ/K", "PHYSICS b6 [G]")
    swing_floor_frac: float = parameter(0.0, 0.0, 0.95, "1", "least draw in a training step, of TDP; PHYSICS B5")
    swing_ramp_s: float = parameter(0.0, 0.0, 60.0, "s", "in which a draw may change by TDP; 0 at once; PHYSICS B5")
    swing_storage_j: float = parameter(0.0, 0.0, 5000.0, "J", "per accelerator, in the power supplies; PHYSICS B5")
    swing_storage_loss_frac: float = parameter(0.05, 0.0, 0.5, "1", "of what goes through the storage [G]")
    restart_s: float = parameter(300.0, 0.0, 7200.0, "s", "from power to work after a shutdown [G]")
    cap_points: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the ranges, the fans' ramp, and that the power supplies' loss grows ever faster with load."""
        super().__post_init__()
        if np.any(np.asarray(self.fan_chip_end_c) <= np.asarray(self.fan_chip_start_c)):
            raise ValueError(
                f"RackArchetype.fan_chip_end_c = {self.fan_chip_end_c!r} is not above fan_chip_start_c = "
                f"{self.fan_chip_start_c!r}; give the chip temperature of full fan speed the higher one"
            )
        intercepts, slopes = psu_loss_lines(self)
        if len(self.psu_load_frac) != len(self.psu_efficiency_frac) or np.any(np.diff(slopes) < 0.0):
            raise ValueError(
                f"RackArchetype.psu_efficiency_frac = {self.psu_efficiency_frac!r} at psu_load_frac = "
                f"{self.psu_load_frac!r} gives losses that do not rise ever faster with load (slopes {slopes!r}); "
                "give one efficiency per load, loads ascending, as 80plus Titanium 0.90 0.94 0.96 0.91 at 0.1 0.2 0.5 1"
            )

    @property
    def air_rated_kw(self) -> float:
        """Rated heat to the air [kW]."""
        return self.peak_kw * (1.0 - self.liquid_share_frac)


def psu_loss_lines(archetype: RackArchetype) -> tuple[list[float], list[float]]:
    """Loss of the power supplies as lines ``a + b P_out``, of which the highest holds: intercepts [kW] and slopes [1].

    Straight between the given points of load and efficiency (PHYSICS F2), the end lines go on; one point is a
    proportional loss.
    """
    load, eta = archetype.psu_load_frac, archetype.psu_efficiency_frac
    loss = [x * (1.0 / e - 1.0) for x, e in zip(load, eta)]
    if len(load) == 1:
        return [0.0], [loss[0] / load[0]]
    slopes = [(b - a) / (y - x) for a, b, x, y in zip(loss[:-1], loss[1:], load[:-1], load[1:])]
    return [(q - s * x) * archetype.psu_rated_kw for q, s, x in zip(loss, slopes, load)], slopes


HGX_AIR = RackArchetype()


def _by_inlet_alone(archetype: RackArchetype) -> RackArchetype:
    """Fans that do not follow the chips: published server data were met so, and the air's part of liquid racks."""
    return replace(archetype, fan_chip_speed_frac=0.0, fan_chip_start_c=95.0, fan_chip_end_c=120.0, sink_film_frac=0.0)


_COLD_PLATES = replace(
    _by_inlet_alone(HGX_AIR),
    accelerator_tdp_kw=1.2,
    psu_load_frac=[1.0],
    psu_efficiency_frac=[0.975],  # rack power shelf, PHYSICS F2
    chip_resistance_k_w=0.02,
    interface_resistance_k_w=0.01,  # PHYSICS D5 [G]
)
NVL72 = replace(
    _COLD_PLATES,
    peak_kw=120.0,
    nameplate_kw=132.0,
    accelerators=72,
    base_power_kw=28.0,
    psu_rated_kw=132.0,
    liquid_share_frac=0.85,
)
LIQUID_200 = replace(
    _COLD_PLATES,
    peak_kw=200.0,
    nameplate_kw=220.0,
    accelerators=120,
    base_power_kw=47.0,
    psu_rated_kw=220.0,
    liquid_share_frac=0.98,
)
ENTERPRISE_AIR = replace(
    _by_inlet_alone(HGX_AIR),
    peak_kw=10.0,
    nameplate_kw=14.0,
    accelerators=0,
    accelerator_tdp_kw=0.0,
    base_power_kw=0.6,
    cpu_sockets=32,
    cpu_idle_kw=3.6,
    cpu_max_kw=8.93,
    psu_rated_kw=28.0,
    fan_max_frac=0.05,
    leakage_frac=0.25,
    chip_resistance_k_w=0.125,
    package_kj_k=0.3,
    solids_kj_k=250.0,
)
LEGACY_AIR = replace(
    ENTERPRISE_AIR,
    peak_kw=5.0,
    nameplate_kw=7.0,
    base_power_kw=0.3,
    cpu_sockets=24,
    cpu_idle_kw=2.0,
    cpu_max_kw=4.46,
    psu_rated_kw=14.0,
    chip_resistance_k_w=0.19,
)
