"""How a finding calls a point and a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from envs.twin.telemetry.telemetry import Telemetry, timespan


@dataclass(frozen=True, eq=False)
class Naming:
    """Names of the points in the file, and moments of its rows."""

    telemetry: Telemetry

    def point(self, quantity: str, row: int) -> str:
        """Name of a point in the file, or ours where there was no file."""
        known = self.telemetry.names.get(quantity, ())
        return known[row] if row < len(known) and known[row] else f"{quantity}[{row}]"

    def points(self, quantity: str, rows: Sequence[int]) -> str:
        """Names of several rows of a quantity, in short."""
        first = self.point(quantity, rows[0])
        return first if len(rows) == 1 else f"{first} and {len(rows) - 1} more"

    def moment(self, row: int) -> str:
        """Row of the even clock and its time."""
        return f"row {row} ({self.telemetry.start_utc[0] + timespan(row * self.telemetry.step_s)}Z)"
