"""Prints the gains that a step test and lambda tuning give the fan loops: ``python -m scripts.commission_fans``.

Run it after a change of the air side, and write what it prints into ``configs/scenario``.
"""

from __future__ import annotations

import argparse

from agents.planners.commissioning import fan_step_test, lambda_gains
from envs.scenario import SHIPPED, load


def main() -> None:
    """One line per hall."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="*", default=list(SHIPPED))
    for name in parser.parse_args().scenario:
        scenario = load(name)
        test = fan_step_test(scenario)
        gains = lambda_gains(test, float(scenario.episode.step_s))
        found = (
            "the fans do not steer the inlet" if gains is None else f"kp {gains[0]:.2g}, ki {gains[1]:.2g} per 300 s"
        )
        print(f"{name}: {test.gain_k:.1f} K per unit of speed, lag {test.lag_s:.0f} s: {found}")


if __name__ == "__main__":
    main()
