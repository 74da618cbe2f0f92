"""What ``coldaisle serve`` is told, and the same way of telling for the other verbs of live operation."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar, cast

from envs.unknown_name import unknown_name

MODES = {
    "shadow": "reads, advises and records; never writes",
    "advise": "writes what a person confirms, change by change",
    "auto": "writes by itself, once it has graduated",
}
T = TypeVar("T")


@dataclass(frozen=True)
class ServeSettings:
    """Run a bundle on a building: read, check, act, shield, write, read back, record.

    Attributes
    ----------
    bundle : str
        The folder that `coldaisle export` wrote.
    points : str
        The point map, a YAML file.
    mode : str
        `shadow` reads and never writes; `advise` writes what a person confirms; `auto` writes by itself.
    folder : str
        Gets the log of every cycle; one loop a folder.
    approved_by : str
        Two people who approve `auto`, with a comma between; recorded with every cycle.
    graduation_days : int
        Calibrated days in the log that `auto` needs.
    cycle_s : float
        Seconds between two cycles; 0 takes those of the training.
    stale_s : float
        Oldest reading that is believed [s].
    late_s : float
        Latest start or longest cycle that still writes [s of the wall].
    recover_s : float
        Healthy time before the loop takes the points back [s].
    host : str
        Address of the page of health and metrics; another than loopback needs a token.
    port : int
        Its port; 0 takes a free one, -1 opens none.
    token_env : str
        Environment variable that holds the token for everything that changes.
    speed : float
        Seconds of the loop in one of the wall; other than 1 for a simulated building alone.
    cycles : int
        Cycles until it ends; 0 runs until it is stopped.
    """

    bundle: str
    points: str
    mode: str = "shadow"
    folder: str = "runs/live"
    approved_by: str = ""
    graduation_days: int = 7
    cycle_s: float = 0.0
    stale_s: float = 300.0
    late_s: float = 20.0
    recover_s: float = 900.0
    host: str = "127.0.0.1"
    port: int = 8620
    token_env: str = "COLDAISLE_TOKEN"
    speed: float = 1.0
    cycles: int = 0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(unknown_name("mode", self.mode, MODES))
        ranges = {
            "graduation_days": (1, 365), "cycle_s": (0, 3600), "stale_s": (1, 86_400), "late_s": (0.1, 600),
            "recover_s": (0, 86_400), "port": (-1, 65_535), "cycles": (0, 10**9),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} = {value} is outside {low}..{high}; give a number in that range")
        people = self.people
        if self.mode == "auto" and len(set(people)) < 2:
            raise ValueError(
                f"mode = auto with approved_by = {self.approved_by!r}; give two people, such as approved_by=anna,ben: "
                "they answer for a loop that writes by itself"
            )

    @property
    def people(self) -> tuple[str, ...]:
        """Who approved."""
        return tuple(name.strip() for name in self.approved_by.split(",") if name.strip())

    @property
    def writes(self) -> bool:
        """Whether the loop may ever write."""
        return self.mode != "shadow"


def settings_from(cls: type[T], words: Sequence[str]) -> T:
    """Settings of ``key=value`` words.

    Raises
    ------
    ValueError
        For a word without ``=``, an unknown key, a value of the wrong kind, or a key that is missing.
    """
    known = {spec.name: spec for spec in fields(cast("Any", cls))}
    given: dict[str, object] = {}
    for word in words:
        name, found, value = word.partition("=")
        if not found:
            raise ValueError(f"{word!r} is no key=value; keys: {', '.join(known)}")
        if name not in known:
            raise ValueError(unknown_name("key", name, known, cls.__name__))
        given[name] = _typed(name, value, str(known[name].type))
    lacking = [n for n, spec in known.items() if n not in given and spec.default is MISSING]
    if lacking:
        raise ValueError(f"{', '.join(f'{n}=...' for n in lacking)} is missing; {cls.__name__} needs it")
    return cls(**given)


def settings_help(cls: type, verb: str) -> str:
    """Every key with default and meaning, from the docstring."""
    doc = inspect.cleandoc(cls.__doc__ or "")
    summary, _, attributes = doc.partition("Attributes\n----------\n")
    means = dict(re.findall(r"^(\w+) : [^\n]*\n((?:    [^\n]*\n?)+)", attributes, re.M))
    lines = [" ".join(summary.split()), "", f"usage: coldaisle {verb} key=value ...", "", "keys:"]
    for spec in dataclasses.fields(cls):
        default = "(required)" if spec.default is MISSING else spec.default
        lines += [f"  {spec.name}={default}  ({spec.type})", f"      {' '.join(means[spec.name].split())}"]
    return "\n".join(lines).replace("`", "") + "\n"


def _typed(name: str, value: str, kind: str) -> object:
    try:
        if kind == "bool":
            return {"true": True, "false": False}[value.lower()]
        return {"int": int, "float": float}.get(kind, str)(value)
    except (ValueError, KeyError):
        raise ValueError(f"{name} = {value!r} is no {kind}; give one") from None
