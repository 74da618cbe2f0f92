"""What the work of every rack is worth under every cap: the curves that `marginal_value` shares a feeder by.

Known to the building: which rack runs which classes, their measured throughput curves (PHYSICS B4) and the prices of
the reward. How much of each class runs at a time is not: a usual mix stands in, scaled by the row's measured demand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from envs.controllers.marginal_value import RackCurve
from envs.equipment import rack
from envs.equipment.throughput import CLASSES, throughput
from envs.interface.reward import BATCH_SHARE_AT_RISK, CLOSING_DELAY_H
from envs.physics.namespace import Floats
from envs.signals.workload.requests import phases

if TYPE_CHECKING:
    from envs.plant.layout import Layout
    from envs.scenario import Scenario

CAP_LEVELS = 61
SERVING_LOAD = 0.8  # of saturation: what pools are sized for, WORKLOAD 6b
SHARED_MIX = (0.5, 0.5)  # pretraining and fine-tuning on shared racks; engineering guess
WAITING_H = 2.0 * CLOSING_DELAY_H  # what training put off is charged for: at once and while it waits; engineering guess


def class_values(scenario: Scenario) -> Floats:
    """Value of an accelerator-hour of each class ``(K,)`` [USD/h] by the reward's prices; equal where it has none."""
    r, weights = scenario.reward, scenario.reward_weights
    lost, delayed = (float(weights.get(name, 1.0)) for name in ("work_lost", "work_delayed"))
    serving, training = lost * r.interactive_lost_usd_h, delayed * r.training_delay_usd_h2 * WAITING_H
    batch = delayed * BATCH_SHARE_AT_RISK * r.batch_lost_usd_h
    known = {"pretrain": training, "finetune": training, "batch": batch, "none": 0.0}
    values = np.array([known.get(name, serving) for name in CLASSES])
    return values if values.any() else np.ones(len(CLASSES))


def usual_mix(scenario: Scenario) -> Floats:
    """Share of each rack's accelerators at work in each slot ``(S, R)`` when the rack is fully used."""
    columns = []
    for group in scenario.racks.values():
        mix = (1.0, 0.0)
        if group.workload == "shared":
            mix = SHARED_MIX
        elif group.workload in ("conv", "code"):
            prefill, decode = (float(part[0]) for part in phases(np.array([SERVING_LOAD]), group.workload))
            mix = (prefill / (prefill + decode), decode / (prefill + decode))
        columns += [mix] * group.count
    return np.array(columns).T


def rack_curves(scenario: Scenario, layout: Layout) -> list[RackCurve]:
    """Draw and value of every rack under falling caps on its accelerators, at full activity of its usual mix."""
    table, mix = layout.racks, usual_mix(scenario)
    supplies = np.broadcast_to(np.asarray(table.psu_marginal, np.float64), (layout.n_racks, 1))[:, 0]
    busy, rest = (rack.demand_terms(table, (share * mix[:, :, None]).astype(layout.dtype)) for share in (1.0, 0.0))
    full, idle = (supplies * np.asarray(d.base_kw + d.total_kw, np.float64)[:, 0] for d in (busy, rest))
    frac = _cap_frac(layout)
    cut = (np.asarray(busy.slot_kw, np.float64) * (1.0 - frac)).sum(axis=0)
    work = np.asarray(throughput(table, frac.astype(layout.dtype), np.ones(frac.shape[1:], layout.dtype)), np.float64)
    worth = mix * class_values(scenario)[layout.slot_class] * np.asarray(layout.work.units, np.float64)[:, :, 0]
    value = (worth[:, :, None] * work).sum(axis=0)
    drawn = (full - supplies * cut.T).T
    return [
        RackCurve(int(row), float(layout.rack_rated_kw[r, 0]), float(full[r]), float(idle[r]), drawn[r], value[r])
        for r, row in enumerate(layout.row_of)
    ]


def _cap_frac(layout: Layout) -> Floats:
    """Share of each slot's draw ``(S, R, C)`` that rising caps leave, from the driver's lowest to none."""
    lowest = min(a.cap_floor_frac for a in layout.archetypes)
    tdp = np.array([a.accelerator_tdp_kw for a in layout.archetypes])
    cap_kw = tdp[:, None] * np.linspace(lowest, 1.0, CAP_LEVELS)
    draw = np.broadcast_to(np.asarray(layout.racks.slot_draw_kw, np.float64), (*layout.slot_class.shape, 1))
    return np.where(draw > 0.0, np.minimum(cap_kw[None] / np.maximum(draw, 1e-6), 1.0), 1.0)
