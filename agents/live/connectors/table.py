"""A CSV or Parquet file as a building: its rows come by again at the pace of the clock, and nothing can be written.

The first row is of the moment of the first read. A gap in the file is a gap in the replay: readings grow old.
"""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_right
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.live.clock import Clock
from agents.live.point_map import LiveMap, Place
from agents.live.reading import ConnectorFault, Key, Reading, Readings, WriteNote

if TYPE_CHECKING:
    import pyarrow as pa

CONNECTION: Mapping[str, Any] = {"file": "", "time": "time"}


class TableConnector:
    """A file that is read again.

    Parameters
    ----------
    site : LiveMap
        ``connection``: ``file``, beside the point map or absolute, and the heading ``time`` of its stamps: ISO 8601, or
        seconds. An address is a heading.
    clock : Clock
    """

    def __init__(self, site: LiveMap, clock: Clock) -> None:
        self.site, self.clock = site, clock
        told = {**CONNECTION, **site.connection}
        self.file = site.path.parent / str(told["file"])
        table = _table(self.file)
        headings = table.column_names
        missing = [h for h in [told["time"], *(p.address for p in site.places())] if h not in headings]
        if missing:
            raise ValueError(f"{self.file} has no column {', '.join(missing[:5])}; it has {', '.join(headings[:20])}")
        self.offsets_s = _offsets(self.file, table.column(told["time"]).to_pylist())
        self.columns = {p.address: table.column(p.address).to_pylist() for p in site.places()}
        self._begun: float | None = None

    def read(self) -> Readings:
        """The row that was true last.

        Raises
        ------
        ConnectorFault
            After the last row.
        """
        now = self.clock.now()
        self._begun = now if self._begun is None else self._begun
        passed = now - self._begun
        if passed > self.offsets_s[-1]:
            raise ConnectorFault(f"{self.file} is over: its {len(self.offsets_s)} rows were read")
        row = bisect_right(self.offsets_s, passed) - 1
        stamp = self._begun + self.offsets_s[row]
        return {p.key: self._reading(p, self.columns[p.address][row], stamp) for p in self.site.places()}

    def write(self, values: Mapping[Key, float], note: WriteNote) -> None:
        """Refused."""
        raise ConnectorFault(f"{self.file} is a file: nothing can be written to what was; use mode=shadow")

    def read_back(self, keys: Collection[Key]) -> dict[Key, float]:
        """What the file says."""
        readings = self.read()
        return {key: readings[self.site.setpoint(key).place.key].value for key in keys}

    def release(self) -> None:
        """Nothing is held."""

    def holder(self, key: Key) -> str | None:
        """None: such a building does not say whose command stands."""
        return None

    def close(self) -> None:
        """Nothing to give up."""

    def _reading(self, place: Place, cell: object, stamp: float) -> Reading:
        try:
            value = float(cell)  # type: ignore[arg-type]  # whatever the cell holds
        except (TypeError, ValueError):
            return Reading(math.nan, stamp, False, f"the cell holds {str(cell)[:40]!r}, no number")
        return Reading(place.ours(value), stamp)


def check_address(address: str, where: str) -> None:
    """Refuse an empty heading."""
    if not address:
        raise ValueError(f"{where}: address is empty; give a heading of the file")


def connector(site: LiveMap, clock: Clock) -> TableConnector:
    """A connector to a file.

    Raises
    ------
    ModuleNotFoundError
        Where pyarrow is not installed.
    ValueError
        Where the file cannot be read, lacks a column, or its time does not move on.
    """
    return TableConnector(site, clock)


def _table(file: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    if not file.is_file():
        raise ValueError(f"{file}: no such file; give connection: {{file: <name>.csv}} or <name>.parquet")
    try:
        return pa.parquet.read_table(file) if file.suffix == ".parquet" else pa.csv.read_csv(file)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} cannot be read ({str(error).splitlines()[0][:200]}); give CSV or Parquet") from None


def _offsets(file: Path, stamps: list[Any]) -> list[float]:
    seconds = [_seconds(file, row, stamp) for row, stamp in enumerate(stamps)]
    if not seconds:
        raise ValueError(f"{file} has no rows; give one with at least one")
    for row in range(1, len(seconds)):
        if seconds[row] <= seconds[row - 1]:
            raise ValueError(
                f"{file}, row {row + 1}: its time {stamps[row]} is not after the row before; sort the rows"
            )
    return [s - seconds[0] for s in seconds]


def _seconds(file: Path, row: int, stamp: Any) -> float:
    if isinstance(stamp, dt.datetime):
        return (stamp if stamp.tzinfo else stamp.replace(tzinfo=dt.UTC)).timestamp()
    try:
        value = float(stamp)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{file}, row {row + 1}: its time is {str(stamp)[:40]!r}; give ISO 8601 or seconds")
    return value
