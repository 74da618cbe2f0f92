"""One site's decision as a program that is written once, at load: from a list of numbers to setpoints.

What the rule and the decoder do to arrays is traced (`agents.runtime.traced`) and compiled as plain arithmetic; the
network stays numpy. The program is compared with the functions that it was traced from before it is used. It runs where
nothing needs explaining: what is not plainly in order goes the long way, which says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.runtime.traced import Lines, Traced
from envs.controllers.base import CombinedController
from envs.interface.action import value_in_force
from envs.interface.channel import Channel
from envs.interface.interface import IN_FORCE, Interface, PointData
from envs.interface.points import RULE

Numbers = list[float]
Program = Callable[[Sequence[float]], Numbers]


class Plan:
    """A compiled decision.

    Parameters
    ----------
    read : sequence of PointData
        What is measured, in the order of the numbers.
    interface : Interface
    rule : CombinedController, optional
        What the actions add to; its memory is the program's.
    ruled : sequence of Channel
        Channels that the rule alone holds.

    Raises
    ------
    Unwritable
        Where an operation is no plain arithmetic.
    """

    def __init__(
        self,
        read: Sequence[PointData],
        interface: Interface,
        rule: CombinedController | None,
        ruled: Sequence[Channel],
    ) -> None:
        self.read, self.interface, self.ruled = tuple(read), interface, tuple(ruled)
        self.channels = (*interface.decoder.channels, *self.ruled)
        self.rows = {p["name"]: p["rows"] for p in read}
        self.places = _places(self.rows)
        self.size = sum(self.rows.values())
        self.memory: list[tuple[Any, str]] = []
        self.kept: Numbers = []
        self.held: dict[str, int] = {}  # rows of what the rule sets
        self._set_up_rule = None if rule is None else self._rule_program(rule)
        self._decode = self._decode_program()
        self._observed()

    def _rule_program(self, rule: CombinedController) -> Program:
        """Rule's setpoints and its next memory, of measurements and its memory. The memory's shape is what it has
        after one decision, so the rule must have acted once.
        """
        lines = Lines()
        before = [
            (part, name, getattr(part, name))
            for part in rule.parts
            for name in getattr(part, "memory", ())
            if getattr(part, name) is not None
        ]
        inputs = _named_inputs(self.rows, lines)
        at = self.size
        try:
            for part, name, value in before:
                setattr(part, name, _input(at, value.shape, lines))
                at += value.size
            wanted = rule.act(inputs)
            after = [_flat(getattr(part, name)) for part, name, _ in before]
        finally:
            for part, name, value in before:
                setattr(part, name, value)
        self.memory = [(part, name) for part, name, _ in before]
        self.held = {name: len(_flat(value)) for name, value in wanted.items()}
        return _compiled(lines, [x for value in wanted.values() for x in _flat(value)] + sum(after, []))

    def _decode_program(self) -> Program:
        """Setpoints by range and slew, of measurements, the rule's setpoints and the action."""
        lines = Lines()
        inputs = _named_inputs(self.rows, lines)
        at = self.size
        for name, rows in self.held.items():
            inputs[RULE + name] = _input(at, (rows, 1), lines)
            at += rows
        box: Any = _input(at, (self.interface.decoder.size, 1), lines)
        targets = self.interface.decoder.targets(box, *self.interface.decoded_from(inputs))
        made = self.interface.limited(targets, inputs)
        step_s = self.interface.step_s
        for c in self.ruled:
            made[c.name] = value_in_force(c, inputs[RULE + c.name], inputs[IN_FORCE + c.name], step_s)
        return _compiled(lines, [x for c in self.channels for x in _flat(made[c.name])])

    def _observed(self) -> None:
        """Where each element of the observation lies among measurements and the rule's setpoints."""
        places = {**self.places, **_places({RULE + name: rows for name, rows in self.held.items()}, self.size)}
        observer = self.interface.observer
        seen = [p for p in observer.points if p.observed]
        self.at = np.concatenate([np.arange(*places[p.name]) for p in seen])
        self.gain, self.offset = observer.gain[:, 0], observer.offset[:, 0]

    def remember(self) -> None:
        """Take over what the rule remembers."""
        self.kept = [x for part, name in self.memory for x in getattr(part, name).ravel().tolist()]

    def leave(self) -> None:
        """Give the rule what the program remembers."""
        at = 0
        for part, name in self.memory:
            value = getattr(part, name)
            fresh = np.array(self.kept[at : at + value.size], value.dtype).reshape(value.shape)
            setattr(part, name, fresh)
            at += value.size

    def setpoints(self, numbers: Numbers, predict: Callable[[NDArray[np.float32]], NDArray[Any]]) -> Numbers:
        """Rows of all channels, of measurements in the order of ``read``; what the rule remembers moves on."""
        given = numbers
        if self._set_up_rule is not None:
            made = self._set_up_rule(numbers + self.kept)
            count = len(made) - len(self.kept)
            given, self.kept = numbers + made[:count], made[count:]
        scaled = np.array(given)[self.at] * self.gain + self.offset
        observation = scaled.clip(-1.0, 1.0).astype(np.float32)
        return self._decode(given + predict(observation).tolist())


def _places(rows: Mapping[str, int], start: int = 0) -> dict[str, tuple[int, int]]:
    found = {}
    for name, count in rows.items():
        found[name] = (start, start + count)
        start += count
    return found


def _input(at: int, shape: tuple[int, ...], lines: Lines) -> Traced:
    """Numbers of the program's argument from a place on."""
    names = [f"x[{at + k}]" for k in range(int(np.prod(shape)))]
    return Traced(lines, np.array(names, object).reshape(shape))


def _named_inputs(rows: Mapping[str, int], lines: Lines) -> dict[str, Any]:
    return {name: _input(low, (high - low, 1), lines) for name, (low, high) in _places(rows).items()}


def _flat(value: Any) -> list[Any]:
    return list((value.text if isinstance(value, Traced) else np.asarray(value).astype(object)).ravel())


def _compiled(lines: Lines, results: Sequence[Any]) -> Program:
    """The lines as a function; those that no result needs are left out."""
    names = ", ".join(x if isinstance(x, str) else repr(float(x)).replace("nan", "NAN") for x in results)
    body = "\n    ".join([*lines.needed([x for x in results if isinstance(x, str)]), f"return [{names}]"])
    made: dict[str, Any] = {"INF": float("inf"), "NAN": float("nan"), "abs": abs, "__builtins__": {}}
    exec(compile(f"def program(x):\n    {body}", "<plan of a decision>", "exec"), made)  # of our own tracing alone
    program: Program = made["program"]
    return program
