"""Whether "which rack is first over the limit if a room unit fails now" tells the truth, on simulated halls.

``python -m scripts.lost_unit [scenario ...] [--halls 6] [--seeds 0] [--guessed-only]`` writes ``lost_unit.csv`` (a row
for each answer and what happened) and a page. Each hall has hidden parameters, a place, a season and a load of its own.
What other scenarios and seeds have stored stays; a hall takes one to two minutes of a core.
"""

from __future__ import annotations

import argparse
import csv
import logging
import typing
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from envs.scenario import load
from envs.whole_file import whole_file, write_whole
from experiments.forecasting.foresight import GUESSED, KNOWN, Held, held_foresight
from experiments.forecasting.halls import HallDraw
from experiments.forecasting.own_hall import Asked
from experiments.records.markdown_table import markdown_table
from experiments.records.prose import wrapped_lines
from experiments.records.provenance import git_state

LOG = logging.getLogger(__name__)
FOLDER = Path("docs/validation")
SCENARIOS = ("ai_hall", "edge_room", "legacy_air", "liquid_hall")
BELIEFS = (GUESSED, KNOWN)
CSV = "lost_unit.csv"
LOG_DAYS = 15  # of the shortest log: what `coldaisle forecast` asks for
HEAD = ("scenario", "known of the hall", "lost", "asked", "go over", 'said "over", right', 'said "none", right',
        '"not foreseen", go over', "first rack right", "among the three", "named rack later by, median [s]",
        "time error, median [s]")  # fmt: skip


def case_of(row: Held) -> tuple[str, str, str, bool]:
    """Rows that stand together."""
    return row.scenario, row.belief, row.zone, row.units > 1.0


def summaries(rows: Sequence[Held]) -> Iterator[list[str]]:
    """A line for each scenario, belief and failure; ``1 of 2`` is right of said."""
    for (scenario, belief, zone, all_units), group in groupby(sorted(rows, key=case_of), case_of):
        held = list(group)
        over = np.isfinite([row.true_after_s for row in held])
        said = np.array([row.said for row in held])
        right = [row for row, went in zip(held, over) if went and row.said == "over"]
        named = [row.named_late_s for row in right]
        error = [abs(row.said_after_s - row.true_after_s) for row in right]
        yield [
            scenario, belief, f"zone {zone}: {'every unit' if all_units else 'one unit'}", str(len(held)),
            str(over.sum()),
            f"{over[said == 'over'].sum()} of {(said == 'over').sum()}",
            f"{(~over[said == 'none']).sum()} of {(said == 'none').sum()}",
            f"{over[said == 'not foreseen'].sum()} of {(said == 'not foreseen').sum()}",
            str(sum(row.said_racks[0] == row.true_rack for row in right)) if right else "-",
            str(sum(row.true_rack in row.said_racks for row in right)) if right else "-",
            median(named), median(error),
        ]  # fmt: skip


def median(values: Sequence[float]) -> str:
    """In tenths; a dash where there is none."""
    return f"{float(np.median(values)):.1f}" if values else "-"


def verdict(rows: Sequence[Held]) -> str:
    """What the answers after one lost unit are worth, in words: those where a rack goes over first."""
    one = [row for row in rows if row.units == 1.0]
    over = [row for row in one if np.isfinite(row.true_after_s)]
    cool = [row for row in one if not np.isfinite(row.true_after_s)]
    crossings = len({(row.scenario, row.seed, row.hall, row.zone) for row in over})
    asked = f"{len(over)} answers after one lost unit where a rack went over ({times(crossings, 'crossing')})"
    guessed = [row for row in over if row.belief == GUESSED]
    return (
        f'**Of {asked}, {said(over, "over")} foresaw it, {said(over, "not foreseen")} read "not foreseen" and '
        f"{said(over, 'none')} said that none goes over.** Of the {len(guessed)} without the hall's true parameters, "
        f"as an owner asks, {said(guessed, 'over')} foresaw it. Where no rack went over, {said(cool, 'none')} of "
        f'{len(cool)} answers said so, {said(cool, "not foreseen")} read "not foreseen" and '
        f"{times(said(cool, 'over'), 'alarm')} {'was' if said(cool, 'over') == 1 else 'were'} false."
    )


def said(rows: Sequence[Held], words: str) -> int:
    """How many answers read so."""
    return sum(row.said == words for row in rows)


def times(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def stored(folder: Path) -> list[Held]:
    """Rows that stand in the folder; none where there are none."""
    path = folder / CSV
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row_of(cells) for cells in csv.DictReader(file)]


def row_of(cells: dict[str, str]) -> Held:
    """A stored row."""
    kinds = typing.get_type_hints(Held)
    racks = tuple(int(rack) for rack in cells["said_racks"].split())
    return Held(**{n: racks if n == "said_racks" else kinds[n](text) for n, text in cells.items()})


def commands(rows: Sequence[Held]) -> list[str]:
    """What made the rows, a line for each scenario."""
    made = []
    for scenario, group in groupby(sorted(rows, key=case_of), lambda row: row.scenario):
        held = list(group)
        seeds = " ".join(str(seed) for seed in sorted({row.seed for row in held}))
        alone = "" if {row.belief for row in held} > {GUESSED} else " --guessed-only"
        halls = 1 + max(row.hall for row in held)
        made.append(f"python -m scripts.lost_unit {scenario} --halls {halls} --seeds {seeds}{alone}")
    return made


def write(rows: Sequence[Held], folder: Path) -> None:
    """Rows as CSV, and the page."""
    with whole_file(folder / CSV) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Held._fields)
        writer.writerows([[cell(value) for value in row] for row in sorted(rows)])
    parts = [
        "# A lost room unit: is the foresight true?",
        "",
        verdict(rows),
        "",
        "Each hall is simulated with hidden parameters, 20 % around the scenario, a place, a season and a load of its "
        "own. `coldaisle forecast telemetry=...` is asked on the log that its building would write. Then the unit "
        "fails in the hall itself, with the load and weather that came, and the next hour is played.",
        "",
        "```",
        *commands(rows),
        "```",
        "",
        f"Commit {git_state()['git_hash'][:7]}, numpy {np.__version__}.",
        "",
        *markdown_table(list(HEAD), list(summaries(rows))).splitlines(),
        "",
        f"- **{GUESSED}**: the forecast has the scenario alone, and matches it by the log. **{KNOWN}**: it has the "
        "hall's true parameters, which no calibration beats.",
        '- **Right of said**: an answer counts where all three plants agree. Else it reads "not foreseen", and that '
        "column tells how many of those halls went over.",
        "- First rack, among the three, and both times are of the crossings that were said.",
    ]
    write_whole(folder / "lost_unit.md", "\n".join(wrapped_lines(parts)) + "\n")


def cell(value: object) -> str:
    """Of a row."""
    if isinstance(value, tuple):
        return " ".join(str(rack) for rack in value)
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def main() -> None:
    """Ask, fail, compare, write; what is known stays, should the run be stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=list(SCENARIOS))
    parser.add_argument("--halls", type=int, default=6)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--guessed-only", action="store_true", help="not also with the halls' true parameters")
    parser.add_argument("--out", type=Path, default=FOLDER)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    beliefs = BELIEFS[: 1 if given.guessed_only else 2]
    for seed in given.seeds:
        for name in given.scenarios:
            found = held_foresight(load(name), HallDraw(given.halls, LOG_DAYS, seed=seed), Asked(), beliefs, LOG.info)
            kept = [row for row in stored(given.out) if (row.scenario, row.seed) != (name, seed)]
            write([*kept, *found], given.out)


if __name__ == "__main__":
    main()
