"""Checks a bundle and runs it on one reading: ``python -m agents.runtime <bundle> [<measurements.json>]``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agents.runtime.act_command import middle_reading, read_json
from agents.runtime.exported_policy import ExportedPolicy

Rows = dict[str, list[float]]


def card_words(policy: ExportedPolicy) -> str:
    """What a bundle is, what it reads and what it sets, one line a point and a channel."""
    manifest = policy.manifest
    interface = manifest["interface"]
    takes, gives = policy.network.sizes
    lines = [
        f"{manifest['algorithm']} for {manifest['scenario']} (plant {manifest['scenario_hash']}, step "
        f"{policy.interface.step_s:g} s): {takes} elements in, {gives} out; whole, and as the trained model acts",
        "reads:",
        *(
            f"  {p['name']:<42} {p['rows']:>3} x {p['unit']:<8} {p['low']:g}..{p['high']:g}, believed from "
            f"{p['possible'][0]:g} to {p['possible'][1]:g}"
            for p in policy.read
        ),
        "sets:",
        *(
            f"  {c['name']:<42} {c['rows']:>3} x {c['unit']:<8} {c['low']:g}..{c['high']:g}"
            for c in (*interface["channels"], *interface.get("rule", {"channels": []})["channels"])
        ),
    ]
    return "\n".join([*lines, ""])


def measured_in(file: str) -> Rows:
    """The measurements of a JSON file, or of the standard input for ``-``.

    Raises
    ------
    ValueError
        Where it holds no JSON object.
    """
    return read_json(sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8"), file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, tell or act; 0 where it went well, 1 with one line on the standard error where not."""
    parser = argparse.ArgumentParser(prog="python -m agents.runtime", description="Check a bundle and run it.")
    parser.add_argument("bundle", help="the folder that `coldaisle export` wrote")
    parser.add_argument("measurements", nargs="?", help="JSON, {point: [rows]}; - reads the standard input")
    parser.add_argument(
        "--example", action="store_true", help="print a made-up reading instead, to try the bundle with"
    )
    parser.add_argument("--step-s", type=float, help="seconds between two calls; left out: those of the training")
    parser.add_argument("--utc-offset-h", type=float, help="the hall's local standard time less UTC [h]")
    given = parser.parse_args(arguments)
    try:
        # as `act.py` and the live loop
        policy = ExportedPolicy(given.bundle, given.step_s, watchful=True, utc_offset_h=given.utc_offset_h)
        if given.example:
            told = json.dumps(middle_reading(policy), indent=1) + "\n"
        elif given.measurements:
            setpoints = policy.act(measured_in(given.measurements))
            told = json.dumps({name: value.tolist() for name, value in setpoints.items()}, indent=1) + "\n"
        else:
            told = card_words(policy)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
