"""A run's numbers in its own folder: a CSV table always, TensorBoard's event files where they are asked for."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TABLE, EVENTS = "metrics.csv", "tensorboard"
MetricSink = Callable[[Mapping[str, float], int], None]


@contextmanager
def metric_files(folder: Path, first_step: int = 0, *, tensorboard: bool = False) -> Iterator[MetricSink]:
    """Yield what takes named numbers and their step, and writes them at once.

    Parameters
    ----------
    folder : Path
        Gets ``metrics.csv`` with the columns step, name and value; rows are added to those of a run that goes on. Of a
        step that stands there twice, as after a kill, the last row counts.
    first_step : int
        Where the run goes on: later events of an earlier try are hidden.
    tensorboard : bool
        Also write event files into ``tensorboard/``.

    Raises
    ------
    ValueError
        Where TensorBoard is asked for and not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    writer = _event_writer(folder / EVENTS, first_step) if tensorboard else None
    path = folder / TABLE
    begins = not path.exists()
    with path.open("a", newline="", encoding="utf-8", buffering=1) as file:
        table = csv.writer(file)
        if begins:
            table.writerow(("step", "name", "value"))

        def keep(values: Mapping[str, float], step: int) -> None:
            table.writerows((step, name, repr(float(value))) for name, value in values.items())
            if writer:
                for name, value in values.items():
                    writer.add_scalar(name, value, step)

        try:
            yield keep
        finally:
            if writer:
                writer.close()


def _event_writer(folder: Path, first_step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ValueError(
            "tensorboard=true needs the package tensorboard: pip install 'coldaisle[tensorboard]', or leave it out; "
            f"{TABLE} in the run's folder holds the same numbers"
        ) from None
    return SummaryWriter(str(folder), purge_step=first_step or None)
