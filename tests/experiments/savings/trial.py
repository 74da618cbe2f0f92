"""A trial on a simulated site, for tests that break something of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.savings.judgement import Judgement, judged, own_signs, reference_signs
from experiments.savings.record import SiteRecord, hour_of
from experiments.savings.schedule import Schedule, Signs
from experiments.savings.simulated import SiteFamily, simulated_site

START = "2027-01-11"


class Trial(NamedTuple):
    """A schedule, who has which block, what might have been drawn, what was recorded, what was saved."""

    schedule: Schedule
    signs: Signs
    reference: Signs
    record: SiteRecord
    true_share: float

    def judged(self, record: SiteRecord | None = None, safety: bool = True) -> Judgement:
        """What the judge says of this record, or of another one in its place."""
        return judged(record or self.record, self.schedule, self.signs, self.reference, safety)


QUIET = SiteFamily(noise=(0.01, 0.01), memory_h=(2.0, 2.0), drift=(0.0, 0.0))


def trial(share: float, seed: int = 0, family: SiteFamily | None = None) -> Trial:
    """A trial of eight weeks of days with a usual saving of ``share``."""
    schedule = Schedule(hour_of(START), 56)
    signs = own_signs(schedule, seed)
    site = simulated_site(schedule, signs, share, np.random.default_rng(seed), family)
    return Trial(schedule, signs, reference_signs(schedule, seed, 1999), site.record, site.true_share)
