"""What the figures of a report draw, as plain data small enough to stand inside the page."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.evaluation.palette import colours, dashes
from experiments.evaluation.results import StoredEvaluation, round_to
from experiments.evaluation.trace import CONSUMERS, Series

if TYPE_CHECKING:
    from experiments.evaluation.gates import GateVerdict

MOST_POINTS = 1008  # a week in steps of ten minutes; longer series are joined
QUANTILES = 201
INLET_LIMITS_C = ((27.0, "27 degC recommended"), (32.0, "32 degC allowable, class A1"))  # ASHRAE TC9.9, PHYSICS c
HOTTEST = ("worst_inlet_c",)  # series whose joined points keep the highest value
OVER_TIME = ("facility_power_kw", "it_power_kw", "worst_inlet_c")
OUTSIDE = {"dry_bulb_c": ("dry bulb", "var(--heat)"), "wet_bulb_c": ("wet bulb", "var(--liquid)")}
STEPS = 65_534


def figure_data(
    stored: StoredEvaluation, names: Sequence[str], baseline: str, verdicts: Mapping[str, GateVerdict]
) -> dict[str, Any]:
    """Data of every figure.

    Parameters
    ----------
    stored : StoredEvaluation
    names : sequence of str
        Policies in reading order.
    baseline : str
    verdicts : mapping of str to GateVerdict
        Of every policy but the baseline.
    """
    palette, traces = colours(names, baseline), {n: stored.traces[n] for n in names if n in stored.traces}
    first = next(iter(traces.values()))
    steps = len(first["worst_inlet_c"])
    joined = -(-steps // MOST_POINTS)
    channels = [key.removeprefix("setpoint/") for key in first if key.startswith("setpoint/")]
    return {
        "policies": list(traces),
        "shown": _shown(traces, baseline),
        "stacked": _shown(traces, baseline)[-1],
        "colours": palette,
        "dashes": dashes(palette),
        "step_s": float(stored.facts["step_s"]) * joined,
        "count": -(-steps // joined),
        "quantiles": QUANTILES,
        "limits": [{"value": value, "words": words} for value, words in INLET_LIMITS_C],
        "channels": [{"key": c, **dict(zip(("title", "unit"), quantity_and_unit(c)))} for c in channels],
        "consumers": [{"name": c, "colour": f"var(--s{i})"} for i, c in enumerate(CONSUMERS) if i],
        "outside": [{"key": key, "name": name, "colour": colour} for key, (name, colour) in OUTSIDE.items()],
        "series": {key: packed(values) for key, values in _series(traces, baseline, joined)},
        "savings": [_saving(n, verdicts[n]) for n in names if n in verdicts],
        "means": [{"name": n, "parts": _means(series)} for n, series in traces.items()],
        "places": [_place(i, episode) for i, episode in enumerate(stored.facts["episodes"])],
        "excess": [_per_episode(n, stored, "degree_minutes_worst_rack") for n in names],
        "violations": [_per_episode(n, stored, "violations") for n in names],
    }


def packed(values: ArrayLike) -> dict[str, Any]:
    """A series in 16 bit steps between its lowest and its highest value, as base64; step 0 is no number."""
    given = np.asarray(values, np.float64).ravel()
    there = np.isfinite(given)
    low, high = (float(given[there].min()), float(given[there].max())) if there.any() else (0.0, 0.0)
    share = (np.where(there, given, low) - low) / ((high - low) or 1.0)
    steps = np.where(there, 1 + np.round(share * STEPS), 0).astype("<u2")
    return {"low": low, "high": high, "data": base64.b64encode(steps.tobytes()).decode()}


def joined_points(values: NDArray[np.floating], joined: int, highest: bool = False) -> NDArray[np.float64]:
    """Each ``joined`` points of a series ``(T,)`` as one: their mean, or their highest."""
    whole = np.append(np.asarray(values, np.float64), np.full(-len(values) % joined, np.nan)).reshape(-1, joined)
    return np.nanmax(whole, axis=1) if highest else np.nanmean(whole, axis=1)


def quantity_and_unit(name: str) -> tuple[str, str]:
    """A name in words and its unit: ``chw_supply_temp_setpoint_c`` gives ``chw supply temp setpoint``, ``degC``."""
    units = {"c": "degC", "frac": "1", "kw": "kW"}
    stem, _, suffix = name.rpartition("_")
    return (stem.replace("_", " "), units[suffix]) if suffix in units else (name.replace("_", " "), "1")


def _series(traces: Mapping[str, Series], baseline: str, joined: int) -> list[tuple[str, NDArray[np.float64]]]:
    share = np.linspace(1.0, 0.0, QUANTILES)
    made = []
    for name, series in traces.items():
        made += [(f"{name}|{key}", joined_points(series[key][:, 0], joined, key in HOTTEST)) for key in OVER_TIME]
        made.append((f"{name}|inlet_duration", np.quantile(series["worst_inlet_c"], share)))
        made.append((f"{name}|power_duration", np.quantile(series["facility_power_kw"], share)))
        for key, values in series.items():
            kind, _, what = key.partition("/")
            if kind == "consumer" and what != next(iter(CONSUMERS)):
                made.append((f"{name}|consumer|{what}", joined_points(values, joined)))
            elif kind == "setpoint":
                made += [(f"{name}|{what}|{row}", joined_points(v, joined)) for row, v in enumerate(values.T)]
            elif kind == "outside" and name == baseline:
                made.append((f"outside|{what}", joined_points(values, joined)))
    return made


def _shown(traces: Mapping[str, Series], baseline: str) -> list[str]:
    """What a page shows before anybody chooses: the baseline, and what was learnt or else the next policy."""
    from agents.references import REFERENCES

    others = [n for n in traces if n != baseline]
    learnt = [n for n in others if n not in REFERENCES and not n.endswith("untrained")]
    return [n for n in (baseline, *(learnt[:1] or others[:1])) if n in traces]


def _saving(name: str, found: GateVerdict) -> dict[str, Any]:
    if found.saving is None:
        return {"name": name, "low": None, "words": "no number: a gate failed"}
    point, low, high = (round_to(100.0 * value, 3) for value in found.saving)
    return {
        "name": name,
        "value": point,
        "low": low,
        "high": high,
        "words": f"{point:+.2f} % [{low:+.2f}, {high:+.2f}]",
    }


def _means(series: Series) -> list[float]:
    return [round_to(series[f"consumer/{c}"].mean(), 2) for c in list(CONSUMERS)[1:]]


def _per_episode(name: str, stored: StoredEvaluation, column: str) -> dict[str, Any]:
    return {"name": name, "values": [round_to(v, 3) for v in stored.scores[name][column]]}


def _place(number: int, episode: Mapping[str, Any]) -> str:
    return f"episode {number}: {episode['site']}, month {episode['month']}"
