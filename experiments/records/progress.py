"""A bar with steps and time left, on the terminal alone: in a log it would be noise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def steps_bar(words: str, total: int, *, shown: bool) -> Iterator[Callable[[], object]]:
    """Yield what is called after each step; nothing is drawn where the output is no terminal, or ``shown`` is False."""
    if not shown or not sys.stdout.isatty():
        yield int
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, refresh_per_second=2) as bar:
        task = bar.add_task(words, total=total)
        yield lambda: bar.advance(task)
