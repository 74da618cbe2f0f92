"""The plan of a trial as a file: everything that the judge will do is written down, and sealed, before the trial."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from envs.plain_yaml import read_mapping
from envs.whole_file import write_whole
from experiments.savings.judgement import own_signs
from experiments.savings.record import HOURS_PER_DAY, hour_of, moment_of
from experiments.savings.schedule import Schedule, Signs, arms

PLAN, SCHEDULE = "plan.yaml", "schedule.csv"
POLICY, RULES = "policy", "rules"


@dataclass(frozen=True)
class TrialPlan:
    """A trial as it was planned.

    Attributes
    ----------
    start : str
        First day, on the site's clock.
    days, block_h, washout_h : int
        As of `schedule.Schedule`.
    utc_offset_h : float
        Local standard time less UTC [h].
    outcome : str
        The power that is to be saved, of `reading.OUTCOMES`.
    safety : bool
        Whether inlets must be measured.
    seed : int
        Of the lot.
    detectable : float
        Least saving that the trial shows in four of five cases [1].
    pair_scatter : float
        Standard deviation of a pair's difference, from the history [1].
    sha256 : str
        Of the schedule.
    """

    start: str
    days: int
    block_h: int
    washout_h: int
    utc_offset_h: float
    outcome: str
    safety: bool
    seed: int
    detectable: float
    pair_scatter: float
    sha256: str = ""

    @property
    def schedule(self) -> Schedule:
        """When the trial runs."""
        return Schedule(hour_of(self.start), self.days, self.block_h, self.washout_h)

    @property
    def signs(self) -> Signs:
        """Who has which block ``(P,)``."""
        return own_signs(self.schedule, self.seed)


def write_plan(folder: Path, plan: TrialPlan) -> None:
    """Write the plan with its seal, and the schedule for people and for a building's calendar."""
    text = schedule_text(plan)
    sealed = asdict(plan) | {"sha256": _sha256(text)}
    words = "# A randomised switchback, planned by `coldaisle verify-savings plan`. It is sealed: change nothing.\n"
    write_whole(folder / PLAN, words + yaml.safe_dump(sealed, sort_keys=False))
    write_whole(folder / SCHEDULE, text)


def read_plan(path: Path) -> TrialPlan:
    """Read a plan and check its seal.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    ValueError
        For a missing or unknown key, or a schedule that is not the one that was drawn.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such plan; `coldaisle verify-savings plan` writes one")
    given: dict[str, Any] = read_mapping(path)
    known = {spec.name for spec in fields(TrialPlan)}
    if set(given) != known:
        apart = ", ".join(sorted(str(key) for key in set(given) ^ known))
        raise ValueError(f"{path}: keys differ from those of a plan: {apart}; plan anew")
    plan = TrialPlan(**given)
    if _sha256(schedule_text(plan)) != plan.sha256:
        raise ValueError(
            f"{path}: broken assignment: seed, start and days draw another schedule than the one that was sealed; "
            "give the plan as it was written"
        )
    return plan


def schedule_text(plan: TrialPlan) -> str:
    """The schedule as CSV, block after block, on the site's clock."""
    schedule, lines = plan.schedule, ["start,judged_from,end,who,pair"]
    who = arms(schedule, plan.signs)
    starts = schedule.starts()
    for at in starts.ravel().argsort():
        pair, place = divmod(int(at), 2)
        start = int(starts[pair, place])
        edges = [str(moment_of(start + h)) + ":00" for h in (0, schedule.washout_h, schedule.block_h)]
        lines.append(",".join([*edges, POLICY if who[pair, place] else RULES, str(pair)]))
    return "\n".join(lines) + "\n"


def last_day(plan: TrialPlan) -> str:
    """Day after which the trial can be judged."""
    return str(moment_of(plan.schedule.first_hour + plan.days * HOURS_PER_DAY - 1))[:10]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
