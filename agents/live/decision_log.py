"""The log of every cycle: append-only Parquet segments, which a killed process leaves whole.

A cycle is written to a segment of its own, synced and renamed, so that a kill loses at most the running cycle. Every
`LOOSE` segments are joined into one. ``duckdb``: ``select * from read_parquet('<folder>/*.parquet',
union_by_name=true)``.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from envs.whole_file import whole_file

if TYPE_CHECKING:
    import pyarrow as pa

Value = float | int | str | bool | None
Row = Mapping[str, Value]
LOOSE = 288  # a day of 5 min cycles
LOCK = ".writer"


class DecisionLog:
    """Appends rows; one writer a folder.

    Parameters
    ----------
    folder : Path
        Made where it lacks.
    run : str
        Name of this run of the loop; part of each file's name.

    Raises
    ------
    ValueError
        Where another process writes to the folder.
    ModuleNotFoundError
        Where pyarrow is not installed.
    """

    def __init__(self, folder: Path, run: str) -> None:
        import pyarrow.parquet  # noqa: F401  -- at the door: a loop that cannot record must not start

        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.run = folder, run
        self._lock = _locked(folder)
        remove_joined(folder)
        self.loose: list[Path] = []

    def append(self, cycle: int, row: Row) -> Path:
        """Write the row of a cycle; when this returns it survives a kill and a power cut."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.folder / f"cycle-{self.run}-{cycle:09d}.parquet"
        table = pa.table({name: pa.array([value], _kind(value)) for name, value in row.items()})
        with whole_file(path) as draft:
            pq.write_table(table, draft)
        self.loose.append(path)
        if len(self.loose) >= LOOSE:
            self._join()
        return path

    def close(self) -> None:
        """Let another process write."""
        self._lock.close()

    def _join(self) -> None:
        """Make one segment of the loose ones; a kill in between leaves both, and the next start removes the loose."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.concat_tables([pq.read_table(path) for path in self.loose], promote_options="default")
        first, last = (path.stem.rsplit("-", 1)[1] for path in (self.loose[0], self.loose[-1]))
        with whole_file(self.folder / f"cycles-{self.run}-{first}-{last}.parquet") as draft:
            pq.write_table(table, draft)
        for path in self.loose:
            path.unlink()
        self.loose = []


def segments(folder: Path) -> list[Path]:
    """Files of a log in the order of runs and cycles; a loose one that was joined is left out."""
    joined = _joined(folder)
    found = [
        *(path for path in folder.glob("cycle-*.parquet") if not _is_in(path, joined)),
        *folder.glob("cycles-*.parquet"),
    ]
    return sorted(found, key=lambda path: path.stem.split("-", 1)[1])


def remove_joined(folder: Path) -> None:
    """Remove loose segments that a joined one holds already, and drafts that a kill left."""
    joined = _joined(folder)
    for path in folder.glob("cycle-*.parquet"):
        if _is_in(path, joined):
            path.unlink()
    for draft in folder.glob(".cycle*.part.parquet"):
        draft.unlink()


def logged_table(folder: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of a log, in order; ``columns`` alone where they are named.

    Raises
    ------
    FileNotFoundError
        Where there are none.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = segments(folder)
    if not found:
        raise FileNotFoundError(f"{folder} holds no cycles; give the folder that `coldaisle serve` writes to")
    return pa.concat_tables(
        [pq.read_table(path, columns=None if columns is None else list(columns)) for path in found],
        promote_options="default",
    )


def logged_rows(folder: Path) -> Iterator[dict[str, Value]]:
    """The rows of a log, in order."""
    yield from logged_table(folder).to_pylist()


def _kind(value: Value) -> pa.DataType:
    import pyarrow as pa

    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int):
        return pa.int64()
    return pa.string() if isinstance(value, str) else pa.float64()


def _joined(folder: Path) -> list[tuple[str, str, str]]:
    return [_parts(path) for path in folder.glob("cycles-*.parquet")]


def _parts(path: Path) -> tuple[str, str, str]:
    head, first, last = path.stem.rsplit("-", 2)
    return head.removeprefix("cycles-"), first, last


def _is_in(path: Path, joined: list[tuple[str, str, str]]) -> bool:
    head, number = path.stem.rsplit("-", 1)
    run = head.removeprefix("cycle-")
    return any(run == r and first <= number <= last for r, first, last in joined)


def _locked(folder: Path) -> IO[str]:
    file = (folder / LOCK).open("a", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise ValueError(f"{folder}: another loop writes its log there; stop it, or give another folder") from None
    os.set_inheritable(file.fileno(), False)
    return file
