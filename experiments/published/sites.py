"""Rows of whole sites by seasons: PUE, water, a composed model, EnergyPlus, controllers (j18 to j21, j23)."""

from __future__ import annotations

import numpy as np

from envs.equipment.cooling_tower import outlet_c
from experiments.published.measured_files import weather_year
from experiments.published.row import Check, Row, check_between, check_near
from experiments.published.year import ALL_AIR, LEGACY, SITES, TUNED, WARMER, Year, year

FREE_BELOW_C, DESIGN_RANGE_K = 16.0, 5.56
#: Hours with condenser water at or below 16 degC, PHYSICS j21 (`e2e_reference_pue.csv`).
FREE_HOURS = {
    "denver_co_tmy3": 5454,
    "chicago_il_tmy3": 4228,
    "sterling_va_tmy3": 3726,
    "frankfurt_de_om2023": 3211,
    "phoenix_az_tmy3": 1603,
    "singapore_om2023": 0,
}
#: PUE of the composed handbook model: an air-cooled hall with an economizer, and one with 85 % in liquid.
COMPOSED_AIR = dict(zip(SITES, (1.169, 1.174, 1.177, 1.184, 1.191, 1.237, 1.258)))
COMPOSED_LIQUID = dict(zip(SITES, (1.113, 1.113, 1.115, 1.118, 1.127, 1.138, 1.147)))
#: From the least to the largest PUE in EnergyPlus, PHYSICS j20; San Francisco is no embedded climate.
ENERGYPLUS_ORDER = ("chicago_il", "sterling_va", "phoenix_az", "miami_fl")


def all_air() -> Year:
    """The year of ai_hall with air-cooled racks alone."""
    return year("ai_hall", ALL_AIR)


def pue() -> list[Check]:
    """Lowest and highest site of each kind of hall under the building's rules."""
    halls = (
        ("modern air with economizer (ai_hall, air alone)", all_air(), 1.10, 1.25),
        ("direct liquid cooling (liquid_hall)", year("liquid_hall"), 1.05, 1.15),
        ("air and liquid side by side (ai_hall)", year("ai_hall"), 1.05, 1.25),
        ("as found (legacy_air)", year("legacy_air", (), LEGACY), 1.35, 1.75),
        ("legacy plant, good rules (legacy_air)", year("legacy_air"), 1.35, 1.75),
    )
    checks = []
    for words, sampled, low, high in halls:
        checks.append(check_between(f"{words}: lowest of 7 sites", sampled.pue.min(), low, high, "1"))
        checks.append(check_between(f"{words}: highest of 7 sites", sampled.pue.max(), low, high, "1"))
    return checks


def wue() -> list[Check]:
    """Water of the tower plants by site, and of the hall with dry coolers in the mean of the sites."""
    checks = []
    for words, sampled in (("ai_hall", year("ai_hall")), ("ai_hall, air alone", all_air())):
        for site, value in zip(SITES, sampled.wue_l_kwh):
            checks.append(check_between(f"tower plant {words}, {site}", value, 1.2, 2.2, "L/kWh"))
    dry = float(year("liquid_hall").wue_l_kwh.mean())
    return [*checks, check_between("dry coolers with pads (liquid_hall), mean of 7 sites", dry, 0.15, 0.27, "L/kWh")]


def composed_model_pue() -> list[Check]:
    """PUE against the composed model by site, and the hours in which our tower alone cools."""
    checks = []
    for words, sampled, theirs in (
        ("ai_hall, air alone", all_air(), COMPOSED_AIR),
        ("ai_hall (70 % in liquid)", year("ai_hall"), COMPOSED_LIQUID),
    ):
        for site, ours in zip(SITES, sampled.pue):
            checks.append(check_near(f"PUE {words}, {site}", float(ours), theirs[site], "1", plus_minus=0.02))
    for name, hours in FREE_HOURS.items():
        wet = np.asarray(weather_year(name).wet_bulb_c)
        cold = outlet_c(np.full_like(wet, FREE_BELOW_C + DESIGN_RANGE_K), wet, 1.0) <= FREE_BELOW_C
        checks.append(check_near(f"hours of free cooling, {name}", float(cold.sum()), hours, "h", plus_minus=3.0))
    return checks


def climate_order() -> list[Check]:
    """Whether our hall ranks the climates as EnergyPlus does, and how far apart."""
    ours = dict(zip(SITES, all_air().pue))
    steps = np.diff([ours[site] for site in ENERGYPLUS_ORDER])
    spread = ours["miami_fl"] - ours["seattle_wa"]
    return [
        Check(
            "least step of PUE from Chicago over Sterling and Phoenix to Miami",
            float(steps.min()),
            "above 0",
            0.0,
            np.inf,
            "1",
        ),
        check_between(
            "PUE of Miami less that of Seattle (San Francisco is not embedded)", float(spread), 0.15, 0.25, "1"
        ),
    ]


def controllers() -> list[Check]:
    """Cooling energy that good rules save against setpoints as found, and what one kelvin warmer saves."""
    checks = []
    for name in ("ai_hall", "legacy_air"):
        found, tuned = (year(name, (), how).cooling_kwh.sum() for how in (LEGACY, TUNED))
        saved = 100.0 * (1.0 - tuned / found)
        checks.append(Check(f"{name}: tuned rules against as found", float(saved), "12 to 40", 12.0, 40.0, "%"))
    tropics = SITES.index("singapore_sg")
    found, warmer = (year("legacy_air", (), how).cooling_kwh[tropics] for how in (LEGACY, WARMER))
    gain = 100.0 * float(1.0 - warmer / found)
    return [*checks, check_between("legacy_air in Singapore, air and water 1 K warmer", gain, 2.0, 5.0, "%/K")]


ROWS = (
    Row(
        "18",
        "PUE of a year",
        "modern air with economizer 1.10-1.25, liquid 1.05-1.15, legacy 1.35-1.75",
        "bands",
        "AWS 1.15, Google 1.09, Meta 1.08, Microsoft 1.16; Uptime 1.58",
        pue,
    ),
    Row(
        "19",
        "WUE of a year",
        "tower plants 1.2-2.2; AWS 0.15, Microsoft 0.27 L/kWh",
        "bands",
        "operators' reports",
        wue,
    ),
    Row(
        "20a",
        "EnergyPlus 25.2, another hall: climates ranked alike",
        "Chicago < Sterling < Phoenix < Miami; Miami - San Francisco 0.15-0.25",
        "order; spread",
        "EnergyPlus 25.2 on sinergym's hall",
        climate_order,
    ),
    Row(
        "21",
        "composed handbook model (smoke: same equations, another building)",
        "PUE by site; hours of free cooling",
        "0.02; 3 h",
        "computed",
        composed_model_pue,
    ),
    Row(
        "23",
        "what a controller gains on cooling energy",
        "DeepMind 40 %, autonomous 12 to 30 %; Singapore 2 to 5 %/K",
        "beyond 40 %: suspect the baseline",
        "operators' reports",
        controllers,
    ),
)
