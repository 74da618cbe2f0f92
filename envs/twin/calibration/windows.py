"""Telemetry cut into days that run side by side, each behind a burn-in that forgets how it was started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from envs.building.rules import constants
from envs.physics.namespace import Floats
from envs.physics.psychrometrics import humidity_ratio, humidity_ratio_at_wet_bulb, wet_bulb_c
from envs.plant.layout import Layout
from envs.scenario import Scenario
from envs.twin.estimation.work_by_power import with_serving
from envs.twin.telemetry.gaps import runs, without_gaps
from envs.twin.telemetry.meter_noise import without_noise
from envs.twin.telemetry.quantities import LOADS, MODES, QUANTITIES, constant_error, driving_load, noise_sd, outputs
from envs.twin.telemetry.telemetry import Telemetry, stacked_columns

BURN_IN_S = 3.0 * 3600.0  # several time constants of basin, buffer and racks
PATH_GRID = 201  # places on the way of a rack's work from rest to full
WEATHER_MEAN_S = 3600.0  # readings of the weather are means over so long
OWN_JOBS = ("shared", "batch")  # workloads whose racks start and stop each for itself
FAN_LEFT_COMMAND = 0.05  # speed feedback so far from its command is believed
STEP_MATTERS = {"temperature": 0.4, "fraction": 0.03, "count": 0.5, "power": np.inf, "hours": np.inf}  # unseen in a gap
LONGEST_BRIDGE_S = 3600.0  # a longer gap of an input silences the outputs in it and behind it
ECHO_S = 1800.0  # for so long


@dataclass(frozen=True, eq=False)
class Windows:
    """Inputs by step and window, and what the outputs showed.

    Attributes
    ----------
    count, steps, burn_in : int
        Windows W; steps K of each, of which the first ``burn_in`` are not compared.
    step_s : float
        Of a row [s].
    first_rows : ndarray (W,)
        Row of the telemetry at which each window's comparison begins.
    inputs : dict
        Quantity to ``(K, k, W)``, without gaps.
    load_name : str
        Which of `LOADS` drives the racks.
    outputs : tuple of str
        Compared quantities, and their rows side by side in ``rows``: name and row of each of N.
    shown, noise_sd : ndarray (K - burn-in, N, W)
        Readings (NaN where missing or silenced) and the deviation of one reading.
    offset_sd, gain_sd : ndarray (N,)
        Constant errors of each sensor.
    slot_path : ndarray (S, R, G)
        Work of the slots on the rack's way from rest to full.
    slot_mix : ndarray (S, R)
        What of more work goes to each slot.
    slope_kw : ndarray (R,)
        Power of a rack per unit of its work, nominal [kW].
    """

    count: int
    steps: int
    burn_in: int
    step_s: float
    first_rows: NDArray[np.int64]
    inputs: dict[str, Floats]
    load_name: str
    outputs: tuple[str, ...]
    rows: tuple[tuple[str, int], ...]
    shown: Floats
    noise_sd: Floats
    offset_sd: Floats
    gain_sd: Floats
    slot_path: Floats
    slot_mix: Floats
    slope_kw: Floats
    load_weights: Floats

    def subset(self, some: Sequence[int]) -> Windows:
        """The windows of these numbers."""
        pick = np.asarray(some, np.intp)
        return replace(
            self,
            count=len(pick),
            first_rows=self.first_rows[pick],
            inputs={n: np.ascontiguousarray(v[..., pick]) for n, v in self.inputs.items()},
            shown=self.shown[..., pick],
            noise_sd=self.noise_sd[..., pick],
        )

    def by_slot(self, share: Floats) -> Floats:
        """Work of the slots ``(S, R, W)`` of racks that work a share ``(R, W)``; a line below rest and above full."""
        inside = np.clip(share, 0.0, 1.0)
        place = inside * (self.slot_path.shape[-1] - 1)
        low = np.minimum(place.astype(np.intp), self.slot_path.shape[-1] - 2)
        racks = np.arange(len(share))[:, None]
        below, above = self.slot_path[:, racks, low], self.slot_path[:, racks, low + 1]
        return below + (above - below) * (place - low) + self.slot_mix[:, :, None] * (share - inside)

    def load_kw(self, k: int) -> Floats:
        """Measured power ``(M, W)`` [kW] of what the load point measures: racks, rows or the site."""
        return self.inputs[self.load_name][k]


def windows_of(
    telemetry: Telemetry, scenario: Scenario, layout: Layout, window_s: float = 86_400.0, burn_in_s: float = BURN_IN_S
) -> Windows:
    """Windows of one hall, ``window_s`` [s] long, each behind ``burn_in_s`` [s] of the rows before it.

    A rest too short is left out, and so are windows in which nothing was logged: a file may hold stretches of a year.

    Raises
    ------
    ValueError
        Where the file is shorter than one window and its burn-in, or an input is missing.
    """
    burn, length = round(burn_in_s / telemetry.step_s), round(window_s / telemetry.step_s)
    length = min(length, telemetry.rows - burn)
    if length < burn:
        raise ValueError(
            f"telemetry has {telemetry.rows} rows of {telemetry.step_s:g} s; give at least {2 * burn} (a burn-in of "
            f"{burn_in_s / 3600:g} h and as much to compare), better two weeks"
        )
    starts = np.arange(burn, telemetry.rows - length + 1, length)
    index = starts[None, :] + np.arange(-burn, length)[:, None]
    series, silent = drivers(telemetry, scenario, layout)
    values = telemetry.series()
    names = tuple(outputs(values, layout, scenario))
    if not names:
        raise ValueError("no output is measured, so there is nothing to fit to; map temperatures, positions or powers")
    shown = stacked_columns(values, names)
    echo, bridge = round(ECHO_S / telemetry.step_s), round(LONGEST_BRIDGE_S / telemetry.step_s)
    shown[_echo_mask(silent, echo, bridge, burn)] = np.nan
    read_at = np.asarray(np.isfinite(shown).any(axis=1))
    index = index[:, read_at[index[burn:]].any(axis=0)]
    if not index.shape[1]:
        raise ValueError("no window has a reading of an output beside its inputs; map outputs of the days logged")
    sd = np.concatenate([noise_sd(QUANTITIES[n], scenario.sensors, values[n]) for n in names], axis=1)
    errors = [constant_error(QUANTITIES[n], scenario.sensors) for n in names for _ in values[n][0]]
    load_name = driving_load(values)
    assert load_name is not None  # `drivers` has refused what has none
    path, mix = slot_paths(scenario, layout)
    return Windows(
        count=index.shape[1],
        steps=burn + length,
        burn_in=burn,
        step_s=telemetry.step_s,
        first_rows=index[burn],
        inputs={n: np.ascontiguousarray(v[index].transpose(0, 2, 1)) for n, v in series.items()},
        load_name=load_name,
        outputs=names,
        rows=tuple((n, k) for n in names for k in range(values[n].shape[1])),
        shown=shown[index[burn:]].transpose(0, 2, 1),
        noise_sd=sd[index[burn:]].transpose(0, 2, 1),
        offset_sd=np.array([e[0] for e in errors]),
        gain_sd=np.array([e[1] for e in errors]),
        slot_path=path,
        slot_mix=mix,
        slope_kw=slope_kw(layout, mix),
        load_weights=load_weights(load_name, layout),
    )


def drivers(telemetry: Telemetry, scenario: Scenario, layout: Layout) -> tuple[dict[str, Floats], NDArray[np.bool_]]:
    """Inputs ``(T, k)`` without gaps, and where a gap was too long to be bridged ``(T,)``."""
    values, longest = telemetry.series(), round(LONGEST_BRIDGE_S / telemetry.step_s)
    load = driving_load(values)
    if load is None:
        raise ValueError(f"no load is mapped; map one of {list(LOADS)}")
    wanted = [load, "dry_bulb_c", *(n for n in ("wet_bulb_c", "outside_rh_frac") if n in values)][:3]
    if "dry_bulb_c" not in values or len(wanted) < 3:
        raise ValueError("the weather is not mapped; map dry_bulb_c and either wet_bulb_c or outside_rh_frac")
    wanted += [n for n, c in layout.channels.items() if n in values and c.replayed_at is None]
    wanted += [n for n in MODES if n in values]
    filled, silent = {}, np.zeros(telemetry.rows, bool)
    for name in wanted:
        q = QUANTITIES[name]
        matters = STEP_MATTERS[q.kind] if q.role in ("setpoint", "mode") else np.inf
        filled[name], bad = without_gaps(values[name], longest, q.role == "mode", matters)
        silent |= bad
        if q.role == "mode":  # when within the step it switched nobody logged
            silent[1:] |= np.any(np.diff(filled[name], axis=0) != 0.0, axis=1)
        if name == load:
            sd = noise_sd(q, scenario.sensors, values[name])
            together = work_groups(scenario) if name == "rack_power_kw" else range(values[name].shape[1])
            for a, b in stretches(values[name], longest):
                some = filled[name][a:b]
                filled[name][a:b] = without_noise(values[name][a:b], some, sd[a:b], np.asarray(together))
        if q.role == "weather":
            filled[name] = smooth(filled[name], round(WEATHER_MEAN_S / telemetry.step_s))
    _overridden_fans(filled, values)
    _with_humidity(filled, layout.pressure_kpa)
    _constants(filled, scenario, layout, telemetry.rows)
    return filled, silent


def work_groups(scenario: Scenario) -> list[int]:
    """Number of the group of every rack ``(R,)`` that draws power alike; jobs of its own: alone."""
    made: list[int] = []
    for group in scenario.racks.values():
        alone = group.workload in OWN_JOBS
        first = made[-1] + 1 if made else 0
        made += [first + (k if alone else 0) for k in range(group.count)]
    return made


def smooth(values: Floats, width: int) -> Floats:
    """Centred mean of ``width`` steps ``(T, k)``: weather moves slowly, its sensor's noise does not."""
    half = width // 2
    padded = np.pad(values, ((half, half), (0, 0)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=0).mean(axis=-1)


def _overridden_fans(filled: dict[str, Floats], values: Mapping[str, Floats]) -> None:
    """Where the fans left their command (an alarm, a hand on the drive), what they did is what drives the replay."""
    command = filled.get("crah_fan_speed_frac")
    if command is not None and "zone_fan_speed_frac" in values:
        did = values["zone_fan_speed_frac"]
        left = np.isfinite(did) & (np.abs(did - command) > FAN_LEFT_COMMAND)
        filled["crah_fan_speed_frac"] = np.where(left, did, command)


def _with_humidity(filled: dict[str, Floats], pressure_kpa: float) -> None:
    """Add wet bulb and humidity ratio, whichever of wet bulb and relative humidity was measured."""
    dry = filled["dry_bulb_c"]
    if "wet_bulb_c" in filled:
        filled["wet_bulb_c"] = np.minimum(filled["wet_bulb_c"], dry)
        wet = filled["wet_bulb_c"]
        filled["humidity_ratio"] = np.maximum(humidity_ratio_at_wet_bulb(dry, wet, pressure_kpa), 1e-5)
    else:
        rh = np.clip(filled.pop("outside_rh_frac"), 0.01, 1.0)
        filled["wet_bulb_c"] = wet_bulb_c(dry, rh, pressure_kpa)
        filled["humidity_ratio"] = humidity_ratio(dry, rh, pressure_kpa)


def _constants(filled: dict[str, Floats], scenario: Scenario, layout: Layout, rows: int) -> None:
    """Fill channels that no point is mapped to: limits off, the loops' constants of the scenario's rules."""
    known = constants(scenario, layout.channels)
    for name, channel in layout.channels.items():
        shape = (rows, channel.rows)
        if channel.replayed_at is not None:
            filled[name] = np.full(shape, channel.replayed_at)
        elif name not in filled and name in known:
            filled[name] = np.full(shape, known[name])
        elif name not in filled:
            raise ValueError(f"setpoint {name} is not mapped; map the point that commands it, or log it first")


def _echo_mask(silent: NDArray[np.bool_], echo: int, bridge: int, burn: int) -> NDArray[np.bool_]:
    """True in each silent stretch and ``echo`` rows behind it, ``burn`` rows where it was longer than a ``bridge``."""
    out = silent.copy()
    for start, length in runs(silent):
        out[start : start + length + (burn if length > bridge else echo)] = True
    return out


def stretches(values: Floats, bridge: int) -> list[tuple[int, int]]:
    """First row, and row behind the last, of what lies between gaps of all columns that exceed a ``bridge``."""
    dark = np.asarray(~np.isfinite(values).any(axis=1))
    cuts = [(a, a + n) for a, n in runs(dark) if n > bridge]
    starts, stops = [0, *(b for _, b in cuts)], [*(a for a, _ in cuts), len(values)]
    return [(a, b) for a, b in zip(starts, stops) if b > a]


def slot_paths(scenario: Scenario, layout: Layout) -> tuple[Floats, Floats]:
    """Work of every slot on its rack's way from rest to full ``(S, R, G)``, and what more work adds ``(S, R)``.

    A meter cannot tell slots apart. The way is the rack's power over idle, relative to its thirstiest slot at full
    work. Serving racks go it as requests do, prefill and decode together (`with_serving`); in others the thirstiest
    slot works alone.
    """
    weights = layout._reference_weights.reshape(layout.slot_class.shape).astype(np.float64)
    thirsty = (np.arange(len(weights))[:, None] == weights.argmax(axis=0)[None]).astype(np.float64)
    path: Floats = thirsty[:, :, None] * np.linspace(0.0, 1.0, PATH_GRID)
    return with_serving(path, scenario), thirsty


def slope_kw(layout: Layout, mix: Floats) -> Floats:
    """Power per unit of a rack's work ``(R,)`` [kW], at a cool inlet."""
    weights = layout._reference_weights.reshape(mix.shape)
    return np.maximum((weights * mix).sum(axis=0), 1e-3).astype(np.float64)


def load_weights(name: str, layout: Layout) -> Floats:
    """Share of each rack in what a load point measures ``(M, R)``: one each, or by rating within row or site."""
    rated = np.asarray(layout.rack_rated_kw, np.float64)[:, 0]
    if name == "rack_power_kw":
        return np.eye(layout.n_racks)
    member = np.ones((1, layout.n_racks)) if name == "it_power_kw" else np.asarray(layout.tree.row_racks, np.float64)
    shares = member * rated
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)
