"""The page of a running loop: each cycle as a frame, and the changes that wait for a person's word."""

from __future__ import annotations

from typing import Any

from agents.live.decision_log import Value
from agents.live.loop import LiveLoop
from agents.page.feed import Feed, Frame
from agents.page.log_frames import facts_of, log_frame

#: What a person may ask for on the page, by mode.
CONTROL = {"shadow": [], "advise": ["confirm", "release", "resume"], "auto": ["release", "resume"]}


class OwnPage:
    """Feeds a page from inside the loop; it never holds the loop up.

    Parameters
    ----------
    loop : LiveLoop
        Not begun yet.
    row : mapping
        Of a cycle that decided nothing: its columns.
    """

    def __init__(self, loop: LiveLoop, row: dict[str, Value]) -> None:
        self.loop = loop
        self.feed = Feed({**facts_of(row, f"run {row['run']}"), "control": CONTROL[loop.settings.mode]})

    def show(self) -> None:
        """Show the last cycle as it stands now."""
        row = self.loop.last_cycle
        if not row:
            return
        loop = self.loop
        now = {"state": loop.state, "fault": loop.fault or row["fault"], "let_go_s": loop.let_go_s}
        frame: Frame = log_frame({**row, **now})
        frame["proposal"] = self._proposal(row)
        self.feed.put(frame)

    def _proposal(self, row: dict[str, Value]) -> dict[str, Any] | None:
        proposal = self.loop.proposal
        if proposal is None:
            return None
        changes = [
            {"name": key.name, "row": key.row, "value": value, "in_force": row.get(f"measured.in_force.{key}")}
            for key, value in proposal.changes.items()
        ]
        return {"cycle": proposal.cycle, "changes": changes, "shield": proposal.note.shield}
