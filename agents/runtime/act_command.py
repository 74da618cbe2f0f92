"""The command of ``act.py``: measurements as JSON on the standard input, setpoints as JSON on the standard output."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.runtime.exported_policy import ExportedPolicy
from agents.runtime.manifest import TWIN
from agents.runtime.stamped import stamped
from agents.runtime.twin_shield import TwinShield

Array = NDArray[np.floating]
NOW = "time"  # among the measurements: when they were read, as a whole


class Policy(ExportedPolicy):
    """A bundle's policy for the field: it also refuses what only a swap, another unit or a jump explains.

    Parameters
    ----------
    folder : Path or str
        The bundle.
    step_s : float, optional
        Seconds between two calls; those of the training when left out.
    stale_s : float, optional
        Age at which a reading with a time is refused [s]; two control steps when left out.
    utc_offset_h : float, optional
        The hall's local standard time less UTC [h]; that of the bundle's site when left out.
    shielded : bool
        Bring its setpoints to the nearest safe ones, with the twin of the bundle.

    Attributes
    ----------
    interventions : sequence of Intervention
        What the shield changed in the last call of `act`, for which limit and by how much.
    """

    def __init__(
        self,
        folder: Path | str,
        step_s: float | None = None,
        *,
        stale_s: float | None = None,
        utc_offset_h: float | None = None,
        shielded: bool = False,
    ) -> None:
        super().__init__(folder, step_s, watchful=True, stale_s=stale_s, utc_offset_h=utc_offset_h)
        self.interventions: Sequence[Any] = ()
        self.shield = self._shield() if shielded else None

    def _shield(self) -> TwinShield:
        if "envs" not in sys.modules:
            sys.path.insert(0, str(self.folder / TWIN))  # Python imports from it
        held = [c.name for c in (*self.interface.decoder.channels, *self.ruled)]
        return TwinShield(self.folder, self.interface.step_s, held)

    def act(self, measurements: Mapping[str, Any], now: float | None = None) -> dict[str, Array]:
        """As `ExportedPolicy.act`, behind the shield where there is one."""
        setpoints = super().act(measurements, now)
        if self.shield is None:
            return setpoints
        values, _ = stamped(measurements)
        setpoints, self.interventions = self.shield.safe(setpoints, {**values, **self.derived})
        return setpoints


def read_json(text: str, where: str) -> dict[str, Any]:
    """A JSON object.

    Raises
    ------
    ValueError
        Where it is none, or has a key twice.
    """
    doubled: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        names = [name for name, _ in pairs]
        doubled.extend(name for name in made if names.count(name) > 1)
        return made

    try:
        found = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is no JSON ({error}); give an object of point: [a number for each row]") from None
    if not isinstance(found, dict):
        raise ValueError(f"{where} is no JSON object; give point: [a number for each row], as --example prints")
    if doubled:
        raise ValueError(f"{where} has {doubled[0][:80]} twice; nobody can tell which of both is meant, keep one")
    return found


def decided(policy: Policy, measurements: dict[str, Any]) -> dict[str, list[float]]:
    """Setpoints of a reading; its ``time`` is that of every point that has none of its own."""
    at = measurements.pop(NOW, None)
    if at is not None:
        measurements = {
            name: value if isinstance(value, dict) else {"value": value, "time": at}
            for name, value in measurements.items()
        }
    return {name: value.tolist() for name, value in policy.act(measurements).items()}


def middle_reading(policy: ExportedPolicy) -> dict[str, list[float]]:
    """A made-up reading: every point in the middle of its usual range."""
    return {p["name"]: [0.5 * (p["low"] + p["high"])] * p["rows"] for p in policy.read}


def main(arguments: Sequence[str] | None = None) -> int:
    """Decide once; 0 where it went well, 1 with one line on the standard error where not."""
    parser = argparse.ArgumentParser(description="Measurements (JSON, standard input) to setpoints (JSON).")
    parser.add_argument("--bundle", default=str(Path(__file__).parent), help="the bundle; left out: where act.py is")
    parser.add_argument("--memory", help="a JSON file that carries the rule, rates and timers from call to call")
    parser.add_argument("--step-s", type=float, help="seconds between two calls; left out: those of the training")
    parser.add_argument(
        "--utc-offset-h",
        type=float,
        help="the hall's local standard time less UTC [h]; left out: that of the bundle's site",
    )
    parser.add_argument("--stale-s", type=float, help="age at which a reading is refused; left out: two steps")
    parser.add_argument(
        "--shield",
        action="store_true",
        help="look one step ahead with the site's twin; reasons go to standard error",
    )
    parser.add_argument("--example", action="store_true", help="print a made-up reading, and decide nothing")
    given = parser.parse_args(arguments)
    try:
        policy = Policy(
            given.bundle,
            given.step_s,
            stale_s=given.stale_s,
            utc_offset_h=given.utc_offset_h,
            shielded=given.shield,
        )
        if given.example:
            told: object = middle_reading(policy)
        else:
            kept = Path(given.memory) if given.memory else None
            if kept is not None and kept.exists():
                policy.recall(read_json(kept.read_text(encoding="utf-8"), str(kept)))
            told = decided(policy, read_json(sys.stdin.read(), "the standard input"))
            if kept is not None:
                draft = kept.with_name(kept.name + ".part")
                draft.write_text(json.dumps(policy.memory()), encoding="utf-8")
                draft.replace(kept)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.writelines(f"shield, {one.limit}: {one.why}\n" for one in policy.interventions)
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    return 0
