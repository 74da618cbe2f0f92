"""Worker processes: each reads shards as lines of JSON, runs them one by one, and answers in lines.

A process that dies is seen by the end of its answers; it loses its shard, and another takes its place.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments.campaigns.shard import Shard, outcome_of, shard_from

Ask = Callable[[Shard], tuple[float, str]]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Worker:
    """One process; started when it is first asked, and anew after it died."""

    def __init__(self, campaign: Path) -> None:
        self.campaign = campaign
        self.process: subprocess.Popen[str] | None = None

    def ask(self, shard: Shard) -> tuple[float, str]:
        """Run a shard there: seconds, and what went wrong."""
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(shard.plain()) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if answer:
            told = json.loads(answer)
            return float(told["seconds"]), str(told["error"])
        code = process.wait()
        self.process = None
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return 0.0, f"its worker died ({how})"

    def end(self) -> None:
        """End the process, whatever it does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _running(self) -> subprocess.Popen[str]:
        if self.process is None:
            command = [sys.executable, "-m", "experiments.campaigns.worker", str(self.campaign)]
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **ONE_THREAD}
            )
        return self.process


@contextmanager
def worker_processes(campaign: Path, count: int) -> Iterator[Ask]:
    """Yield what has a shard run by whichever of ``count`` workers is free; all are ended with the block."""
    workers = [Worker(campaign) for _ in range(count)]
    free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    for worker in workers:
        free.put(worker)

    def ask(shard: Shard) -> tuple[float, str]:
        worker = free.get()
        try:
            return worker.ask(shard)
        finally:
            free.put(worker)

    try:
        yield ask
    finally:
        for worker in workers:
            worker.end()


def main() -> None:
    """Run the shards that stand on standard input, until it ends; Ctrl-C is left to the campaign."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer
    campaign = Path(sys.argv[1])
    for line in sys.stdin:
        told = outcome_of(campaign, shard_from(json.loads(line)))
        answers.write(json.dumps({"seconds": told.seconds, "error": told.error}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
