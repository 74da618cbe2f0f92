"""Rows of accelerators under a power cap (j11 to j14), and of the coolant around them (j16, j17)."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from envs.equipment import liquid_loop
from envs.equipment.rack_archetypes import HGX_AIR
from envs.equipment.throughput import CLASSES, slot_curves, throughput
from envs.physics.namespace import Floats
from envs.signals.workload.profiles import CLASS_POWER_FRAC, IDLE_POWER_FRAC
from envs.signals.workload.requests import phases, prompt_time
from experiments.published.bench import PlantBench, RackBench
from experiments.published.measured_files import RHO, emerald_throughput, zeus_throughput
from experiments.published.rooms import FINE
from experiments.published.row import Check, Row, check_between, check_near

COMPUTE_BOUND = ("finetune", "prefill", "batch")
SHARES = ((0.8, 0.94), (0.7, 0.88), (0.6, 0.79))
EMERALD = (("pt_", "pretrain", 0.3), ("ft_", "finetune", 0.3), ("infer_llama_8b", "prefill", 0.6))
EMERALD_RHO = np.array([0.9, 0.8, 0.7, 0.6, 0.3])
DECODE_CAPS = (0.8, 0.6, 0.5)  # of TDP
H200_TDP_W = 700.0


def curve(name: str, rho: Floats) -> Floats:
    """Throughput of a class at ``rho`` (n,)."""
    table = SimpleNamespace(curves=slot_curves([[CLASSES.index(name)]], HGX_AIR.accelerator_idle_frac, np.float64))
    return np.asarray(throughput(table, rho[None, None], np.ones((1, len(rho))))[0, 0])


def node_power() -> list[Check]:
    """Input power of the 8-GPU air server at full prefill and at training, over its nameplate."""
    training = [RackBench(HGX_AIR, name).power_kw()[0] for name in ("pretrain", "finetune")]
    peak = RackBench(HGX_AIR, "prefill").power_kw()[0]
    return [
        check_near("peak", peak / HGX_AIR.nameplate_kw, 0.82, "1", plus_minus=0.03),
        check_near("training", float(np.mean(training)) / HGX_AIR.nameplate_kw, 0.76, "1", plus_minus=0.03),
    ]


def capped_training() -> list[Check]:
    """Throughput of the server when a limit on its input leaves 80, 70, 60 % of the accelerators' draw."""
    return [
        check_near(
            f"at {share:.0%} of draw", RackBench(HGX_AIR, "finetune").work_at(share), wanted, "1", plus_minus=0.03
        )
        for share, wanted in SHARES
    ]


def least_energy_per_work() -> list[Check]:
    """Where energy per work of the accelerators is least, and how much less than uncapped that is."""
    rho, checks = np.linspace(0.3, 1.0, 1401), []
    for name in ("pretrain", *COMPUTE_BOUND):
        energy = rho / curve(name, rho)
        best = int(np.argmin(energy))
        checks.append(Check(f"{name}: optimal rho", float(rho[best]), "0.5 to 0.7", 0.5, 0.72, "1"))
        if name in COMPUTE_BOUND:
            saved = 100.0 * (float(energy[best]) - 1.0)
            checks.append(check_between(f"{name}: energy per work", saved, -27.0, -21.0, "%"))
    return checks


def capped_decode() -> list[Check]:
    """What decode draws from one request at a time to a full batch, and its loss when accelerators are capped."""
    bench = RackBench(HGX_AIR, "decode")
    load = np.array([0.02, 0.95])
    for_prompts = prompt_time("conv") * load
    share = phases(load, "conv").decode / (1.0 - for_prompts)
    full = CLASS_POWER_FRAC["decode"]
    watts = H200_TDP_W * (IDLE_POWER_FRAC + share * (full - IDLE_POWER_FRAC))
    checks = [
        check_between(f"draw with {name}", float(w), 137.0, 300.0, "W of 700", more=1.0)
        for name, w in zip(("one request or two", "a full batch"), watts)
    ]
    draw = float(bench.demand.total_kw[0, 0])
    rated = HGX_AIR.accelerators * HGX_AIR.accelerator_tdp_kw
    idle = float(np.asarray(bench.demand.idle_kw).ravel()[0])
    for cap in DECODE_CAPS:
        lost = 100.0 * (1.0 - bench.work_at(min((cap * rated - idle) / draw, 1.5)))
        checks.append(Check(f"work lost, cap at {cap:g} of TDP", lost, "none: no cap triggers", -0.01, 0.01, "%"))
    return checks


def coolant_without_water() -> list[Check]:
    """Rise of the coolant in the first minute after the facility-water pumps of ai_hall are lost."""
    bench = PlantBench("ai_hall", FINE)
    bench.lose(fws_pumps_lost=9.0)
    _, trace = bench.run(65.0)
    supply = np.array([float(f.tcs_supply_c[0]) for f in trace])
    return [check_between("first minute", supply[12] - supply[0], 12.0, 30.0, "K/min", factor=1.5)]


def coolant_rise() -> list[Check]:
    """Rise of 153 L/min of PG25 through 102 kW."""
    unit = liquid_loop.CoolantDistribution(cdus=1, cdus_running=1, ua_kw_k=30.0, tcs_flow_lpm=153.0, pump_dp_kpa=10.0)
    state = liquid_loop.initial_tcs(1, dtype=np.float64)
    for _ in range(300):
        state, flows = liquid_loop.advance_tcs(
            unit, state, np.array([102.0]), 40.0, 1.0, np.array([30.0]), 2.5, np.array([1.0]), 60.0
        )
    return [check_near("return over supply", float((flows.return_c - flows.supply_c)[0]), 10.1, "K", plus_minus=0.3)]


def zeus() -> list[Check]:
    """Our default class curve against three GPU types that were measured under a sweep of limits."""
    ours, checks = curve("finetune", RHO), []
    for gpu in ("v100", "rtx6000", "a40"):
        for rho, mine, theirs in zip(RHO, ours, zeus_throughput(gpu)):
            if np.isfinite(theirs):
                checks.append(check_near(f"{gpu} at rho {rho:g}", mine, round(float(theirs), 3), "1", plus_minus=0.05))
    return checks


def emerald() -> list[Check]:
    """Our class curves against language-model jobs on A100 under a sweep of limits."""
    checks = []
    for prefix, name, lowest in EMERALD:
        rho = EMERALD_RHO[lowest <= EMERALD_RHO]
        for r, mine, theirs in zip(rho, curve(name, rho), emerald_throughput(prefix, rho)):
            checks.append(check_near(f"{name} at rho {r:g}", mine, round(float(theirs), 3), "1", plus_minus=0.05))
    return checks


ROWS = (
    Row(
        "11",
        "8-GPU H100 node, peak and training over nameplate",
        "0.82; compute-intensive average 0.76",
        "0.03",
        "arXiv:2412.08602, arXiv:2506.14551",
        node_power,
    ),
    Row(
        "12", "cap at 0.8/0.7/0.6 of draw, compute-bound", "0.94/0.88/0.79", "0.03", "Zeus, NSDI 2023", capped_training
    ),
    Row(
        "13",
        "energy-optimal cap",
        "rho 0.5 to 0.7, energy per work -21 to -27 %",
        "rho 0.5 to 0.72",
        "Zeus, NSDI 2023",
        least_energy_per_work,
    ),
    Row(
        "14",
        "LLM decode under power caps, H200",
        "decode draws only 137-300 W on a 700 W GPU; no cap ever triggers",
        "1 W; 0.01 %",
        "Ma et al., arXiv:2605.11999, abstract",
        capped_decode,
    ),
    Row(
        "16", "coolant without facility water, NVL72", "12 to 30 K/min", "factor 1.5", "computed", coolant_without_water
    ),
    Row("17", "NVL72 coolant rise, 153 L/min PG25, 102 kW", "10.1 K", "0.3 K", "computed", coolant_rise),
    Row("M1", "throughput under a cap, three GPU types", "measured", "0.05", "Zeus power sweeps (Apache-2.0)", zeus),
    Row("M2", "throughput under a cap, LLM jobs on A100", "measured", "0.05", "Emerald sweep (Apache-2.0)", emerald),
)
