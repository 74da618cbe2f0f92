"""Runs an exported bundle with numpy alone: measurements in, setpoints out, both in physical units."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.runtime.derived import Derived
from agents.runtime.hall_clock import HallClock, told_offset
from agents.runtime.kept_memory import sealed, unsealed
from agents.runtime.manifest import MANIFEST, WEIGHTS, file_hash, read_manifest
from agents.runtime.measurements import believed
from agents.runtime.network import Network
from agents.runtime.plan import Plan
from agents.runtime.plausibility import BELIEVED_S, Watch
from agents.runtime.screen import Screen
from agents.runtime.stamped import stamped
from agents.runtime.traced import Unwritable
from agents.runtime.vocabulary import KNOWN, require_known
from envs.controllers.base import CombinedController, go_on_from
from envs.controllers.plain_rule import rule_from
from envs.interface.action import value_in_force
from envs.interface.channel import Channel
from envs.interface.interface import IN_FORCE, InterfaceData, PointData, channels_from, interface_from, with_rule
from envs.interface.points import RULE

Array = NDArray[np.floating]

LONGEST_PROBLEM = 1000  # characters of a fault that a message repeats
STALE_STEPS = 2.0  # control steps after which a reading is stale


class ExportedPolicy:
    """The deterministic policy of a bundle; a controller as every other.

    Parameters
    ----------
    folder : Path or str
        The bundle: its parts and ``manifest.json``.
    step_s : float, optional
        Seconds between two calls of ``act``, over which setpoints slew; those of the training when left out.
    watchful : bool
        Refuse also what only a swap, another unit, a jump or a broken sensor explains: for the field. A simulated hall
        with sensor faults is played without.
    stale_s : float, optional
        Age at which a reading with a time is refused [s]; two control steps when left out.
    utc_offset_h : float, optional
        The hall's local standard time less UTC [h]; that of the bundle's site when left out. Where neither is known,
        the hour and the day of the week must be measured.

    Attributes
    ----------
    derived : dict
        Points ``{name: (k, B)}`` that the last call of ``act`` derived, for they were not measured.

    Raises
    ------
    FileNotFoundError, ValueError
        Where the bundle is incomplete, a file was changed (see ``read_manifest``), or the manifest decodes by other
        rules than this version.
    """

    def __init__(
        self,
        folder: Path | str,
        step_s: float | None = None,
        *,
        watchful: bool = False,
        stale_s: float | None = None,
        utc_offset_h: float | None = None,
    ) -> None:
        self.folder, self.watchful, self._planned = Path(folder), watchful, False
        self.manifest = read_manifest(self.folder)
        try:
            self._bind(self.manifest["interface"], step_s, stale_s)
            told = self.manifest["network"]
            sizes = told["observation_size"], told["action_size"]
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
            raise ValueError(f"{self.folder / MANIFEST} cannot be used: {str(error)[:LONGEST_PROBLEM]}") from error
        self.clock = HallClock(told_offset(self.manifest.get("site", {}), utc_offset_h))
        self.network = Network(self.folder / WEIGHTS)
        self._require_one_size(sizes)
        self.plan = self._compiled_plan()
        self.reset(1)

    def _bind(self, data: InterfaceData, step_s: float | None, stale_s: float | None) -> None:
        self.interface = interface_from(data, step_s)
        self.rule: CombinedController | None = None
        self.ruled: tuple[Channel, ...] = ()
        self.read: list[PointData] = [p for p in data["points"] if not p["name"].startswith(RULE)]
        if "rule" in data:
            self.rule = rule_from(data["rule"]["parts"], self.interface.step_s)
            self.read += data["rule"]["points"]
            self.ruled = channels_from(data["rule"]["channels"])
        self.channels = (*self.interface.decoder.channels, *self.ruled)
        rows = {p["name"]: p["rows"] for p in self.read}
        self.filler = Derived(rows, self.manifest.get("site", {}))
        self.watch = Watch(self.read, self.interface.step_s * STALE_STEPS if stale_s is None else stale_s)
        self.screen = Screen(self.read, self.watch if self.watchful else None)

    def _compiled_plan(self) -> Plan | None:
        """The decision as one program, where it can be written as one and does what the functions do."""
        reading = {p["name"]: np.full((p["rows"], 1), 0.5 * (p["low"] + p["high"])) for p in self.read}
        try:
            expected = self._decided(reading)  # the rule remembers something from here on
            plan = Plan(self.read, self.interface, self.rule, self.ruled)
            plan.remember()
            expected = self._decided(reading)
            found = plan.setpoints(
                [float(x) for p in self.read for x in reading[p["name"]][:, 0]], self.network.forward
            )
        except (Unwritable, KeyError):  # KeyError: an interface that can only predict
            return None
        reference = np.concatenate([expected[c.name][:, 0] for c in plan.channels])
        spans = np.concatenate([np.full(c.rows, c.high - c.low) for c in plan.channels])
        return plan if np.all(np.abs(reference - found) <= 1e-6 * spans) else None

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget what the rule and the checks remember; call it where an episode or a watch begins."""
        if self.rule is not None:
            self._hand_back()
            self.rule.reset(n, mask)
        self.filler.reset()
        self.derived: dict[str, Array] = {}
        self.last_at: float | None = None
        self._planned = self.rule is None
        self._follows = self.watchful
        self.screen.forget()

    def restart(self) -> None:
        """Forget what the rule remembers, as after a fault; what comes is still held against the last good reading."""
        last, at = self.screen.plain(), self.last_at
        self.reset(1)
        self.screen.recall(last)
        self.last_at = at

    def follow(self) -> None:
        """Let the rule go on from what is in force at the next decision, instead of from what it set last."""
        self._follows = True

    def act(self, measurements: Mapping[str, Any], now: float | None = None) -> dict[str, Array]:
        """Setpoints for the coming control step: decoded, inside their ranges, no further than the slew allows.

        Where a setpoint in force stands outside the range (the site's own), the slew goes before the range: it moves
        towards the range, step by step.

        Parameters
        ----------
        measurements : mapping
            Every point of the manifest to its rows ``(k,)`` of one site or ``(k, B)`` of B sites, in its unit. A single
            row may be a plain number. ``in_force.<channel>`` are the setpoints in force now. A value with the time of
            its reading is ``{"value": ..., "time": ...}``: seconds since 1970 (UTC), or ISO 8601. Points that the
            manifest derives may be left out.
        now : float, optional
            Time of the call [s since 1970, UTC]; the computer's, where a time is needed and none given. Calls without
            one count as one control step apart.

        Returns
        -------
        dict
            Channel to setpoints ``(k,)`` or ``(k, B)``, in the channel's unit, for every channel that the policy
            or its rule holds.

        Raises
        ------
        ValueError
            Naming the measurement that is missing, stale, not finite, of another shape, impossible or swapped.
        """
        if self.watchful and not measurements.keys() <= KNOWN:
            require_known(measurements)
        passed_s = self._passed_s(now)
        if passed_s > BELIEVED_S:
            self.screen.forget()
        if self.plan is not None and self._planned and not self._follows:
            numbers = self.screen.numbers(measurements, passed_s)
            if numbers is not None:
                self.last_at, self.derived = now, {}
                return self._rows_of(self.plan, self.plan.setpoints(numbers, self.network.forward))
        return self._acted_with_care(measurements, now, passed_s)

    def _acted_with_care(self, measurements: Mapping[str, Any], now: float | None, passed_s: float) -> dict[str, Array]:
        """The long way: it fills in, checks, explains, and takes any number of sites."""
        values, times = stamped(measurements)
        clock = time.time() if now is None else now
        self.watch.require_fresh(times, clock)
        self.clock.require(self.filler.rows, values)
        filled, derived = self.filler.filled(values, passed_s, self.clock.local_s(clock))
        given, single = believed(filled, self.read)
        if self.watchful:
            self.watch.require(given, self.screen.last(given), passed_s)
        self._hand_back()
        if self._follows and self.rule is not None:
            go_on_from(self.rule, {c.name: given[IN_FORCE + c.name] for c in self.channels}, given)
        self._follows = False
        setpoints = self._decided(given)
        self.last_at, self.derived = now, {name: given[name] for name in derived if name in given}
        self.screen.remember(given if given[self.read[0]["name"]].shape[-1] == 1 else None)
        self._take_over(given[self.read[0]["name"]].shape[-1])
        return {name: value[:, 0] for name, value in setpoints.items()} if single else setpoints

    def _decided(self, given: Mapping[str, Array]) -> dict[str, Array]:
        """Setpoints ``(k, B)`` of measurements that are believed; the rule's memory moves on."""
        wanted = {} if self.rule is None else self.rule.act(given)
        given = with_rule(given, wanted)
        targets = self.interface.decode(self.predict(self.interface.encode(given)), given)
        setpoints = self.interface.limited(targets, given)
        for c in self.ruled:
            setpoints[c.name] = value_in_force(c, wanted[c.name], given[IN_FORCE + c.name], self.interface.step_s)
        return setpoints

    def _passed_s(self, now: float | None) -> float:
        if now is None or self.last_at is None:
            return self.interface.step_s
        return max(now - self.last_at, 1e-3)

    def _hand_back(self) -> None:
        """The rule remembers again itself."""
        if self.plan is not None and self._planned and self.rule is not None:
            self.plan.leave()

    def _take_over(self, sites: int) -> None:
        """The plan remembers for the rule from here on, where there is one site."""
        self._planned = self.plan is not None and sites == 1
        if self.plan is not None and self._planned:
            self.plan.remember()

    def _rows_of(self, plan: Plan, numbers: list[float]) -> dict[str, Array]:
        made, at = {}, 0
        for c in plan.channels:
            made[c.name] = np.array(numbers[at : at + c.rows])
            at += c.rows
        return made

    def memory(self) -> dict[str, Any]:
        """What the next decision goes on from, as plain data that JSON can hold."""
        self._hand_back()
        parts = [] if self.rule is None else self.rule.parts
        kept = [{n: _plain_memory(getattr(p, n)) for n in getattr(p, "memory", ())} for p in parts]
        memory = {
            "last_at": self.last_at,
            "last": self.screen.plain(),
            "rule": kept,
            "derived": {point: {k: _plain_memory(v) for k, v in d.items()} for point, d in self.filler.kept.items()},
        }
        return sealed(memory, file_hash(self.folder / MANIFEST))

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Go on from what `memory` gave.

        Raises
        ------
        ValueError
            Where it is of another bundle or damaged.
        """
        memory = unsealed(memory, file_hash(self.folder / MANIFEST))
        self.reset(1)
        parts = [] if self.rule is None else self.rule.parts
        try:
            for part, kept in zip(parts, memory["rule"], strict=True):
                for name in getattr(part, "memory", ()):
                    value = kept[name]
                    setattr(part, name, None if value is None else np.asarray(value, np.float64))
            self.filler.kept = {point: dict(kept) for point, kept in memory["derived"].items()}
            self.last_at, self._follows = memory["last_at"], False
            self.screen.recall(memory["last"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"the memory is of another bundle or damaged ({error!r}); begin without it") from None

    def predict(self, observation: ArrayLike) -> Array:
        """Action of an observation, as `Network.predict`."""
        return self.network.predict(observation)

    def _require_one_size(self, sizes: tuple[int, int]) -> None:
        bound = self.interface.observer.size, self.interface.decoder.size
        if not self.network.sizes == sizes == bound:
            raise ValueError(
                f"{self.folder}: the network takes and gives {self.network.sizes} elements, the manifest says "
                f"{str(sizes)[:60]} and its points and channels are {bound}; export the policy again"
            )


def _plain_memory(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
