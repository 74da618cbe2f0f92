"""SIGTERM and Ctrl-C as a wish: training ends between two rollouts, where a checkpoint is exact."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)
WORDS = b"\nstopping after this rollout, with a checkpoint; the same signal again stops at once\n"


class Interrupted(KeyboardInterrupt):
    """A run was stopped from outside.

    Attributes
    ----------
    number : int
        The signal's; a program that ends by it exits with 128 + number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def raise_interrupted(number: int, frame: FrameType | None) -> None:
    """A handler of signals: ``Interrupted`` where the program stands, so that what is open is closed."""
    raise Interrupted(number)


class Interruption:
    """A context that notes the first signal, and raises ``Interrupted`` at once by the second.

    In a thread that is not the main one Python takes no handlers: there nothing is noted.
    """

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Take the signals over."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hand the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise ``Interrupted`` where a signal has come."""
        if self.number:
            raise Interrupted(self.number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            raise Interrupted(number)
        self.number = number
        os.write(2, WORDS)  # a handler may not wait for the lock of a buffered stream
