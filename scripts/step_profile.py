"""Where one control step of the core spends its time: ``python -m scripts.step_profile [--scenario NAME] [--batch B]``.

The step normally runs from a recording, which a profile shows as one line. ``--as-written`` leaves it out, so that
every machine has a line of its own; it is slower, and calls count for more than in the recording.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
from collections.abc import Sequence

from envs.core import DataCenterCore
from envs.scenario import SHIPPED
from scripts.bench import WARM_UP, actions_of


def step_profile(scenario: str, batch: int, steps: int, as_written: bool) -> pstats.Stats:
    """Profile of ``steps`` control steps of ``batch`` sites under random actions, after the step is recorded."""
    core = DataCenterCore(scenario, batch)
    core._recorded = not as_written
    core.reset(seed=0)
    actions = actions_of(core.action_size, batch)
    for k in range(WARM_UP):
        core.step(actions[k % 8])
    profile = cProfile.Profile()
    profile.enable()
    for k in range(steps):
        core.step(actions[k % 8])
    profile.disable()
    return pstats.Stats(profile)


def main(words: Sequence[str] | None = None) -> None:
    """Print the dearest functions, by their own time and by all that they call."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", choices=SHIPPED, default="ai_hall")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--lines", type=int, default=20)
    parser.add_argument("--as-written", action="store_true", help="without the recording")
    given = parser.parse_args(words)
    stats = step_profile(given.scenario, given.batch, given.steps, given.as_written).strip_dirs()
    for order in ("tottime", "cumulative"):
        stats.sort_stats(order).print_stats(given.lines)


if __name__ == "__main__":
    main()
