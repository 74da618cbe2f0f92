"""The layer between plant and observer: noise, bias, drift, delay, resolution and sensors that hang.

Noise is a pure function of (seed, episode, step, stream), so an environment reads the same values whatever batch it is
in, and no generator has a state. All streams of a bank are drawn by one hash over one block ``(N, B)``. This layer is
outside the physics: it runs on numpy only and is never differentiated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from envs.parameters import Parameters, parameter

Floats = NDArray[np.floating]
Whole = NDArray[np.integer] | int
KINDS = ("temperature", "power", "flow", "fraction", "exact")

_BITS = 12  # of a draw: 4096 quantiles of the normal distribution, |z| <= 3.7
_LANES = 5  # draws taken from one 64-bit hash
_GOLDEN, _MIX_A, _MIX_B = (np.uint64(x) for x in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_EPISODE, _STEP = np.uint64(0xD1B54A32D192ED03), np.uint64(0x8CB92BA72F3D8DD7)
_SHIFTS = (np.arange(_LANES, dtype=np.uint64) * np.uint64(_BITS))[:, None]
_DRAW = np.uint64((1 << _BITS) - 1)
_BIAS_STEP, _DRIFT_STEP = (1 << 40) + 1, (1 << 40) + 2  # steps no episode reaches: the draws made once an episode
_SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True)
class SensorModel(Parameters):
    """Errors of each kind of sensor; temperatures in K, the other kinds as shares of the reading.

    Defaults are those of a well-kept building system. ``fraction`` is a position or speed feedback (absolute share).
    """

    temperature_noise_k: float = parameter(0.2, 0.0, 5.0, "K", "engineering guess")
    temperature_bias_k: float = parameter(0.2, 0.0, 5.0, "K", "engineering guess, sd over sensors")
    temperature_drift_k_day: float = parameter(0.0, 0.0, 1.0, "K/day", "engineering guess, sd over sensors")
    temperature_resolution_k: float = parameter(0.0, 0.0, 2.0, "K", "0: not rounded")
    temperature_delay_s: float = parameter(0.0, 0.0, 3600.0, "s", "sensor and polling; 30 to 120 are usual")
    power_noise_frac: float = parameter(0.01, 0.0, 0.2, "1", "engineering guess, class 1 meters")
    power_bias_frac: float = parameter(0.005, 0.0, 0.2, "1", "engineering guess, sd over sensors")
    flow_noise_frac: float = parameter(0.02, 0.0, 0.3, "1", "engineering guess")
    flow_bias_frac: float = parameter(0.02, 0.0, 0.3, "1", "engineering guess, sd over sensors")
    fraction_noise: float = parameter(0.005, 0.0, 0.2, "1", "engineering guess, positions and speeds")


class SensorState(NamedTuple):
    """What the sensors carry from step to step; entries are None where the model needs none."""

    bias: Floats | None
    """Error of each sensor in units of its scale ``(N, B)``, drawn once an episode."""
    drift_per_step: Floats | None
    """Growth of that error each step ``(N, B)``."""
    past: Floats | None
    """Earlier true values, the latest first ``(D, N, B)``."""
    last: Floats
    """The last reading ``(N, B)``: what a stuck sensor goes on saying."""


@lru_cache(maxsize=1)
def normal_quantiles() -> Floats:
    """Midpoint quantiles of the standard normal distribution, ``(4096,)`` float32, scaled to variance 1."""
    count = 1 << _BITS
    z = np.array([NormalDist().inv_cdf((k + 0.5) / count) for k in range(count)])
    table: NDArray[np.float32] = (z / z.std()).astype(np.float32)
    table.flags.writeable = False
    return table


def _mix(h: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix the bits as splitmix64 does at its end (Steele, Lea and Flood 2014); overwrites and returns ``h``."""
    h ^= h >> np.uint64(30)
    h *= _MIX_A
    h ^= h >> np.uint64(27)
    h *= _MIX_B
    h ^= h >> np.uint64(31)
    return h


def noise_key(seed: Whole, episode: Whole) -> NDArray[np.uint64]:
    """Key of an episode's noise ``(B,)``, from the seed and the number of the episode, non-negative ``(B,)``."""
    key = _mix(np.asarray(seed).astype(np.uint64) * _GOLDEN + np.uint64(1))
    return _mix(key ^ (np.asarray(episode).astype(np.uint64) * _EPISODE))


def drawn_noise(key: NDArray[np.uint64], step: Any, streams: int, dtype: DTypeLike = np.float32) -> Floats:
    """Draw from the standard normal distribution ``(streams, B)`` in a step of the episodes of ``noise_key``.

    A pure array function, of which the engine makes whole numbers of 64 bits. It has no gradient.

    Parameters
    ----------
    key : array of uint64 (B,)
    step : array of int (B,), or int
        Control steps since the episode began.
    streams : int
        Rows to draw; row ``k`` does not depend on how many there are.
    """
    counted = step.astype(np.uint64) if isinstance(step, np.ndarray) else np.full(1, step, np.uint64)
    key = _mix(key ^ (counted * _STEP))
    blocks = -(-streams // _LANES)
    words = _mix(key + (np.arange(1, blocks + 1, dtype=np.uint64) * _GOLDEN)[:, None])
    index = (words[:, None, :] >> _SHIFTS) & _DRAW
    index = index.reshape(blocks * _LANES, index.shape[-1])[:streams].astype(np.int64)
    return np.take_along_axis(normal_quantiles()[:, None], index, axis=0).astype(dtype, copy=False)


def normal_noise(seed: Whole, episode: Whole, step: Whole, streams: int, dtype: DTypeLike = np.float32) -> Floats:
    """Draw from the standard normal distribution, as a pure function of (seed, episode, step, stream).

    Parameters
    ----------
    seed, episode, step : array of int
        Of each environment ``(B,)``, non-negative.
    streams : int
        Rows to draw; row ``k`` does not depend on how many there are.

    Returns
    -------
    array
        ``(streams, B)``: splitmix64 on a counter, twelve bits a draw, through the inverse normal distribution.
    """
    return drawn_noise(noise_key(seed, episode), step, streams, dtype)


class SensorBank:
    """All sensors of a site as rows of one block ``(N, B)``.

    Parameters
    ----------
    model : SensorModel
        Errors of each kind.
    sensors : mapping
        Name of a quantity to its kind (one of ``KINDS``) and number of rows; the order is the order of the rows.
    step_s : float
        Control interval [s].
    dtype : numpy dtype
        Of the readings.
    """

    def __init__(
        self, model: SensorModel, sensors: Mapping[str, tuple[str, int]], step_s: float, dtype: DTypeLike = np.float32
    ) -> None:
        self.rows: dict[str, slice] = {}
        kinds: list[str] = []
        for name, (kind, count) in sensors.items():
            if kind not in KINDS:
                raise ValueError(f"sensor {name!r} has the unknown kind {kind!r}; choose one of {list(KINDS)}")
            self.rows[name] = slice(len(kinds), len(kinds) + count)
            kinds += [kind] * count
        self.size, self.dtype = len(kinds), dtype
        column = _columns(model, kinds, step_s, dtype)
        self._relative, self._absolute = column["relative"], 1.0 - column["relative"]
        self._noise, self._bias, self._drift = column["noise"], column["bias"], column["drift"]
        self._resolution = column["resolution"]
        self._rounded = np.flatnonzero(self._resolution[:, 0])
        self._rounded_rows = np.arange(self.size)
        self._rounded_rows[self._rounded] = self.size + np.arange(len(self._rounded))
        self._delay_weights = _delay_weights(column["delay_steps"][:, 0], dtype)

    def stack(self, values: Mapping[str, Floats]) -> Floats:
        """Rows ``(N, B)`` of a mapping of name to ``(k, B)`` or ``(B,)``."""
        return np.concatenate([np.atleast_2d(values[name]) for name in self.rows]).astype(self.dtype, copy=False)

    def split(self, block: Floats) -> dict[str, Floats]:
        """Give the rows of each name as ``(k, B)`` views of a block ``(N, B)``."""
        return {name: block[rows] for name, rows in self.rows.items()}

    def initial(self, values: Floats, seed: Whole, episode: Whole) -> SensorState:
        """State at the start of an episode: errors drawn, the past as the present.

        Parameters
        ----------
        values : array
            True values ``(N, B)``.
        seed, episode : array of int
            Of each environment ``(B,)``.
        """
        ones = np.ones_like(values, dtype=self.dtype)
        bias = normal_noise(seed, episode, _BIAS_STEP, self.size, self.dtype) * self._bias if self._bias.any() else None
        drift = None
        if self._drift.any():
            drift = normal_noise(seed, episode, _DRIFT_STEP, self.size, self.dtype) * self._drift
        depth = len(self._delay_weights) - 1
        past = np.repeat((values * ones)[None], depth, axis=0) if depth else None
        return SensorState(bias, drift, past, values * ones)

    def measure(
        self,
        state: SensorState,
        values: Floats,
        seed: Whole,
        episode: Whole,
        step: Whole,
        stuck: Floats | None = None,
        offset: Floats | None = None,
    ) -> tuple[SensorState, Floats]:
        """Read all sensors once, at the end of a control step.

        Parameters
        ----------
        state : SensorState
            Of the step before.
        values : array
            True values ``(N, B)``.
        seed, episode, step : array of int
            Of each environment ``(B,)``; the step counts control steps in the episode.
        stuck : array, optional
            1 where a sensor hangs and repeats its last reading ``(N, B)`` (fault library).
        offset : array, optional
            Error added by a drifting sensor ``(N, B)``, in the unit of the reading (fault library).

        Returns
        -------
        tuple
            Next state and readings ``(N, B)``: ``x + scale (bias + drift step + noise z)``, ``scale`` 1 or ``|x|``.
        """
        steps = np.broadcast_to(np.asarray(step), values.shape[-1:])
        noise = normal_noise(seed, episode, steps, self.size, self.dtype) if self.noisy else None
        return self.read(state, values, noise, steps, stuck, offset)

    @property
    def noisy(self) -> bool:
        """Whether any sensor has noise."""
        return bool(self._noise.any())

    def read(
        self,
        state: SensorState,
        values: Floats,
        noise: Floats | None,
        step: NDArray[np.integer],
        stuck: Floats | None = None,
        offset: Floats | None = None,
    ) -> tuple[SensorState, Floats]:
        """`measure` with drawn noise ``(N, B)``, None where no sensor has any: a pure array function."""
        past, seen = self._delayed_values(state.past, values)
        error: Floats | None = None
        if noise is not None:
            error = noise * self._noise
        if state.bias is not None:
            error = state.bias if error is None else error + state.bias
        if state.drift_per_step is not None:
            grown = state.drift_per_step * step.astype(self.dtype)
            error = grown if error is None else error + grown
        read = seen if error is None else seen + error * (self._relative * np.abs(seen) + self._absolute)
        if offset is not None:
            read = read + offset
        if len(self._rounded):
            grain = self._resolution[self._rounded]
            rounded = np.rint(read[self._rounded] / grain) * grain
            read = np.concatenate([read, rounded])[self._rounded_rows]
        if stuck is not None:
            read = read + stuck * (state.last - read)
        return SensorState(state.bias, state.drift_per_step, past, read), read

    def _delayed_values(self, past: Floats | None, values: Floats) -> tuple[Floats | None, Floats]:
        """Push the true values into the past and give what the sensors see now, interpolated between steps."""
        if past is None:
            return None, values
        line = np.concatenate([values[None], past])
        return line[:-1], np.sum(line * self._delay_weights, axis=0)


def _columns(model: SensorModel, kinds: Sequence[str], step_s: float, dtype: DTypeLike) -> dict[str, Floats]:
    """Constants of each row ``(N, 1)``."""
    per_step = step_s / _SECONDS_PER_DAY
    t, delay = model, model.temperature_delay_s / step_s
    table: dict[str, dict[str, float]] = {
        "temperature": {
            "noise": t.temperature_noise_k,
            "bias": t.temperature_bias_k,
            "drift": t.temperature_drift_k_day * per_step,
            "resolution": t.temperature_resolution_k,
            "delay_steps": delay,
        },
        "power": {"noise": t.power_noise_frac, "bias": t.power_bias_frac, "relative": 1.0},
        "flow": {"noise": t.flow_noise_frac, "bias": t.flow_bias_frac, "relative": 1.0},
        "fraction": {"noise": t.fraction_noise},
        "exact": {},
    }
    names = ("noise", "bias", "drift", "resolution", "delay_steps", "relative")
    return {n: np.array([table[k].get(n, 0.0) for k in kinds], dtype=dtype)[:, None] for n in names}


def _delay_weights(delay_steps: Floats, dtype: DTypeLike) -> Floats:
    """Weights ``(D + 1, N, 1)`` of the present and the ``D`` values before it: linear between whole steps."""
    depth = int(np.ceil(delay_steps.max(initial=0.0)))
    ages = np.arange(depth + 1)[:, None]
    return np.maximum(1.0 - np.abs(ages - delay_steps), 0.0).astype(dtype)[:, :, None]
