"""One row of the table of channels: every fact about a thing that an agent or the building may move."""

from __future__ import annotations

from dataclasses import dataclass

SLEW_INTERVAL_S = 300.0

#: How an element of the action box becomes a value.
ENCODINGS: dict[str, str] = {
    "absolute": "maps -1..1 to low..high",
    "delta": "moves the value in force by up to the slew",
    "approach": "a difference over the wet bulb of 2..10 K",
    "residual": "adds up to its reach to what the building's rule would set; 0 is the rule",
    "feeder_share": "one share of the feeder's limit, distributed over the rows by water-filling",
}
#: What a channel is for.
KINDS: dict[str, str] = {
    "cooling": "moves heat; the searches and the model-predictive controller plan it",
    "cap": "limits the racks' power; a search plans it only where the feeder binds",
    "storage": "charges and discharges; nobody plans it yet",
    "jobs": "tells the scheduler of jobs what to prefer",
}
#: What a channel or a point may need of a site: a machine, or a condition.
NEEDS: dict[str, str] = {
    "chw": "a chilled-water plant",
    "economizer": "a waterside economizer beside the chillers",
    "tower": "a cooling tower",
    "fws": "a facility-water loop",
    "dry": "dry coolers",
    "tcs": "a coolant loop to the racks",
    "battery": "a battery",
    "jobs": "jobs that a scheduler places",
    "feeder": "racks that can draw more than the feeder may carry",
    "deferrable": "training that can wait",
    "batch": "batch work with a deadline",
    "demand_response": "a utility that asks for reductions",
    "forecast": "forecasts among the observations",
}
#: Columns that a policy depends on: they are hashed and travel in the exported manifest.
CONTRACT = ("name", "per", "low", "high", "slew_down", "slew_up", "unit", "deadband", "encoding", "rows")


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One row of the table.

    Attributes
    ----------
    name : str
        Physical name, ending in its unit.
    meaning : str
        What it sets, in a line.
    kind : str
        One of `KINDS`.
    per : str
        What the channel's rows are: ``site``, ``zone``, ``row`` (power rows) or ``class`` (of work on accelerators).
    low, high : float
        Range of the value in force [unit].
    slew_down, slew_up : float
        Largest change per 300 s [unit]; ``inf`` where free.
    unit : str
        Unit of the value.
    deadband : float
        Smallest change that is written to the field [unit].
    possible : tuple of float, optional
        What a scenario's range may not leave [unit]; engineering guess. A range in kelvin or percent falls outside.
        None where the range is not the scenario's to choose.
    needs : str
        A key of `NEEDS`; empty where every site has it.
    limited_by : str
        Dotted name, below the scenario, of the number x that makes the range -x..x; empty where the range is its own.
    start : float or str
        Value in force before the first action [unit]: a number, or the dotted name below the scenario of a constant of
        its rule, or of a method that gives it from the wet bulb. What no control loop drives is held there.
    idle : float, optional
        Value at which the channel does nothing [unit]; None where every value does something.
    as_found : float, optional
        Value in a hall that nobody tuned, clipped to the range [unit]; None is the low end of the range.
    replayed_at : float, optional
        Value while telemetry is replayed [unit], for a channel whose effect the measured load already shows; None where
        the logged value is replayed.
    followed_by : tuple of str
        Measured quantities that move with the channel at once: they show a logger's clock that is off.
    refuge : str
        ``low`` or ``high``: the end of the range at which the site is safest; what a shield moves towards.
    encodings : tuple of str
        Keys of `ENCODINGS` that make sense for it.
    reach_frac : float
        How far ``residual`` may move it from the rule, as a share of its range.
    symbol : str
        Symbol of the equations; empty where none is in use.
    guideline_36 : str
        Term of ASHRAE Guideline 36; empty where none fits.
    brick : str
        Class of the Brick schema; empty where none fits.
    encoding : str
        The encoding in use.
    rows : int
        How many rows the channel has in a scenario (0 until bound to one).
    """

    name: str
    meaning: str
    kind: str
    per: str
    low: float
    high: float
    slew_down: float
    slew_up: float
    unit: str
    deadband: float
    start: float | str
    possible: tuple[float, float] | None = None
    needs: str = ""
    limited_by: str = ""
    idle: float | None = None
    as_found: float | None = None
    replayed_at: float | None = None
    followed_by: tuple[str, ...] = ()
    refuge: str = "low"
    encodings: tuple[str, ...] = ("absolute", "delta", "residual")
    reach_frac: float = 0.15
    symbol: str = ""
    guideline_36: str = ""
    brick: str = ""
    encoding: str = "absolute"
    rows: int = 0

    @property
    def wears(self) -> bool:
        """Whether moving it moves a machine: asking the scheduler for something wears nothing."""
        return self.kind != "jobs"

    @property
    def refuge_value(self) -> float:
        """The end of the range at which the site is safest [unit]."""
        return self.high if self.refuge == "high" else self.low

    @property
    def action_rows(self) -> int:
        """Elements of the action box that this channel takes."""
        return 1 if self.encoding == "feeder_share" else self.rows

    def contract(self) -> dict[str, str | float | int]:
        """The columns that a policy depends on, by name."""
        columns = (*CONTRACT, "reach_frac") if self.encoding == "residual" else CONTRACT
        return {name: getattr(self, name) for name in columns}
