"""Whether `coldaisle verify-savings` tells the truth, on simulated sites with a known saving and on our own plant.

``python -m scripts.savings_coverage`` writes ``savings_coverage.csv`` (a row per design), ``savings_refusals.csv``
(what was broken, and how often it was refused) and a page, in a quarter of an hour. ``--plant 4`` writes
``savings_plant.csv`` and its page instead: that many trials on each of three halls, in half an hour.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from envs.scenario import load
from envs.whole_file import whole_file, write_whole
from experiments.records.markdown_table import markdown_table
from experiments.records.prose import wrapped_lines
from experiments.records.provenance import git_state
from experiments.savings.judgement import (
    Judgement,
    RegressionAnswer,
    days_of,
    judged,
    own_signs,
    reference_signs,
    regression_answer,
)
from experiments.savings.record import HOURS_PER_DAY, SiteRecord, hour_of
from experiments.savings.schedule import Schedule, Signs
from experiments.savings.simulated import SimulatedSite, SiteFamily, before_and_after, simulated_site

FIRST_DAY = hour_of("2027-01-11")
DESIGNS = {"days": (56, 24, 3), "blocks of 6 h": (28, 6, 2)}
ON_PLANT = (56, 24, 12)
SHARES = (0.0, 0.05)
BROKEN = 100  # sites of each thing that is broken
PLANTS = ("ai_hall", "edge_room", "liquid_hall")
Cell = str | int | float
Row = dict[str, Cell]


class Told(NamedTuple):
    """A site's truth and what was made of it."""

    true_share: float
    found: Judgement


def schedule_of(number: int, days: int, block_h: int, washout_h: int) -> Schedule:
    """Schedule of a site; trials begin on all weekdays."""
    return Schedule(FIRST_DAY + HOURS_PER_DAY * (number % 7), days, block_h, washout_h)


def sites(
    count: int, design: Sequence[int], share: float, family: SiteFamily | None = None
) -> Iterator[tuple[Schedule, Signs, Signs, SimulatedSite]]:
    """Schedule, its signs, those that might have been drawn, and the site."""
    for number in range(count):
        schedule = schedule_of(number, *design)
        signs = own_signs(schedule, number)
        site = simulated_site(schedule, signs, share, np.random.default_rng([number, 7]), family)
        yield schedule, signs, reference_signs(schedule, number), site


def coverage_row(name: str, design: Sequence[int], share: float, count: int) -> Row:
    """How often the interval holds the truth, and how often a saving is credited."""
    told = [Told(s.true_share, judged(s.record, *plan)) for *plan, s in sites(count, design, share)]
    kept = [t for t in told if not t.found.refusals]
    held = [t.found.saving.low <= t.true_share <= t.found.saving.high for t in kept if t.found.saving]
    other = [t for t in told if stands(t.found.regression)]
    ranges = [(t.true_share, t.found.regression.found) for t in other]
    return {
        "design": f"{name}, {design[0]} days",
        "usual saving %": 100.0 * share,
        "sites": count,
        "refused": count - len(kept),
        "covered %": percent(held),
        "credited %": percent([t.found.credited for t in told]),
        "half width, median %": round(100.0 * float(np.median([half_width(t) for t in kept])), 2),
        "model refused": count - len(other),
        "regression covered %": percent([r.low <= truth <= r.high for truth, r in ranges if r]),
    }


def before_after_row(count: int, share: float) -> Row:
    """The same sites by regression of the weeks after against the weeks before, without a lot."""
    held, credited, kept = [], [], 0
    for number in range(count):
        schedule = schedule_of(number, *DESIGNS["days"])
        site = before_and_after(schedule, share, np.random.default_rng([number, 7]))
        half = schedule.days // 2
        spans = (schedule.first_hour, schedule.first_hour + half * HOURS_PER_DAY)
        answer = regression_answer(*(days_of(site.record, first, half) for first in spans))
        credited.append(bool(answer.found and not answer.refusals and answer.found.low > 0.0))
        if answer.found and stands(answer):
            kept += 1
            held.append(answer.found.low <= site.true_share <= answer.found.high)
    return {
        "design": f"before and after, {DESIGNS['days'][0]} days",
        "usual saving %": 100.0 * share,
        "sites": count,
        "refused": "",
        "covered %": "",
        "credited %": percent(credited),
        "half width, median %": "",
        "model refused": count - kept,
        "regression covered %": percent(held),
    }


def stands(answer: RegressionAnswer) -> bool:
    """Whether a regression's model is accepted; that its saving is uncertain says nothing against the model."""
    return answer.found is not None and not [r for r in answer.refusals if r.name != "uncertain saving"]


def half_width(told: Told) -> float:
    """Of the interval."""
    s = told.found.saving
    return 0.5 * (s.high - s.low) if s else float("nan")


def percent(values: Sequence[bool]) -> float:
    """Share of the true ones."""
    return round(100.0 * float(np.mean(values)), 1) if len(values) else float("nan")


# ---- what is broken -------------------------------------------------------------------------------------------------


def swapped(record: SiteRecord, schedule: Schedule) -> SiteRecord:
    """One block in five is run by the other."""
    block = np.arange(record.hours) // schedule.block_h
    wrong = block % 5 == 0
    return replace(record, in_control=np.where(wrong, 1.0 - record.in_control, record.in_control))


def unrecorded(record: SiteRecord, schedule: Schedule) -> SiteRecord:
    """Nobody wrote down who was in control."""
    return replace(record, in_control=np.full(record.hours, np.nan))


def meter_lost(record: SiteRecord, schedule: Schedule) -> SiteRecord:
    """The power meter is silent for the last 30 % of the trial."""
    return replace(record, power_kw=np.where(np.arange(record.hours) > 0.7 * record.hours, np.nan, record.power_kw))


def meter_missing(record: SiteRecord, schedule: Schedule) -> SiteRecord:
    """No meter of the IT power."""
    return replace(record, load=np.full(record.hours, np.nan))


def work_cut(record: SiteRecord, schedule: Schedule) -> SiteRecord:
    """The policy caps IT power by a tenth."""
    return replace(record, load=record.load * (1.0 - 0.1 * record.in_control))


def hot(record: SiteRecord, schedule: Schedule) -> SiteRecord:
    """The policy lets inlets rise to 34 degC."""
    return replace(record, inlet_c=record.inlet_c + 9.0 * record.in_control)


def as_it_is(record: SiteRecord, schedule: Schedule) -> SiteRecord:
    """Nothing is broken in the record."""
    return record


Damage = Callable[[SiteRecord, Schedule], SiteRecord]
SLOW = SiteFamily(mass_h=(8.0, 16.0))
DAMAGES: tuple[tuple[str, str, Damage, Sequence[int], SiteFamily | None], ...] = (
    ("one block in five run by the other", "broken assignment", swapped, DESIGNS["days"], None),
    ("nobody recorded who was in control", "assignment not recorded", unrecorded, DESIGNS["days"], None),
    ("power meter silent for the last 30 %", "too few blocks", meter_lost, DESIGNS["days"], None),
    ("IT power not measured", "missing meters", meter_missing, DESIGNS["days"], None),
    ("policy caps IT power by 10 %", "unequal work", work_cut, DESIGNS["days"], None),
    ("policy lets inlets rise to 34 degC", "unequal safety", hot, DESIGNS["days"], None),
    ("mass of 8 to 16 h, blocks of 6 h, wash-out 1 h", "carry-over", as_it_is, (28, 6, 1), SLOW),
)


def refusal_row(words: str, name: str, damage: Damage, design: Sequence[int], family: SiteFamily | None) -> Row:
    """How often a broken trial is refused by the name that it deserves."""
    said: Counter[str] = Counter()
    claimed = 0
    for schedule, signs, reference, site in sites(BROKEN, design, 0.2, family):
        found = judged(damage(site.record, schedule), schedule, signs, reference)
        said.update({r.name for r in found.refusals})
        claimed += found.credited
    return {"what is broken": words, "refusal": name, "refused by it": said[name], "claims left": claimed, "of": BROKEN}


# ---- our own plant --------------------------------------------------------------------------------------------------


def plant_rows(count: int) -> Iterator[Row]:
    """Trials of the tuned rules against the rules as given."""
    from agents.references import RULES_AS_GIVEN, RULES_TUNED
    from experiments.evaluation.policies import reference_policies
    from experiments.savings.plant_trials import plant_trials
    from experiments.savings.simulated import judged_hours

    for name in PLANTS:
        scenario = load(name)
        makers = reference_policies(scenario)
        days, block_h, washout_h = ON_PLANT
        how = {"block_h": block_h, "washout_h": washout_h}
        for t in plant_trials(scenario, makers[RULES_AS_GIVEN], makers[RULES_TUNED], days, count, seed=100, **how):
            reference = reference_signs(t.schedule, t.seed)
            signs = own_signs(t.schedule, t.seed)
            found = judged(t.switched, t.schedule, signs, reference, history=t.history)
            hours = judged_hours(t.schedule)
            truth = 1.0 - float(t.policy_kw[hours].sum() / t.rules_kw[hours].sum())
            s, r = found.saving, found.regression.found
            yield {
                "plant": name,
                "place": t.place,
                "true saving %": round(100.0 * truth, 2),
                "found %": round(100.0 * s.share, 2) if s else "",
                "low %": round(100.0 * s.low, 2) if s else "",
                "high %": round(100.0 * s.high, 2) if s else "",
                "refused": ", ".join(x.name for x in found.refusals),
                "regression %": f"{100.0 * r.low:.1f} to {100.0 * r.high:.1f}" if r else "",
                "regression refused": ", ".join(x.name for x in found.regression.refusals),
            }


# ---- what is written ------------------------------------------------------------------------------------------------


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Rows as CSV."""
    with whole_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def table(rows: Sequence[Row]) -> list[str]:
    """Rows as Markdown."""
    return markdown_table(list(rows[0]), [[str(cell) for cell in row.values()] for row in rows]).splitlines()


def main() -> None:
    """Simulate, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=1000)
    parser.add_argument("--plant", type=int, default=0, help="sites of each plant, in place of the simulated sites")
    parser.add_argument("--out", type=Path, default=Path("docs/validation"))
    given = parser.parse_args()
    if given.plant:
        rows: list[Row] = []
        for row in plant_rows(given.plant):
            rows.append(row)  # what is known stays, should the run be stopped
            write_csv(given.out / "savings_plant.csv", rows)
            parts = [*PLANT_HEAD, *command(f"--plant {given.plant}"), "", plant_words(rows), "", *table(rows)]
            write_whole(given.out / "savings_plant.md", "\n".join(wrapped_lines(parts)) + "\n")
        return
    covered = []
    for name, design in DESIGNS.items():
        for share in SHARES:
            covered.append(coverage_row(name, design, share, given.sites))
            sys.stdout.write(f"{covered[-1]}\n")
    covered += [before_after_row(given.sites, share) for share in SHARES]
    refused = [refusal_row(*damage) for damage in DAMAGES]
    write_csv(given.out / "savings_coverage.csv", covered)
    write_csv(given.out / "savings_refusals.csv", refused)
    parts = [
        *HEAD,
        *command(f"--sites {given.sites}"),
        "",
        *table(covered),
        "",
        *COLUMNS,
        "",
        "## Broken trials",
        "",
        *table(refused),
    ]
    write_whole(given.out / "savings_coverage.md", "\n".join(wrapped_lines(parts)) + "\n")


def plant_words(rows: Sequence[Row]) -> str:
    """What the trials on our own plant came to, in a sentence or two."""
    kept = [row for row in rows if not row["refused"]]
    held = [row for row in kept if float(row["low %"]) <= float(row["true saving %"]) <= float(row["high %"])]
    below = [row for row in kept if float(row["high %"]) < float(row["true saving %"])]
    return (
        f"**Of {len(rows)} trials {len(rows) - len(kept)} were refused. Of the other {len(kept)}, {len(held)} hold the "
        f"truth, {len(below)} understate it, {len(kept) - len(held) - len(below)} overstate it.**"
    )


def command(given: str) -> list[str]:
    """What was run."""
    words = f"python -m scripts.savings_coverage {given}"
    return ["```", words, "```", "", f"Commit {git_state()['git_hash'][:7]}, numpy {np.__version__}."]


HEAD = [
    "# Verified savings: do the intervals hold the truth?",
    "",
    "Made by the command below; [verify-savings](../verify-savings.md) says what is judged and how.",
    "",
]
COLUMNS = [
    "- **Covered**: share of the sites that are not refused whose 95 % interval holds the true saving.",
    "- **Credited**: share of all sites whose saving is claimed.",
    "- **Model refused**: sites whose regression is refused for its model; **regression covered**: of the others.",
    "- **Before and after**: the policy from the middle on, without a lot, and regression alone.",
]
PLANT_HEAD = [
    "# Verified savings: trials on our own plant",
    "",
    "The tuned rules are the policy, the rules as given the site's own. The true saving is that of two more runs under "
    "the same weather, load and noise: one under each throughout. Days, 56 of them, with a wash-out of 12 h, after 28 "
    "days under the rules as history.",
    "",
]

if __name__ == "__main__":
    main()
