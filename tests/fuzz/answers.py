"""The one property of every reader: a value, or a ValueError that names the file, in bounded time and memory."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from hypothesis import settings

FUZZ = settings.get_profile("fuzz")
HANGS_AFTER_CPU_S = 30.0  # a guard against endless work, hundreds of times what an input needs
LONGEST_MESSAGE = 2_000  # characters: an error never repeats a whole file


class EndlessWorkError(BaseException):
    """No reader may catch it."""


@contextmanager
def bounded_work() -> Iterator[None]:
    """Raise where the block keeps the processor busy without an end."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise EndlessWorkError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, HANGS_AFTER_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def refusal_of(read: Callable[[Path], object], path: Path, name: str | None = None) -> str | None:
    """What the reader says against a file; None where it gives a value. Anything but a named ValueError is raised."""
    with bounded_work():
        try:
            read(path)
        except ValueError as fault:
            words = str(fault)
            assert (name or str(path)) in words, f"the error does not name the file: {words!r}"
            assert len(words) <= LONGEST_MESSAGE + len(str(path)), f"the error is {len(words)} characters long"
            return words
    return None
