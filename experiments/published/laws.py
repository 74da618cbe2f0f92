"""Rows that hold laws: the ledgers, wet bulb, weather hours, and the losses of a power supply (j1, j2, j22, j24)."""

from __future__ import annotations

import numpy as np

from envs.core import DataCenterCore
from envs.equipment.power_chain import PowerChain, ups_loss_kw
from envs.physics.psychrometrics import pressure_kpa, wet_bulb_c
from envs.scenario import SHIPPED
from experiments.published.measured_files import weather_year
from experiments.published.psychrolib_plain import plain_psychrolib
from experiments.published.row import Check, NotRun, Row, check_between, check_near

STEPS, SITES = 25, 4
NEAR_ICE_C = 0.6  # PHYSICS j2: where the wet bulb freezes two values meet
SMALL_WORLD = ("site.workload_weeks=1",)
FREE_COOLING_BELOW_C = 18.0
FREE_COOLING_H = {
    "seattle_wa_tmy3": 8509,
    "london_gb_om2023": 8496,
    "frankfurt_de_om2023": 8103,
    "chicago_il_tmy3": 7230,
    "phoenix_az_tmy3": 6682,
    "sterling_va_tmy3": 6581,
    "dallas_tx_tmy3": 4930,
    "miami_fl_tmy3": 1706,
    "mumbai_in_om2023": 855,
    "singapore_om2023": 0,
}


def closure() -> list[Check]:
    """Largest residual of any step under random actions, over facility power and over the water made up."""
    checks = []
    for name in SHIPPED:
        core = DataCenterCore(name, SITES, SMALL_WORLD, dtype="float64")
        core.reset(seed=0)
        generator, water = np.random.default_rng(0), 0.0
        for _ in range(STEPS):
            core.step(generator.uniform(-1.0, 1.0, (SITES, core.action_size)))
            makeup = np.maximum(core.flows.makeup_kg, 1.0)
            water = max(water, float(np.max(np.abs(core.flows.water_residual_kg) / makeup)))
        energy = float(core.sums.by_name(core.t)["energy_residual_frac"].max())
        checks += [
            Check(f"{name}: energy", energy, "0", 0.0, 1e-9, "1"),
            Check(f"{name}: water", water, "0", 0.0, 1e-9, "1"),
        ]
    return checks


def wet_bulb() -> list[Check]:
    """Largest difference to psychrolib over temperature, humidity and two altitudes."""
    try:
        psychrolib = plain_psychrolib()
    except ImportError as error:
        raise NotRun("psychrolib is not installed: pip install psychrolib (it is in the extra [dev])") from error
    dry, rh = (g.ravel() for g in np.meshgrid(np.arange(-15.0, 45.1, 2.5), np.linspace(0.05, 0.95, 10)))
    worst = 0.0
    for elevation_m in (0.0, 1609.0):
        kpa = float(pressure_kpa(elevation_m))
        ours = np.asarray(wet_bulb_c(dry, rh, np.full_like(dry, kpa)))
        theirs = np.array([psychrolib.GetTWetBulbFromRelHum(t, h, kpa * 1e3) for t, h in zip(dry, rh)])
        clear = np.abs(theirs) > NEAR_ICE_C
        worst = max(worst, float(np.max(np.abs(ours - theirs)[clear])))
    return [Check("largest difference, 0 and 1609 m", worst, "0", 0.0, 0.005, "K")]


def free_cooling_hours() -> list[Check]:
    """Hours of each measured year with a wet bulb below 18 degC."""
    checks = []
    for name, hours in FREE_COOLING_H.items():
        below = np.asarray(weather_year(name).wet_bulb_c) < FREE_COOLING_BELOW_C
        checks.append(check_near(name, float(below.sum()), hours, "h"))
    return checks


def ups_at_half_load() -> list[Check]:
    """Efficiency of the default set at half load."""
    chain = PowerChain(ups_set="modern", ups_units=2, ups_unit_kw=500.0, ups_limit_kw=1000.0)
    loss = float(ups_loss_kw(chain, np.array(500.0)))
    return [check_between("efficiency at 50 %", 500.0 / (500.0 + loss), 0.950, 0.950, "1", more=0.005)]


ROWS = (
    Row("1", "energy closure every step, every loop", "residual 0", "1e-9 rel", "law", closure),
    Row("2", "wet bulb vs psychrolib, -15..45 degC", "0", "0.005 K (|Twb| > 0.6)", "psychrolib 2.5", wet_bulb),
    Row("22", "hours of a year with a wet bulb below 18 degC", "table", "exact", "site_stats.csv", free_cooling_hours),
    Row("24", "UPS default set at 50 % load", "0.950", "0.005", "engineering guess", ups_at_half_load),
)
