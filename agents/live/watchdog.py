"""The second process: hands the building back where the loop is killed, hangs, or falls silent.

The loop writes a line to its pipe as a heartbeat. A pipe that ends without a farewell means that the loop is dead; a
silence means that it hangs: then it is killed first, so that nothing is written after the release.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from agents.live.clock import Clock, WallClock
from agents.live.connectors import connector_of
from agents.live.events import Events, secrets_of
from agents.live.point_map import read_live_map
from agents.live.reading import ConnectorFault

SILENCE_S = 30.0
BEAT_S = 2.0
TRY_AGAIN_S = 5.0
GIVE_UP_S = 3600.0
READY, BEAT, FAREWELL = "ready", "beat", "farewell"


class Heartbeat:
    """The loop's end of the pipe: starts the watchdog, marks progress, says farewell.

    Parameters
    ----------
    points : Path
        The point map, which the watchdog reads by itself.
    silence_s : float
        Longest silence [s of the wall].
    clock : Clock, optional
        The loop's: events of both carry times of one clock.
    """

    def __init__(self, points: Path, silence_s: float = SILENCE_S, clock: Clock | None = None) -> None:
        self.points, self.silence_s = points, silence_s
        self.clock = clock or WallClock()
        self._process: subprocess.Popen[str] | None = None
        self._rest_until = self._last = 0.0
        self._ended = threading.Event()

    def start(self) -> None:
        """Start the process and wait until it has read the point map.

        Raises
        ------
        ConnectorFault
            Where it does not come up.
        """
        words = [sys.executable, "-m", "agents.live.watchdog", str(self.points), str(self.silence_s), str(os.getpid())]
        words += [repr(self.clock.speed), repr(time.time()), repr(self.clock.now())]
        path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != READY:
            raise ConnectorFault("the watchdog process did not start; its reason stands above, mend it and start again")
        self._ended.clear()
        self._last = time.monotonic()
        threading.Thread(target=self._rest, daemon=True).start()
        self.mark()

    @property
    def is_alive(self) -> bool:
        """Whether the watchdog would act."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Number of the watchdog's process; 0 where there is none."""
        return self._process.pid if self._process is not None else 0

    def mark(self) -> None:
        """Say that the loop got on.

        Raises
        ------
        ConnectorFault
            Where the watchdog is gone, or the last mark is older than the silence: nobody may write then.
        """
        late = time.monotonic() - self._last
        self._rest_until = 0.0
        self._beat()
        if not self.is_alive:
            raise ConnectorFault("the watchdog process is gone; points are released, it is started again")
        if late > self.silence_s:
            raise ConnectorFault(
                f"the loop stood still for {late:.0f} s, over {self.silence_s:.0f} s; nothing is written"
            )

    def rest(self, seconds: float) -> None:
        """Beat by itself for so long: the loop waits for its next cycle."""
        self._rest_until = time.monotonic() + seconds
        self._beat()

    def stop(self) -> None:
        """Say farewell: the loop has handed the points back by itself."""
        self._ended.set()
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.write(FAREWELL + "\n")
            process.stdin.close()
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()

    def _beat(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self._process.stdin.write(BEAT + "\n")
                self._process.stdin.flush()
        self._last = time.monotonic()

    def _rest(self) -> None:
        while not self._ended.wait(BEAT_S):
            if time.monotonic() < self._rest_until:
                self._beat()


def watch(points: Path, silence_s: float, loop_pid: int, beats: IO[str], clock: Clock) -> int:
    """Wait for the loop's end; release the points where it says no farewell."""
    site = read_live_map(points)
    events = Events(clock, sys.stderr, secrets_of(site.connection))
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(beats, lines), daemon=True).start()
    sys.stdout.write(READY + "\n")
    sys.stdout.flush()
    while True:
        try:
            line = lines.get(timeout=silence_s)
        except queue.Empty:
            why = f"no heartbeat for {silence_s:g} s"
            _kill(loop_pid)
            break
        if line == FAREWELL:
            return 0
        if not line:
            why = "the loop ended without a farewell"
            break
    events.say("alarm", "watchdog releases", why=why)
    return 0 if _released(points, clock, events) else 1


def _listen(beats: IO[str], lines: queue.Queue[str]) -> None:
    for line in beats:
        lines.put(line.strip() or BEAT)
    lines.put("")


def _kill(pid: int) -> None:
    """Kill the loop, while it still is this process's parent."""
    if os.getppid() == pid:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _released(points: Path, clock: Clock, events: Events) -> bool:
    begun = time.monotonic()
    while time.monotonic() - begun < GIVE_UP_S:
        connector = connector_of(read_live_map(points), clock)
        try:
            connector.release()
            events.say("alarm", "watchdog released all points")
            return True
        except ConnectorFault as fault:
            events.say("alarm", "watchdog could not release; it tries again", why=str(fault))
            time.sleep(TRY_AGAIN_S)
        finally:
            connector.close()
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m agents.live.watchdog <points> <silence_s> <pid> [<clock>]``, heartbeats on the standard input."""
    parser = argparse.ArgumentParser(prog="python -m agents.live.watchdog", description=__doc__)
    parser.add_argument("points", type=Path)
    parser.add_argument("silence_s", type=float)
    parser.add_argument("loop_pid", type=int)
    parser.add_argument("speed", type=float, nargs="?", default=1.0, help="of the loop's clock")
    parser.add_argument("wall_s", type=float, nargs="?", default=0.0, help="a moment of the wall's clock")
    parser.add_argument("loop_s", type=float, nargs="?", default=0.0, help="the same moment of the loop's clock")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a stop by hand is for the loop, which says farewell
    clock = WallClock(given.speed, (given.wall_s, given.loop_s))
    return watch(given.points, given.silence_s, given.loop_pid, sys.stdin, clock)


if __name__ == "__main__":
    sys.exit(main())
