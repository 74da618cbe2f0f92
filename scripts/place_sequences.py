"""Measure ``coldaisle place`` against greedy rules on drawn arrivals: ``python -m scripts.place_sequences``.

One hall of 200 positions, 300 racks in 10 waves. A way sees a wave when it comes; the planner samples what may follow
from the same catalogue, with other draws. Rows are kept as they come, and those that are there are not played again.
"""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from pathlib import Path
from textwrap import fill
from time import process_time

import numpy as np

from envs.whole_file import write_whole
from experiments.placing.capacity import Capacity
from experiments.placing.greedy import RULES
from experiments.placing.planning import Plan, greedy_plan, solved_plan, usable_kw
from experiments.placing.program import Effort
from experiments.placing.racks import Deployment, Lot
from experiments.placing.replay import losses
from experiments.placing.seats import seats_of
from experiments.placing.sequences import drawn_deployments, drawn_future, example_hall
from experiments.records.markdown_table import markdown_table

RACKS, WAVES, FUTURES = 300, 10, 2
EFFORT = Effort(nodes=5, seconds=600.0)
SOLVED = "place"
BOOTSTRAPS = 10_000
COLUMNS = 100  # of a line of the page
FOLDER = Path("docs/validation")


def planned(capacity: Capacity, arrivals: list[Deployment], seed: int) -> Plan:
    """The plan of the verb's program."""

    def futures(wave: int) -> list[list[Lot]]:
        left = RACKS - (wave + 1) * RACKS // WAVES
        rngs = [np.random.default_rng([seed, 1, wave, n]) for n in range(FUTURES)]
        return [list(drawn_future(rng, left)) for rng in rngs] if left else []

    return solved_plan(capacity, arrivals, futures, EFFORT)


def trips_of(capacity: Capacity, plan: Plan) -> int:
    """Single losses of a feeder, room unit or CDU that the plan does not hold."""
    racks = [(seat.kind, seat.position.name) for seat in seats_of(capacity, plan.decided)]
    return sum(not one.held for one in losses(capacity.hall, racks))


def measured(capacity: Capacity, seed: int) -> dict[str, float]:
    """One sequence: usable power, stranded share of every way, losses that the plan does not hold, CPU time."""
    arrivals = drawn_deployments(np.random.default_rng([seed, 0]), RACKS, WAVES)
    usable = usable_kw(capacity, [one.shape for one in arrivals])
    row = {"seed": float(seed), "usable_kw": usable, "asked_kw": sum(one.kw for one in arrivals)}
    for rule in RULES:
        row[rule.name] = 1.0 - greedy_plan(capacity, arrivals, rule).kw / usable
    begun = process_time()
    plan = planned(capacity, arrivals, seed)
    row |= {SOLVED: 1.0 - plan.kw / usable, "cpu_s": process_time() - begun}
    return row | {"losses_not_held": float(trips_of(capacity, plan))}


def page(rows: list[dict[str, float]]) -> str:
    """The table, with the paired gain over each way and its interval over sequences."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(rows), size=(BOOTSTRAPS, len(rows)))
    ours = np.array([row[SOLVED] for row in rows])
    ways = [rule.name for rule in RULES]
    table = {way: np.array([row[way] for row in rows]) for way in ways}
    table["best rule of each sequence"] = np.min([table[way] for way in ways], axis=0)
    told = [["`coldaisle place`", f"{100 * ours.mean():.2f}", "", ""]]
    for way in sorted(table, key=lambda way: table[way].mean()):
        gain = 100.0 * (table[way] - ours)
        low, high = np.quantile(gain[drawn].mean(axis=1), (0.025, 0.975))
        told.append([way, f"{100 * table[way].mean():.2f}", f"{gain.mean():.2f}", f"{low:.2f} to {high:.2f}"])
    lost = sum(row["losses_not_held"] for row in rows)
    cpu = np.array([row["cpu_s"] for row in rows])
    words = (
        f"{len(rows)} sequences (seeds {rows[0]['seed']:.0f} to {rows[-1]['seed']:.0f}) of {RACKS} racks in {WAVES} "
        f"waves, {FUTURES} sampled futures, {EFFORT.nodes} nodes a solve. {lost:.0f} single losses trip a plan. "
        f"A sequence takes {np.median(cpu):.1f} s of CPU (median), {cpu.max():.1f} s at most."
    )
    head = ["way", "stranded, % of usable", "points that `place` strands less", "95 % interval, paired"]
    command = "```\npython -m scripts.place_sequences\n```"
    parts = ["# Racks placed on drawn arrivals", fill(words, COLUMNS), command, markdown_table(head, told)]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Measure what is not measured yet, and write table and page."""
    parser = ArgumentParser()
    parser.add_argument("--sequences", type=int, default=100)
    asked = parser.parse_args()
    path = FOLDER / "place.csv"
    rows: list[dict[str, float]] = []
    if path.exists():
        with path.open() as stream:
            rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(stream)]
    capacity = Capacity(example_hall())
    for seed in range(len(rows), asked.sequences):
        rows.append(measured(capacity, seed))
        lines = [",".join(rows[0]), *(",".join(f"{value:.6g}" for value in row.values()) for row in rows)]
        write_whole(path, "\n".join(lines) + "\n")
        print(f"sequence {seed}: {100 * rows[-1][SOLVED]:.2f} % stranded", flush=True)
    write_whole(FOLDER / "place.md", page(rows))


if __name__ == "__main__":
    main()
