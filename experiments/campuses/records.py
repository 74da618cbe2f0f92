"""Where the jobs of campuses ran and moved, kept while they are played: what a statement of residency rests on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from envs.scheduling.job_table import WAITING, Bools, Floats, Ints, JobTable
from envs.scheduling.transfers import Carried
from envs.signals.workload.workload import CLASSES
from envs.whole_file import whole_file
from experiments.campuses.cards import Cards
from experiments.compliance.residency import BETWEEN, COLUMNS, LOST, MOVED, RAN

FILE = "residency.csv"
#: Second 0 of a simulated campus is a Monday midnight, on no date; told as one of the year that `comply` simulates.
MONDAY = np.datetime64("2023-01-02T00:00:00", "ms")
Row = tuple[str, ...]


class _Seen(NamedTuple):
    """A table as it stood before a step, ``(J, B)``."""

    state: Ints
    submit_s: Floats
    kind: Ints
    accelerators: Floats
    deadline_s: Floats


class Records:
    """Keeps a row for each start, move and loss of a job.

    Parameters
    ----------
    sites : sequence of str
        Names of the sites of a campus.
    cards : sequence of Cards
        By campus.
    """

    def __init__(self, sites: Sequence[str], cards: Sequence[Cards]) -> None:
        self.sites, self.cards = list(sites), cards
        self.rows: list[tuple[float, Row]] = []
        self._seen: _Seen | None = None

    def before(self, table: JobTable, now_s: Floats) -> None:
        """Note who waits before a step ``now_s`` ``(B,)`` [s]; before the first, keep who runs already."""
        is_first, facts = self._seen is None, table.facts
        self._seen = _Seen(
            np.array(table.state, np.int64),
            facts.submit_s.copy(),
            facts.kind.copy(),
            facts.accelerators.copy(),
            facts.deadline_s.copy(),
        )
        if is_first:
            self._keep(RAN, table.state > WAITING, self._seen, now_s)

    def after(self, table: JobTable, began_s: Floats, now_s: Floats) -> None:
        """Keep who of those that waited has started since, or was given up at its deadline.

        Parameters
        ----------
        table : JobTable
        began_s, now_s : ndarray (B,)
            Beginning and end of the step [s].
        """
        seen = self._seen
        assert seen is not None
        is_same = table.facts.submit_s == seen.submit_s
        left = (seen.state == WAITING) & ~(is_same & (table.state == WAITING))
        lost = left & ~(is_same & (table.state > WAITING)) & (seen.deadline_s <= now_s)
        self._keep(RAN, left & ~lost, seen, began_s)
        self._keep(LOST, lost, seen, now_s)

    def moved(self, campus: int, jobs: Carried, stands: Ints, goes: Ints, now_s: float, there_s: Floats) -> None:
        """Keep jobs of a campus that were sent now, from and to sites ``(M,)``, and when their data are there [s]."""
        facts = jobs.facts
        rows = zip(facts.submit_s.tolist(), facts.kind.tolist(), facts.accelerators.tolist(), stands, goes, there_s)
        for submit_s, kind, size, site, to, there in rows:
            self._add(MOVED, campus, submit_s, (kind, size), now_s, int(site), (self.sites[to], stamp(float(there))))

    def write(self, folder: Path) -> Path:
        """Write the rows in the order of time."""
        import csv

        rows = [row for _, row in sorted(self.rows, key=lambda one: one[0])]
        with whole_file(folder / FILE) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *rows])
        return folder / FILE

    def _keep(self, event: str, where: Bools, seen: _Seen, at_s: Floats) -> None:
        for slot, row in zip(*(x.tolist() for x in np.nonzero(where))):
            campus, site = divmod(row, len(self.sites))
            what = int(seen.kind[slot, row]), float(seen.accelerators[slot, row])
            self._add(event, campus, float(seen.submit_s[slot, row]), what, float(at_s[row]), site, ("", ""))

    def _add(
        self, event: str, campus: int, submit_s: float, what: tuple[int, float], at_s: float, site: int, to: Row
    ) -> None:
        cards, (kind, size) = self.cards[campus], what
        nth = int(np.searchsorted(cards.submit_s, submit_s))
        allowed = BETWEEN.join(name for name, may in zip(self.sites, cards.may_go[nth]) if may)
        facts = f"job-{nth:06d}", CLASSES[kind], f"{size:g}", self.sites[int(cards.origin[nth])], allowed
        self.rows.append((at_s, (stamp(at_s), event, str(campus), *facts, self.sites[site], *to)))


def stamp(at_s: float) -> str:
    """A second of a simulated campus as a time stamp."""
    return f"{MONDAY + np.timedelta64(round(1000.0 * at_s), 'ms')}Z"
