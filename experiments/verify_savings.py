"""``coldaisle verify-savings``: a randomised trial of a policy on a building, planned first and judged afterwards."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.live.settings import settings_from

if TYPE_CHECKING:
    from experiments.savings.baseline import Periods
    from experiments.savings.plan_file import TrialPlan
    from experiments.savings.record import SiteRecord


@dataclass(frozen=True)
class PlanSettings:
    """Plan a randomised switchback: who has which block, and the least saving that it will show.

    Attributes
    ----------
    start : str
        First day of the trial on the site's clock, such as 2027-01-11.
    history : str
        Telemetry of four weeks or more under the site's rules: CSV or Parquet.
    points : str
        Its point map, a YAML file.
    days : int
        Length of the trial, an even number.
    block_h : int
        Hours of a block: 24, 12, 8 or 6.
    washout_h : int
        Hours at the beginning of each block that are not judged.
    least_saving : float
        Share that is worth knowing; a plan that would not show it is refused.
    outcome : str
        Power to be saved: `cooling_power_kw`, `facility_power_kw`, `facility_less_it_kw`, or `cooling_meters_kw`.
    safety : bool
        Whether inlets must be measured; without them the claim says nothing of safety.
    scenario : str
        Your hall's file, or any scenario where the map names meters of the whole site alone.
    utc_offset_h : float
        Local standard time less UTC in whole hours.
    seed : int
        Of the lot; -1 draws a fresh one, which the plan keeps.
    folder : str
        Gets `plan.yaml` and `schedule.csv`.
    """

    start: str
    history: str
    points: str
    days: int = 56
    block_h: int = 24
    washout_h: int = 3
    least_saving: float = 0.05
    outcome: str = "cooling_power_kw"
    safety: bool = True
    scenario: str = "legacy_air"
    utc_offset_h: float = 0.0
    seed: int = -1
    folder: str = "savings"


@dataclass(frozen=True)
class SavingsSettings:
    """Judge a trial that `coldaisle verify-savings plan` planned; without a plan, two periods by regression alone.

    Attributes
    ----------
    plan : str
        The plan's file; empty: regression of `reporting` against `baseline`.
    telemetry : str
        Meters of the trial: CSV or Parquet; empty: the log alone.
    points : str
        The point map of the telemetry, a YAML file.
    log : str
        Folder that `coldaisle serve` wrote to: who was in control, and meters where there is no telemetry.
    history : str
        Telemetry of the weeks before the trial, as for the plan: tells whether the rules are still themselves.
    who : str
        Heading of a column of the telemetry that is 1 where the policy was in control; empty: the log tells.
    baseline : str
        Two days with a slash between, such as 2026-01-01/2026-06-30: a period under the rules.
    reporting : str
        The same: a period under the policy.
    outcome : str
        Without a plan: the power to be saved, as of the plan.
    scenario : str
        Your hall's file, or any scenario where the map names meters of the whole site alone.
    utc_offset_h : float
        Without a plan: local standard time less UTC in whole hours.
    folder : str
        Gets `savings.html`, `savings.json` and `blocks.csv`.
    """

    plan: str = ""
    telemetry: str = ""
    points: str = ""
    log: str = ""
    history: str = ""
    who: str = ""
    baseline: str = ""
    reporting: str = ""
    outcome: str = "cooling_power_kw"
    scenario: str = "legacy_air"
    utc_offset_h: float = 0.0
    folder: str = "savings"


SETTINGS = SavingsSettings
#: First words that make another command of the verb, each with its keys.
PARTS = {"plan": PlanSettings}


def plan(told: PlanSettings) -> Path:
    """Write a plan.

    Raises
    ------
    ValueError
        Where the trial would not show what is worth knowing, with the days that it needs.
    """
    from envs.scenario import load
    from experiments.savings.detectable import days_needed, least_detectable, scatter
    from experiments.savings.plan_file import PLAN, TrialPlan, write_plan
    from experiments.savings.reading import record_of_telemetry
    from experiments.savings.schedule import Schedule

    _require_outcome(told.outcome)
    schedule = Schedule(_day(told.start, "start"), told.days, told.block_h, told.washout_h)
    history = record_of_telemetry(
        Path(told.history), Path(told.points), load(told.scenario), told.outcome, _offset(told.utc_offset_h)
    )
    found = scatter(history, schedule)
    reach = least_detectable(found, schedule.pairs)
    if reach > told.least_saving:
        needed = days_needed(found, schedule, told.least_saving)
        mend = f"days={needed}" if needed else "a larger saving, or shorter blocks: two years are not enough"
        raise ValueError(
            f"{told.days} days would show {reach:.1%} saved and more, not least_saving = {told.least_saving:.1%}: "
            f"two blocks of a pair differ by {found.pair_frac:.1%} by chance; give {mend}"
        )
    seed = secrets.randbits(32) if told.seed < 0 else told.seed
    made = TrialPlan(
        told.start, told.days, told.block_h, told.washout_h, told.utc_offset_h, told.outcome, told.safety, seed,
        round(reach, 6), round(found.pair_frac, 6),
    )  # fmt: skip
    write_plan(Path(told.folder), made)
    return Path(told.folder) / PLAN


def judge(told: SavingsSettings) -> tuple[str, Path]:
    """Judge a trial or two periods; the verdict in words, and the page.

    Raises
    ------
    ValueError
        For keys that do not fit together.
    """
    if not told.plan:
        return _judge_by_regression(told)
    from experiments.savings.judgement import judged, reference_signs
    from experiments.savings.page import verdict_of, write_trial
    from experiments.savings.plan_file import read_plan

    made = read_plan(Path(told.plan))
    record = _record(told, made.outcome, made.utc_offset_h)
    reference = reference_signs(made.schedule, made.seed)
    found = judged(record, made.schedule, made.signs, reference, made.safety, _history(told, made))
    page = write_trial(Path(told.folder), found, made, _footer(told))
    reasons = "".join(f"\n- {r.name}: {r.words}" for r in found.refusals)
    return verdict_of(found, made)[1] + reasons, page


def _judge_by_regression(told: SavingsSettings) -> tuple[str, Path]:
    from experiments.savings.judgement import regression_answer
    from experiments.savings.page import regression_verdict, write_regression

    if not (told.baseline and told.reporting):
        raise ValueError("give plan=<folder>/plan.yaml, or baseline=<day>/<day> and reporting=<day>/<day>")
    record = _record(told, told.outcome, told.utc_offset_h)
    found = regression_answer(*(_days(record, getattr(told, key), key) for key in ("baseline", "reporting")))
    page = write_regression(Path(told.folder), found, _footer(told))
    reasons = "".join(f"\n- {r.name}: {r.words}" for r in found.refusals)
    return regression_verdict(found)[1] + reasons, page


def _record(told: SavingsSettings, outcome: str, utc_offset_h: float) -> SiteRecord:
    """What the site did, from telemetry, log or both."""
    from experiments.savings.reading import record_of_log, record_of_telemetry, with_log

    offset = _offset(utc_offset_h)
    if not told.telemetry:
        if not told.log:
            raise ValueError("nothing to judge: give telemetry=... and points=..., log=..., or both")
        return record_of_log(Path(told.log), offset)
    from envs.scenario import load

    _require_outcome(outcome)
    if not told.points:
        raise ValueError("telemetry without points=...; give its point map")
    files = Path(told.telemetry), Path(told.points)
    record = record_of_telemetry(*files, load(told.scenario), outcome, offset, told.who)
    return with_log(record, Path(told.log), offset) if told.log else record


def _history(told: SavingsSettings, made: TrialPlan) -> SiteRecord | None:
    """What the site did before the trial, where a file tells."""
    if not told.history:
        return None
    from envs.scenario import load
    from experiments.savings.reading import record_of_telemetry

    if not told.points:
        raise ValueError("history without points=...; give its point map")
    files = Path(told.history), Path(told.points)
    return record_of_telemetry(*files, load(told.scenario), made.outcome, _offset(made.utc_offset_h))


def _days(record: SiteRecord, given: str, key: str) -> Periods:
    """Days of a span that is typed as two days with a slash between."""
    from experiments.savings.judgement import days_of
    from experiments.savings.record import HOURS_PER_DAY

    first, slash, last = given.partition("/")
    if not slash:
        raise ValueError(f"{key} = {given!r}; give two days with a slash between, such as 2026-01-01/2026-06-30")
    begin, end = (_day(day, key) for day in (first, last))
    if end < begin:
        raise ValueError(f"{key} = {given!r} ends before it begins; give the first day first")
    return days_of(record, begin, (end - begin) // HOURS_PER_DAY + 1)


def _day(given: str, key: str) -> int:
    """Midnight of a day, in hours."""
    from datetime import date

    from experiments.savings.record import hour_of

    try:
        return hour_of(date.fromisoformat(given).isoformat())
    except ValueError:
        raise ValueError(f"{key} = {given!r} is no day; give one such as 2027-01-11") from None


def _offset(utc_offset_h: float) -> float:
    if utc_offset_h != round(utc_offset_h) or abs(utc_offset_h) > 14:
        raise ValueError(
            f"utc_offset_h = {utc_offset_h:g}; give whole hours from -14 to 14: blocks begin at full hours"
        )
    return utc_offset_h


def _require_outcome(outcome: str) -> None:
    from envs.unknown_name import unknown_name
    from experiments.savings.reading import OUTCOMES

    if outcome not in OUTCOMES:
        raise ValueError(unknown_name("outcome", outcome, OUTCOMES))


def _footer(told: SavingsSettings) -> str:
    from experiments.records.provenance import git_state
    from experiments.savings.randomisation import DRAWS

    given = " ".join(f"{key}={value}" for key, value in vars(told).items() if value not in ("", "savings"))
    return f"coldaisle verify-savings {given}; {DRAWS} reference schedules; code {git_state()['git_hash'][:12]}"


def run() -> None:
    """``coldaisle verify-savings`` and ``python -m experiments.verify_savings``."""
    words = sys.argv[1:]
    if words[:1] == ["plan"]:
        made = plan(settings_from(PlanSettings, words[1:]))
        sys.stdout.write(f"plan: {made}; schedule: {made.parent / 'schedule.csv'}\n")
        return
    said, page = judge(settings_from(SavingsSettings, words))
    sys.stdout.write(f"{said}\npage: {page}\n")


if __name__ == "__main__":
    run()
