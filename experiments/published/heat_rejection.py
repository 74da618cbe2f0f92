"""Rows of chillers and cooling towers (j3 to j6, j8)."""

from __future__ import annotations

import numpy as np

from envs.equipment import chiller, cooling_tower
from envs.physics.psychrometrics import humidity_ratio, wet_bulb_c
from envs.physics.saturated_exit import exit_curve, moisture_gain
from envs.units import SEA_LEVEL_KPA
from experiments.published.row import Check, Row, check_between, check_near

#: Machine B at leaving water, condenser water [degC], load over reference: power [kW] and COP (PHYSICS e1).
MACHINE_B = ((7.0, 29.0, 0.50, 156.26, 7.415), (8.5, 20.0, 0.75, 158.16, 10.989), (7.0, 24.0, 1.00, 279.10, 8.303))
#: Hot water, wet bulb [degC], air flow over design: outlet of Merkel's model (PHYSICS E7).
MERKEL = (
    (35.0, 25.56, 1.0, 29.430),
    (35.0, 25.56, 0.5, 31.510),
    (32.0, 18.0, 1.0, 24.960),
    (32.0, 18.0, 0.4, 28.441),
    (28.0, 10.0, 0.5, 23.491),
)
#: Dry bulb [degC], relative humidity, litres evaporated per kWh of heat at 27 kg/s per MW (PHYSICS E9).
EVAPORATION = ((30.0, 0.50, 1.396), (35.0, 0.20, 1.678), (10.0, 0.70, 0.994))


def power_kw(x: float, y: float, share: float) -> float:
    """Power of machine B [kW]."""
    machine = chiller.MACHINES["B"]
    q = machine.q_ref_kw
    return float(chiller.power_kw(machine, q, np.array([share * q]), np.array([x]), np.array([y]))[0])


def cop(x: float, y: float, share: float) -> float:
    """COP of machine B."""
    return share * chiller.MACHINES["B"].q_ref_kw / power_kw(x, y, share)


def machine_b() -> list[Check]:
    """Power and COP at the three published points."""
    checks = []
    for x, y, share, power, published in MACHINE_B:
        point = f"{x:g}/{y:g} degC, {share:.0%}"
        checks.append(check_near(f"power at {point}", power_kw(x, y, share), power, "kW", rel=1e-3))
        checks.append(check_near(f"COP at {point}", cop(x, y, share), published, "1", rel=1e-3))
    return checks


def slopes() -> list[Check]:
    """Gain in COP per kelvin of chilled water, loss per kelvin of condenser water, at 60 % load."""
    chilled = [100.0 * (cop(b, 25.0, 0.6) / cop(a, 25.0, 0.6) - 1.0) / (b - a) for a, b in ((5.0, 7.0), (7.0, 8.8))]
    condenser = [
        100.0 * (cop(7.0, b, 0.6) / cop(7.0, a, 0.6) - 1.0) / (b - a)
        for a, b in ((15.0, 20.0), (20.0, 25.0), (25.0, 29.0))
    ]
    checks = [
        check_between(f"chilled water, {words} degC", slope, 3.4, 3.7, "%/K", more=0.5)
        for words, slope in zip(("5 to 7", "7 to 8.8"), chilled)
    ]
    return checks + [
        check_between(f"condenser water, {words} degC", slope, -4.4, -3.7, "%/K", more=0.5)
        for words, slope in zip(("15 to 20", "20 to 25", "25 to 29"), condenser)
    ]


def york_and_merkel() -> list[Check]:
    """Outlet of our tower (York's map in closed form) at the five points for which Merkel's model is listed."""
    return [
        check_near(
            f"outlet at {hot:g}/{wet:g} degC, air {air:g}",
            float(cooling_tower.outlet_c(np.array([hot]), np.array([wet]), air)[0]),
            merkel,
            "degC",
            plus_minus=0.3,
        )
        for hot, wet, air, merkel in MERKEL
    ]


def fan_at_half_flow() -> list[Check]:
    """Fan power over design where the running tower's fans settle at half speed, found over its setpoints."""
    tower = cooling_tower.CoolingTower(min_cells=2)
    setpoints = np.linspace(20.0, 32.0, 61)
    wet = np.full_like(setpoints, 18.0)
    moist = np.asarray(humidity_ratio(wet + 5.0, np.full_like(wet, 0.6), SEA_LEVEL_KPA))
    sky = cooling_tower.weather_terms(tower, wet, wet + 5.0, moist, SEA_LEVEL_KPA + 0.0 * wet)
    heat = np.full_like(setpoints, 1400.0)
    state = cooling_tower.initial(tower, setpoints, heat)
    for _ in range(600):
        state, flows = cooling_tower.advance(tower, state, heat, setpoints, sky, float(tower.cells), 60.0)
    share = flows.fan_power_kw / (flows.running * tower.cell_fan_kw)
    order = np.argsort(flows.fan_speed)
    half = 100.0 * float(np.interp(0.5, flows.fan_speed[order], share[order]))
    return [check_between("fan power at half air flow", half, 12.5, 12.6, "%", more=1.0)]


def evaporation() -> list[Check]:
    """Litres per kWh of heat where 27 kg/s of air take up 1 MW."""
    checks = []
    for dry_c, rh, published in EVAPORATION:
        dry, moist = np.array([dry_c]), humidity_ratio(np.array([dry_c]), np.array([rh]), SEA_LEVEL_KPA)
        wet = np.asarray(wet_bulb_c(dry, np.array([rh]), np.array([SEA_LEVEL_KPA])))
        taken = 27.0 * float(moisture_gain(exit_curve(wet, dry, moist, SEA_LEVEL_KPA), np.array([1000.0 / 27.0]))[0])
        litres = taken * 3600.0 / 1000.0
        checks.append(check_near(f"at {dry_c:g} degC, {rh:.0%}", litres, published, "L/kWh", rel=0.02))
    return checks


ROWS = (
    Row("3", "chiller B, table e1", "as listed", "1e-3 rel", "EnergyPlus and MBL curves", machine_b),
    Row(
        "4",
        "chiller B, COP slope at 60 % load",
        "+3.4 to 3.7 %/K chilled, -3.7 to -4.4 %/K condenser water",
        "0.5 pp",
        "computed from the curves",
        slopes,
    ),
    Row("5", "York's tower against Merkel's, 5 points", "difference 0.16 K", "0.3 K", "MBL Merkel", york_and_merkel),
    Row("6", "tower fan at half flow", "12.5 to 12.6 % power", "1 pp", "EnergyPlus reference", fan_at_half_flow),
    Row("8", "evaporation", "1.0 to 1.7 L/kWh of heat; 1.40 at 30 degC, 50 %", "2 %", "computed", evaporation),
)
