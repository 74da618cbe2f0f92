"""``coldaisle <verb> ...``: a thin dispatcher over the hydra mains; importing it is cheap."""

from __future__ import annotations

import os
import sys
from importlib import import_module

VERBS = {
    "train": "learn a policy: coldaisle train scenario=ai_hall agent=ppo seed=0 (-m sweeps over commas)",
    "evaluate": "score policies and rules on paired episodes: coldaisle evaluate policies.mine=<run or bundle>",
    "export": "write a bundle that runs without torch: coldaisle export run=<run>",
    "rollout": "one policy, one episode, every point as CSV: coldaisle rollout policy=rules",
    "report": "the HTML page of an evaluation: coldaisle report evaluation=<folder>",
    "demo": "train for a minute, judge, export",
}


def usage() -> str:
    """The help text."""
    lines = ["usage: coldaisle <verb> [key=value ...] [-m] [--help]", "", "verbs:"]
    lines += [f"  {verb:<10} {words}" for verb, words in VERBS.items()]
    return "\n".join([*lines, "", "`coldaisle <verb> --help` shows every key of a verb.", ""])


def main() -> int:
    """Run the verb of the command line."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        sys.stdout.write(usage())
        return 0
    verb = arguments[0]
    if verb not in VERBS:
        sys.stderr.write(f"coldaisle: unknown verb {verb!r}; choose one of {', '.join(VERBS)}\n")
        return 2
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    sys.argv = [f"coldaisle {verb}", *arguments[1:]]
    try:
        import_module(f"experiments.{verb}").run()
    except (ValueError, FileNotFoundError) as error:
        sys.stderr.write(f"coldaisle {verb}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
