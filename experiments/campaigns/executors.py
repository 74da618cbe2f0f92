"""Who runs shards: this process, worker processes, Slurm, or Ray; what they write is the same to the bit.

Every executor takes a campaign's folder and shards, and tells of each how it ended. A worker that dies loses its shard
and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from experiments.campaigns.shard import Outcome, Shard, outcome_of
from experiments.campaigns.worker import worker_processes

if TYPE_CHECKING:
    import submitit


class Executor(Protocol):
    """Runs shards in any order."""

    def outcomes(self, campaign: Path, shards: Sequence[Shard]) -> Iterator[Outcome]:
        """How each shard ended, as soon as it did."""


@dataclass(frozen=True)
class InProcess:
    """One after the other, here."""

    def outcomes(self, campaign: Path, shards: Sequence[Shard]) -> Iterator[Outcome]:
        """How each shard ended."""
        for shard in shards:
            yield outcome_of(campaign, shard)


@dataclass(frozen=True)
class Joblib:
    """Worker processes side by side on this machine, fed by joblib's threads.

    Joblib's own pool of processes ends with its first dead worker and takes the shards of the others with it. Here each
    thread has a process of its own, and starts another where that one died.
    """

    workers: int = 2

    def outcomes(self, campaign: Path, shards: Sequence[Shard]) -> Iterator[Outcome]:
        """How each shard ended."""
        from joblib import Parallel, delayed

        with worker_processes(campaign, self.workers) as ask:

            def told(shard: Shard) -> Outcome:
                return Outcome(shard.id, *ask(shard))

            threads = Parallel(self.workers, backend="threading", return_as="generator_unordered")
            yield from threads(delayed(told)(shard) for shard in shards)


@dataclass(frozen=True)
class Submitit:
    """One task of a Slurm array for each shard, or processes of this machine where ``cluster`` is ``local``.

    Attributes
    ----------
    workers : int
        Tasks of the array at a time.
    cluster : str
        ``slurm`` or ``local``.
    parameters : mapping
        Of submitit's executor, such as ``slurm_partition`` or ``timeout_min``.
    """

    workers: int = 2
    cluster: str = "slurm"
    parameters: Mapping[str, object] = field(default_factory=dict)

    def outcomes(self, campaign: Path, shards: Sequence[Shard]) -> Iterator[Outcome]:
        """How each shard ended."""
        import submitit

        executor = submitit.AutoExecutor(folder=campaign / "submitit", cluster=self.cluster)
        usual = {"timeout_min": 240, "cpus_per_task": 1, "name": "coldaisle"}
        array = {"slurm_array_parallelism": self.workers} if self.cluster == "slurm" else {}
        executor.update_parameters(**{**usual, **array, **self.parameters})
        size = len(shards) if self.cluster == "slurm" else self.workers  # the local one starts all at once
        for start in range(0, len(shards), size):
            part = shards[start : start + size]
            jobs = dict(zip(executor.map_array(ShardTask(campaign), part), part, strict=True))
            for job in submitit.helpers.as_completed(list(jobs)):
                try:
                    yield job.result()
                except Exception as error:  # of Slurm, the task or its signal: they share no class
                    yield Outcome(jobs[job].id, 0.0, _last_line(error))


@dataclass(frozen=True)
class ShardTask:
    """A shard as submitit's task: where Slurm preempts it, it is queued again and starts anew."""

    campaign: Path

    def __call__(self, shard: Shard) -> Outcome:
        """Run it."""
        return outcome_of(self.campaign, shard)

    def checkpoint(self, shard: Shard) -> submitit.helpers.DelayedSubmission:
        """What is queued when time is over: the same again, as half a shard is none."""
        import submitit

        return submitit.helpers.DelayedSubmission(self, shard)


@dataclass(frozen=True)
class Ray:
    """Plain tasks of Ray; needs the extra ``ray``."""

    workers: int = 2
    address: str = ""

    def outcomes(self, campaign: Path, shards: Sequence[Shard]) -> Iterator[Outcome]:
        """How each shard ended."""
        import ray

        if self.address:
            ray.init(address=self.address, log_to_driver=False)
        else:
            ray.init(num_cpus=self.workers, include_dashboard=False, log_to_driver=False)
        try:
            task = ray.remote(num_cpus=1, max_retries=0)(outcome_of)
            waiting = {task.remote(campaign.resolve(), shard): shard for shard in shards}
            while waiting:
                (done, *_), _ = ray.wait(list(waiting), num_returns=1)
                shard = waiting.pop(done)
                try:
                    yield ray.get(done)
                except ray.exceptions.RayError as error:
                    yield Outcome(shard.id, 0.0, _last_line(error))
        finally:
            ray.shutdown()


#: Executor by its name on the command line, made from workers, cluster and parameters.
EXECUTORS: dict[str, Callable[[int, str, Mapping[str, object]], Executor]] = {
    "in_process": lambda workers, cluster, parameters: InProcess(),
    "joblib": lambda workers, cluster, parameters: Joblib(workers),
    "submitit": Submitit,
    "ray": lambda workers, cluster, parameters: Ray(workers, cluster if cluster not in ("slurm", "local") else ""),
}


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()] or [""]
    return f"{type(error).__name__}: {lines[-1].strip()}"
