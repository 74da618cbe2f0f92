"""Rows of rooms and servers in air: fans and inlets (j7, j9, j10) and loss of cooling (j15)."""

from __future__ import annotations

import numpy as np

from envs.equipment.rack_archetypes import ENTERPRISE_AIR, HGX_AIR, LEGACY_AIR
from envs.physics.namespace import Floats
from experiments.published.bench import PlantBench, RackBench
from experiments.published.row import Check, Row, check_between

FINE = ("episode.step_s=5", "episode.substep_s=1")
SERVERS = (
    ("8-GPU air server, fine-tuning", HGX_AIR, "finetune", 1.0),
    ("enterprise server at 60 %", ENTERPRISE_AIR, "cpu", 0.6),
    ("legacy server at 60 %", LEGACY_AIR, "cpu", 0.6),
    ("legacy server at 20 %", LEGACY_AIR, "cpu", 0.2),
)


def room_fan() -> list[Check]:
    """Room fans of two halls at 80 % and at full speed, in the plant."""
    checks = []
    for name in ("ai_hall", "legacy_air"):
        kw = [float(PlantBench(name, crah_fan_speed_frac=n).step().crah_fan_power_kw[0]) for n in (0.8, 1.0)]
        checks.append(
            check_between(f"{name}: power at 80 % of full flow", 100.0 * kw[0] / kw[1], 51.0, 57.0, "%", more=5.0)
        )
    return checks


def inlet_slope() -> list[Check]:
    """Rise of power per kelvin of inlet from 23 to 30 degC."""
    checks = []
    for words, archetype, class_name, activity in SERVERS[:3]:
        power = RackBench(archetype, class_name, activity, [23.0, 30.0]).power_kw()
        slope = 100.0 * (power[1] / power[0] - 1.0) / 7.0
        checks.append(Check(words, float(slope), "0.35 to 0.5", 0.3, 0.6, "%/K"))
    return checks


def hot_inlet() -> list[Check]:
    """Rise of power from 27 to 37 degC: the worst kind of server, and the mean of the kinds."""
    rises = {}
    for words, archetype, class_name, activity in SERVERS:
        power = RackBench(archetype, class_name, activity, [27.0, 37.0]).power_kw()
        rises[words] = 100.0 * float(power[1] / power[0] - 1.0)
    worst = max(rises, key=lambda words: rises[words])
    return [
        check_between(f"worst ({worst})", rises[worst], 12.0, 12.0, "%", more=4.0),
        check_between("fleet (mean of four)", float(np.mean(list(rises.values()))), 4.0, 8.0, "%", more=4.0),
    ]


def crossing_s(times: Floats, inlet_c: Floats, target_c: float) -> float:
    """First time [s] at which an inlet that was below ``target_c`` passes it; infinite where it never does."""
    above = np.flatnonzero(inlet_c >= target_c)
    if len(above) == 0:
        return float("inf")
    k = int(above[0])
    if k == 0:
        return float(times[0])
    return float(np.interp(target_c, inlet_c[k - 1 : k + 1], times[k - 1 : k + 1]))


def without_room_units() -> list[Check]:
    """Time from 22 to 40 degC at the inlets after all room units of a hall are lost, in steps of 5 s."""
    checks = []
    for words, name, zone, low, high, seconds_run in (
        ("5 kW per cabinet (legacy_air)", "legacy_air", 0, 290.0, 610.0, 1300.0),
        ("10 kW per cabinet (edge_room)", "edge_room", 0, 145.0, 305.0, 700.0),
        ("34 kW per cabinet (ai_hall, zone b)", "ai_hall", 1, 36.0, 76.0, 200.0),
    ):
        bench = PlantBench(name, FINE, supply_air_temp_setpoint_c=18.0)
        bench.lose(crah_units_lost=99.0)
        times, trace = bench.run(seconds_run)
        racks = bench.plant.layout.zone_of == zone
        inlet = np.array([f.rack_inlet_c[racks, 0].mean() for f in trace])
        seconds = crossing_s(times, inlet, 40.0) - crossing_s(times, inlet, 22.0)
        checks.append(check_between(f"{words}: 22 to 40 degC", seconds, low, high, "s", factor=2.0))
        if name == "legacy_air":
            down = np.array([float(f.rack_down_frac[0]) for f in trace])
            fell = float(times[np.argmax(down > 0.0)]) if down.any() else float("inf")
            checks.append(check_between("5 kW per cabinet: first server down", fell, 180.0, 180.0, "s", factor=2.0))
    return checks


ROWS = (
    Row("7", "room fan at 80 % flow", "51 to 57 %", "5 pp", "fan law", room_fan),
    Row(
        "9",
        "inlet sensitivity of a server room, 23-30 degC",
        "0.35 to 0.5 %/K",
        "0.3 to 0.6",
        "arXiv:2509.26163",
        inlet_slope,
    ),
    Row("10", "server power at 37 against 27 degC", "+12 % (worst), fleet +4 to 8 %", "4 pp", "GRC", hot_inlet),
    Row(
        "15",
        "loss of cooling in air",
        "22 to 40 degC in 290-610 s at 5, 145-305 s at 10, 36-76 s at 40 kW per cabinet; shutdown after 3 min at 5 kW",
        "factor 2",
        "computed; Opengate",
        without_room_units,
    ),
)
