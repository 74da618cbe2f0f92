"""The structured log: one JSON object a line, in which no secret can stand."""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Iterable, Mapping
from typing import TextIO

from agents.live.clock import Clock

HIDDEN = "***"
SHORTEST_SECRET = 4


class Events:
    """Writes events, each with time, level and name.

    Parameters
    ----------
    clock : Clock
    stream : TextIO
    secrets : iterable of str
        Texts that are never written; each becomes ``***``.
    """

    def __init__(self, clock: Clock, stream: TextIO, secrets: Iterable[str] = ()) -> None:
        self.clock, self.stream = clock, stream
        self.secrets = [s for s in secrets if len(s) >= SHORTEST_SECRET]
        self._lock = threading.Lock()

    def say(self, level: str, event: str, **facts: object) -> None:
        """Write one event; ``level`` is ``info``, ``warning`` or ``alarm``."""
        known = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in facts.items()}
        whole = {"time_s": round(self.clock.now(), 3), "level": level, "event": event, **known}
        line = self.hidden(json.dumps(whole, default=str))
        with self._lock:
            self.stream.write(line + "\n")
            self.stream.flush()

    def hidden(self, text: str) -> str:
        """A text without the secrets."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN).replace(json.dumps(secret)[1:-1], HIDDEN)
        return text


def secret_from(variable: str, what: str) -> str:
    """A secret from the environment; a secret stands neither on a command line nor in a file of ours.

    Raises
    ------
    ValueError
        Where the variable is named but not set.
    """
    if not variable:
        return ""
    value = os.environ.get(variable, "")
    if not value:
        raise ValueError(f"the environment has no {variable}, which is to hold the {what}; set it before the start")
    return value


def secrets_of(connection: Mapping[str, object]) -> list[str]:
    """Secrets that a connection names by the variables ``..._env``."""
    names = [str(value) for key, value in connection.items() if key.endswith("_env") and value]
    return [os.environ[name] for name in names if os.environ.get(name)]
