"""The row that the log keeps of a cycle: one column a value, so that DuckDB reads it as it stands."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.live.decider import Decider, flat
from agents.live.decision_log import Value
from agents.live.graduation import width_share
from agents.live.limits import verdict
from agents.live.predictions import Forecast
from agents.live.reading import Key
from agents.live.why import Why
from envs.shield.intervention import Intervention

Array = NDArray[np.floating]
DECIDED = ("wanted", "given", "written", "read_back", "rule")
MOST_PARTS = 8  # of each setpoint; the others are one part
FORETOLD = ("predicted", "half_width", "error")


class CycleRow:
    """Builds the row of one cycle; a value that the cycle did not come to is NaN, a text empty.

    Parameters
    ----------
    facts : mapping
        What every cycle of this run has in common.
    decider : Decider
    targets : sequence of str
        Names of what is predicted.
    """

    def __init__(self, facts: Mapping[str, Value], decider: Decider, targets: Sequence[str]) -> None:
        self.values: dict[str, Value] = {
            **facts, "kind": "cycle", "state": "", "fault": "", "reset": False, "follows": False, "reason": "",
            "shield": "", "expected": "", "interventions": "[]", "decision_us": math.nan, "decided_s": math.nan,
            "oldest_s": math.nan, "because": "", "explained": "[]", "more_kw": math.nan, "warmer_k": math.nan,
            "scored_held": 0, "scored_told": 0, "widest": math.nan,
            "picture": "", "let_go": "", "let_go_s": math.nan, "taken": "[]",
        }  # fmt: skip
        for name, rows in decider.measured.items():
            self.values |= {f"measured.{Key(name, row)}": math.nan for row in range(rows)}
        for key in decider.decided():
            self.values |= {f"{kind}.{key}": math.nan for kind in DECIDED}
        for target in targets:
            self.values |= {f"{kind}.{target}": math.nan for kind in FORETOLD}

    def add_measured(self, measurements: Mapping[str, Array]) -> None:
        """Keep what was read, to the bit."""
        self.values |= {f"measured.{key}": v for key, v in flat(measurements).items()}

    def add_decided(self, wanted: Mapping[str, Array], given: Mapping[str, Array]) -> None:
        """Keep what the policy wanted, and what was left of it."""
        self.values |= {f"wanted.{key}": v for key, v in flat(wanted).items()}
        self.values |= {f"given.{key}": v for key, v in flat(given).items()}

    def add_interventions(self, interventions: Sequence[Intervention]) -> None:
        """Keep each limit that spoke."""
        self.values["shield"] = verdict(interventions)
        told = [
            {f: getattr(i, f) for f in ("channel", "row", "limit", "wanted", "given", "unit", "why")}
            for i in interventions
        ]
        self.values["interventions"] = json.dumps(told, default=float)

    def add_why(self, why: Why) -> None:
        """Keep what moved each setpoint, what the rule would set, and what that would bring."""
        self.values |= {f"rule.{key}": v for key, v in flat(why.rule).items() if f"rule.{key}" in self.values}
        self.values["explained"] = json.dumps([one.plain(MOST_PARTS) for one in why.explained])
        self.values |= {"more_kw": why.more_kw, "warmer_k": why.warmer_k}

    def add_picture(self, picture: Mapping[str, Any]) -> None:
        """Keep racks, zones and flows of power as the page draws them."""
        self.values["picture"] = json.dumps(picture)

    def add_written(self, written: Mapping[Key, float], read_back: Mapping[Key, float]) -> None:
        """Keep what went to the building and what it said then."""
        self.values |= {f"written.{key}": v for key, v in written.items()}
        self.values |= {f"read_back.{key}": v for key, v in read_back.items()}

    def add_scores(self, scores: Mapping[str, tuple[float, bool | None]]) -> None:
        """Keep how far the last predictions were off, and how many intervals held."""
        self.values |= {f"error.{name}": error for name, (error, _) in scores.items()}
        self.values["scored_held"] = sum(held is True for _, held in scores.values())
        self.values["scored_told"] = sum(held is not None for _, held in scores.values())

    def add_forecast(self, forecast: Mapping[str, Forecast]) -> None:
        """Keep what is expected of the next cycle."""
        self.values |= {f"predicted.{name}": f.value for name, f in forecast.items()}
        self.values |= {f"half_width.{name}": f.half_width for name, f in forecast.items()}
        shares = [width_share(name, f.half_width) for name, f in forecast.items()]
        self.values["widest"] = max(shares, default=math.nan)
