"""Nothing is made and nothing is lost: energy, water and work of every site, under arbitrary actions and failures."""

import numpy as np
import pytest
from plant_rig import SCENARIOS, core_of

from envs.faults import KINDS, Fault
from envs.plant.ledger import stored_kj
from envs.plant.state import stores_of
from envs.scenario.checks import possible_kinds
from envs.trees import map_leaves

STEPS = 40
HOT_AND_HUMID = ("site.climates=[sterling_va,singapore_sg,phoenix_az,dublin_ie]",)
PHYSICAL = [k for k in KINDS if not k.startswith("sensor")]


def random_faults(
    n: int, length_s: float, zones: int, kinds_there: list[str], rng: np.random.Generator
) -> list[list[Fault]]:
    """Two faults per environment, one of them before the middle; the first environment has none."""
    faults: list[list[Fault]] = [[]]
    for i in range(1, n):
        kinds = [kinds_there[i % len(kinds_there)], str(rng.choice(kinds_there))]
        faults.append([])
        for kind in kinds:
            most = 1.0 if KINDS[kind][1] == 1.0 else 5.0
            index = int(rng.integers(zones)) if kind == "crah_fan" else 0
            start = float(rng.uniform(0.0, 0.5 * length_s))
            faults[-1].append(Fault(kind, start, length_s / 3.0, index, float(rng.uniform(0.3, 1.0) * most)))
    return faults


@pytest.fixture(
    scope="module", params=[(s, d) for s in SCENARIOS for d in ("float64", "float32")], ids=lambda p: "-".join(p)
)
def disturbed(request):
    """Flows of every step of sites that meet random actions and random faults."""
    name, dtype = request.param
    n = 2 * len(PHYSICAL) + 1
    core = core_of(name, n, HOT_AND_HUMID, dtype)
    rng = np.random.default_rng(3)
    core.reset(seed=11)
    lay = core.plant.layout
    there = [kind for kind in possible_kinds(lay.present) if kind in PHYSICAL]
    core.set_faults(random_faults(n, STEPS * core.step_s, lay.n_zones, there, rng))
    lows = {c.name: (c.low, c.high, c.rows) for c in core.channels}
    trace, waiting = [], []
    for _ in range(STEPS):
        waiting.append(core.flows.backlog * (core.t > 0))
        targets = {k: rng.uniform(lo, hi, (rows, n)) for k, (lo, hi, rows) in lows.items()}
        core.step_setpoints(targets)
        trace.append(core.flows)
    return core, trace, waiting, 1e-9 if dtype == "float64" else 1e-5


def rounding_kw(core) -> float:
    """What a float32 at 64..128 degC (a lost hall) hides of the heat of all masses over one step [kW].

    Half a digit of each mass in each of five sub-steps.
    """
    warmer = map_leaves(core.state, lambda x: x + x.dtype.type(1.0))
    per_k = float(stored_kj(core.plant, stores_of(warmer), stores_of(core.state))[0])
    return per_k * 0.5 * core.plant.substeps * float(np.spacing(np.float32(100.0))) / core.step_s


def test_every_kilowatt_has_two_ends(disturbed):
    """To rounding: a loop of C kJ/K cannot tell half a float's last digit of its 100 degC from nothing."""
    core, trace, _, tolerance = disturbed
    for flows in trace:
        rounding = rounding_kw(core) if core.dtype == np.float32 else 0.0
        assert np.all(np.abs(flows.energy_residual_kw) <= tolerance * flows.facility_power_kw + rounding)


def test_the_power_drawn_is_the_sum_of_what_draws_it(disturbed):
    core, trace, _, tolerance = disturbed
    parts = (
        "it_power_kw",
        "cooling_power_kw",
        "lighting_power_kw",
        "pdu_loss_kw",
        "ups_loss_kw",
        "transformer_loss_kw",
    )
    for flows in trace:
        total = sum(getattr(flows, part) for part in parts)
        np.testing.assert_allclose(total, flows.facility_power_kw, rtol=tolerance)
        np.testing.assert_allclose(
            flows.facility_power_kw + flows.battery_power_kw, flows.grid_power_kw, rtol=tolerance, atol=1e-3
        )


def test_every_litre_has_two_ends(disturbed):
    core, trace, _, tolerance = disturbed
    for flows in trace:
        scale = np.maximum(flows.makeup_kg, 1.0)
        assert np.all(np.abs(flows.water_residual_kg) <= tolerance * scale)
        assert (
            np.all(flows.makeup_kg >= 0.0) and np.all(flows.evaporation_kg >= 0.0) and np.all(flows.blowdown_kg >= 0.0)
        )


def test_work_asked_for_and_waiting_is_done_lost_or_waits_on(disturbed):
    core, trace, waiting, tolerance = disturbed
    for before, flows in zip(waiting, trace):
        asked = before + flows.work_demanded
        given = flows.work_done + flows.work_lost + flows.backlog
        np.testing.assert_allclose(given, asked, rtol=tolerance, atol=tolerance * 10.0)
        for name in ("work_demanded", "work_done", "work_lost", "backlog"):
            assert np.all(getattr(flows, name) >= -tolerance * 10.0), name


def test_heat_never_comes_from_nowhere(disturbed):
    """Mean power bounds the heat that leaves: over the run, rejection is the power less what the masses keep."""
    core, trace, _, tolerance = disturbed
    powers = [p for p in trace[0]._fields if p.endswith("_power_kw") and p not in ("grid_power_kw", "battery_power_kw")]
    powers += ["pdu_loss_kw", "ups_loss_kw", "transformer_loss_kw"]
    for flows in trace:
        for name in powers:
            assert np.all(getattr(flows, name) >= 0.0), name
        assert all(np.all(np.isfinite(value)) for value in flows)


def test_the_faults_of_this_folder_bite(disturbed):
    core, trace, _, _ = disturbed
    healthy = trace[-1].facility_power_kw[0]
    assert np.ptp(trace[-1].worst_inlet_c) > 0.5 and healthy > 0.0
