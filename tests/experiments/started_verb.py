"""A verb started as from a terminal, for tests that stop it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


def _hear_signals() -> None:
    """A job that a script put into the background ignores SIGINT, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def started_verb(words: Sequence[str], place: Path, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The running process of ``coldaisle <words>`` in a folder; it is gone afterwards, whatever the test says."""
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.cli", *words],
        cwd=place,
        env=dict(environ),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_signals,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
