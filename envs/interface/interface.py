"""One scenario's interface as one object: measurements to the box, the box to setpoints, and itself as plain data.

A bundle carries the plain data, so that an operator's box does with numpy alone what the environment does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from envs.interface.action import APPROACH_HIGH_K, APPROACH_LOW_K, ActionDecoder, value_in_force
from envs.interface.channel import SLEW_INTERVAL_S, Channel
from envs.interface.channels import CHANNELS
from envs.interface.observation import ObservationEncoder
from envs.interface.points import RULE, Point
from envs.unknown_name import unknown_name

Array = NDArray[np.floating]

WET_BULB, ROW_DEMAND, IN_FORCE = "wet_bulb_c", "row_demand_share", "in_force."
DRY_BULB, HOTTEST_CHIP = "dry_bulb_c", "chip_max_c"
#: A reading outside ``possible`` is refused. The ends let pass what a plant in trouble shows, and what a failing sensor
#: may show; what lies beyond a range in the table of points is saturated, not refused. All are engineering guesses.
#: Outdoor air: -89.2 and 56.7 degC are the records on Earth, wet bulbs stay under 37 degC; a heat wave of the fault
#: library adds 15 and 4.5 K. A summer in degF falls outside.
POSSIBLE_BY_NAME = {
    DRY_BULB: (-90.0, 75.0),
    WET_BULB: (-90.0, 45.0),
    "forecast_wet_bulb_1h_c": (-90.0, 45.0),
    "forecast_wet_bulb_4h_c": (-90.0, 45.0),
    "job_waiting_share": (-0.001, 1000.0),  # a queue grows as long as nobody works it off
}
#: Temperatures of a hall have no upper end short of nonsense: a simulated hall that lost its water passes 400 degC.
#: Kelvin are told from heat by the hottest chip (``agents.runtime.measurements``). Price caps reach 17,500 per MWh, a
#: backlog grows as long as nobody works it off, a tight aisle of the simulated plant reaches 7,000 Pa.
POSSIBLE_BY_UNIT = {
    "degC": (-40.0, 1000.0),
    "Pa": (-50_000.0, 50_000.0),
    "USD/MWh": (-2000.0, 20_000.0),
    "g/kWh": (-0.01, 2000.0),
    "h": (-0.1, 10_000.0),
}
#: Shares and counts. No share passes 5 but in percent or in kW. A sensor's noise may show less than nothing: 0.8 is
#: four deviations of the noisiest that a scenario may have.
SHARE_AT_MOST, COUNT_AT_MOST, ROUNDING, NOISE_BELOW = 5.0, 1000.0, 0.001, 0.8
#: A setpoint in force is believed up to this share of its range beyond either end, or in all that is possible for the
#: channel. A setpoint in kelvin, degF or percent falls outside.
BELIEVED_BEYOND_FRAC = 0.5


class _EveryChannel(TypedDict):
    """What every channel has."""

    name: str
    meaning: str
    per: str
    rows: int
    unit: str
    low: float
    high: float
    slew_down: float | None
    slew_up: float | None
    deadband: float
    encoding: str


class ChannelData(_EveryChannel, total=False):
    """A channel as plain data; ``slew_down`` and ``slew_up`` per ``slew_interval_s``, None where free.

    ``reach_frac`` is there where the encoding is ``residual``.
    """

    reach_frac: float


class PointData(TypedDict):
    """A point as plain data: ``low..high`` maps to -1..1, a reading outside ``possible`` is refused."""

    name: str
    meaning: str
    per: str
    rows: int
    unit: str
    low: float
    high: float
    possible: list[float]


class RuleData(TypedDict):
    """The building's rule that residual actions add to.

    Its loops, the points that it reads beyond the observed, and the channels that it alone holds.
    """

    parts: list[dict[str, object]]
    points: list[PointData]
    channels: list[ChannelData]


class _EveryInterface(TypedDict):
    """What every interface has."""

    points: list[PointData]
    channels: list[ChannelData]
    step_s: float
    slew_interval_s: float
    approach_k: list[float]
    wet_bulb_point: str
    row_demand_point: str
    row_rated_kw: list[float]
    feeder_limit_kw: float


class InterfaceData(_EveryInterface, total=False):
    """All that encoding and decoding need; channels and points in the order of the box's elements.

    ``rule`` is there where an action adds to what the building's rule would set.
    """

    rule: RuleData


@dataclass(frozen=True)
class Interface:
    """What stands between measurements and the box, of one scenario.

    Attributes
    ----------
    observer : ObservationEncoder
        Stacks and scales the points.
    decoder : ActionDecoder
        Turns the box into physical targets.
    step_s : float
        Control step [s].
    """

    observer: ObservationEncoder
    decoder: ActionDecoder
    step_s: float

    def encode(self, measurements: Mapping[str, Array]) -> NDArray[np.float32]:
        """Observations ``(B, n)`` in [-1, 1] of measurements ``{point: (k, B)}`` in physical units."""
        wet_bulb_c = measurements[WET_BULB]
        return self.observer.encode(self.observer.stack(measurements, wet_bulb_c.shape[-1], wet_bulb_c.dtype))

    def decode(self, actions: Array, measurements: Mapping[str, Array]) -> dict[str, Array]:
        """Physical targets ``{channel: (k, B)}`` of actions ``(B, n)``, before range and slew."""
        return self.decoder.decode(actions, *self.decoded_from(measurements))

    def decoded_from(
        self, measurements: Mapping[str, Array]
    ) -> tuple[dict[str, Array], Array, Array, float, dict[str, Array]]:
        """What the decoder reads beside the actions."""
        in_force = {c.name: measurements[IN_FORCE + c.name] for c in self.decoder.channels}
        demand_kw = measurements[ROW_DEMAND] * self.decoder.row_rated_kw
        rule = {c.name: measurements[RULE + c.name] for c in self.decoder.channels if c.encoding == "residual"}
        return in_force, measurements[WET_BULB][0], demand_kw, self.step_s, rule

    def limited(self, targets: Mapping[str, Array], measurements: Mapping[str, Array]) -> dict[str, Array]:
        """Targets as they may go into force: inside the range, as far from what is in force as the slew allows."""
        return {
            c.name: value_in_force(c, targets[c.name], measurements[IN_FORCE + c.name], self.step_s)
            for c in self.decoder.channels
        }

    def plain(self) -> InterfaceData:
        """Return all of it as data that JSON can hold, from which ``interface_from`` makes it again."""
        return {
            "points": [_point_data(p) for p in self.observer.points if p.observed],
            "channels": [_channel_data(c) for c in self.decoder.channels],
            "step_s": self.step_s,
            "slew_interval_s": SLEW_INTERVAL_S,
            "approach_k": [APPROACH_LOW_K, APPROACH_HIGH_K],
            "wet_bulb_point": WET_BULB,
            "row_demand_point": ROW_DEMAND,
            "row_rated_kw": [float(v) for v in self.decoder.row_rated_kw.ravel()],
            "feeder_limit_kw": self.decoder.feeder_limit_kw,
        }

    def data_of(self, channels: Iterable[Channel]) -> list[ChannelData]:
        """Channels that the action does not hold, as plain data."""
        held = {c.name for c in self.decoder.channels}
        return [_channel_data(c) for c in channels if c.name not in held]

    def reads_unobserved(self, names: Collection[str]) -> list[PointData]:
        """Points of these names that the observation does not carry, as plain data."""
        return [_point_data(p) for p in self.observer.points if p.name in names and not p.observed]


def channels_from(data: Sequence[ChannelData]) -> tuple[Channel, ...]:
    """Channels that plain data describe.

    Raises
    ------
    ValueError
        For a channel that this version does not have.
    """
    return tuple(_channel(c) for c in data)


def with_rule(measurements: Mapping[str, Array], setpoints: Mapping[str, Array]) -> dict[str, Array]:
    """Measurements, and beside them what the building's rule would set."""
    return {**measurements, **{RULE + name: value for name, value in setpoints.items()}}


def interface_from(data: InterfaceData, step_s: float | None = None) -> Interface:
    """Make the interface that ``plain`` wrote.

    Parameters
    ----------
    data : InterfaceData
        From a bundle's manifest.
    step_s : float, optional
        Control interval [s] of the loop that acts; the one that the policy was trained on when left out.

    Raises
    ------
    ValueError
        Where the data name a channel or a rule of decoding that this version does not have, or no positive step.
    """
    theirs = data["slew_interval_s"], *data["approach_k"], data["wet_bulb_point"], data["row_demand_point"]
    ours = SLEW_INTERVAL_S, APPROACH_LOW_K, APPROACH_HIGH_K, WET_BULB, ROW_DEMAND
    if theirs != ours:
        raise ValueError(
            f"the manifest decodes with {theirs}, this version with {ours} (slew interval, approach, points); "
            "run the bundle with the version that exported it"
        )
    step = data["step_s"] if step_s is None else step_s
    if not (np.isfinite(step) and step > 0.0):
        raise ValueError(f"step_s = {step}; give the seconds between two decisions, above 0")
    rated = np.asarray(data["row_rated_kw"], np.float32)[:, None]
    decoder = ActionDecoder(channels_from(data["channels"]), rated, data["feeder_limit_kw"])
    return Interface(ObservationEncoder([_point(p) for p in data["points"]]), decoder, float(step))


def possible_range(p: Point) -> tuple[float, float]:
    """Lowest and highest reading of a point that is believed, in the point's unit."""
    if p.name in POSSIBLE_BY_NAME:
        return POSSIBLE_BY_NAME[p.name]
    if p.name.startswith(IN_FORCE) or p.unit not in (*POSSIBLE_BY_UNIT, "1"):
        return _possible_setpoint(p)
    if p.unit != "1":
        return POSSIBLE_BY_UNIT[p.unit]
    below = ROUNDING if p.sensor == "exact" else NOISE_BELOW
    high = COUNT_AT_MOST if p.name.endswith("_running") else SHARE_AT_MOST
    return min(p.low, 0.0) - below, high


def _possible_setpoint(p: Point) -> tuple[float, float]:
    """Of a setpoint in force, which may be the site's own: beyond what the policy may write."""
    reach = BELIEVED_BEYOND_FRAC * (p.high - p.low)
    low, high = p.low - reach, p.high + reach
    channel = CHANNELS.get(p.name.removeprefix(IN_FORCE))
    if channel is not None and channel.possible is not None:
        return min(low, channel.possible[0]), max(high, channel.possible[1])
    return low, high


def _point_data(p: Point) -> PointData:
    return PointData(
        name=p.name,
        meaning=p.meaning,
        per=p.per,
        rows=p.rows,
        unit=p.unit,
        low=p.low,
        high=p.high,
        possible=list(possible_range(p)),
    )


def _point(data: PointData) -> Point:
    return Point(
        name=data["name"],
        per=data["per"],
        low=data["low"],
        high=data["high"],
        unit=data["unit"],
        meaning=data["meaning"],
        rows=data["rows"],
    )


def _channel_data(c: Channel) -> ChannelData:
    data = ChannelData(
        name=c.name,
        meaning=c.meaning,
        per=c.per,
        rows=c.rows,
        unit=c.unit,
        low=c.low,
        high=c.high,
        slew_down=c.slew_down if np.isfinite(c.slew_down) else None,
        slew_up=c.slew_up if np.isfinite(c.slew_up) else None,
        deadband=c.deadband,
        encoding=c.encoding,
    )
    return {**data, "reach_frac": c.reach_frac} if c.encoding == "residual" else data


def _channel(data: ChannelData) -> Channel:
    if data["name"] not in CHANNELS:
        raise ValueError(unknown_name("channel", data["name"], CHANNELS))
    free = float("inf")
    return replace(
        CHANNELS[data["name"]],
        per=data["per"],
        rows=data["rows"],
        unit=data["unit"],
        low=data["low"],
        high=data["high"],
        slew_down=free if data["slew_down"] is None else data["slew_down"],
        slew_up=free if data["slew_up"] is None else data["slew_up"],
        deadband=data["deadband"],
        encoding=data["encoding"],
        reach_frac=data.get("reach_frac", CHANNELS[data["name"]].reach_frac),
    )
