"""The one place that knows mlflow: runs, parents of sweeps, parameters, buffered metrics, artifacts.

The default store is a sqlite file with the artifacts beside it. Several processes on a fresh sqlite store break it, so
it is made under a file lock, once; a sweep makes its parent run before its workers
(``experiments/records/multirun.py``).
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from experiments.records.redaction import redacted

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

LOG = logging.getLogger(__name__)
SQLITE = "sqlite:///"
DEFAULT_URI = "sqlite:///runs/mlflow.db"
BATCH = 1000
CHAMPION = "champion"
_TALKATIVE = ("mlflow.store.db.utils", "urllib3.connectionpool")  # a stack for what is told in one line
#: What mlflow waits for a server that does not answer, where the environment says nothing else: seconds, where its own
#: values (seven retries, 120 s each) hold a run up for minutes before the first warning.
WAITS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
PARENT_TAG = "mlflow.parentRunId"
_NOT_IN_NAMES = re.compile(r"[^\w\-. /:]")


class Tracker(Protocol):
    """Where a run's numbers go."""

    run_id: str

    def __enter__(self) -> Self:
        """The tracker itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run: finished, killed where it was stopped, or failed where another exception passes through."""
        ...

    def log_parameters(self, parameters: Mapping[str, object]) -> None:
        """Keep nested plain data as flat parameters."""
        ...

    def log_metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Keep numbers by name; buffered."""
        ...

    def log_text(self, text: str, name: str) -> None:
        """Keep a text as an artifact."""
        ...

    def log_files(self, path: Path, folder: str | None = None) -> None:
        """Keep a file, or the files of a folder, as artifacts."""
        ...


class NoTracker:
    """Keeps nothing."""

    run_id = ""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def log_parameters(self, parameters: Mapping[str, object]) -> None:
        """Do nothing."""

    def log_metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Do nothing."""

    def log_text(self, text: str, name: str) -> None:
        """Do nothing."""

    def log_files(self, path: Path, folder: str | None = None) -> None:
        """Do nothing."""


class MlflowTracker:
    """One mlflow run; metrics are written in batches.

    A store that fails costs the run nothing but a warning: until its end nothing more is sent, for each try may wait
    for a locked store, and then what was kept back is tried once more.
    """

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client, self.run_id = client, run_id
        self._metrics: list[Metric] = []
        self._failing = False

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is buffered and end the run."""
        self._failing = False
        self.flush()
        self._try(lambda: self.client.set_terminated(self.run_id, end_status(kind)))

    def log_parameters(self, parameters: Mapping[str, object]) -> None:
        """Keep nested plain data as flat parameters, ``agent.gamma`` and so on."""
        from mlflow.entities import Param

        entries = [Param(name, str(value)[:6000]) for name, value in flatten(parameters)]
        for start in range(0, len(entries), 100):
            part = entries[start : start + 100]
            self._try(lambda part=part: self.client.log_batch(self.run_id, params=part))  # type: ignore[misc]

    def log_metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Buffer numbers by name; a batch is written when it is full."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._metrics += [Metric(metric_name(name), float(value), now, step) for name, value in values.items()]
        if len(self._metrics) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write the buffered metrics; those that the store did not take are kept."""
        while self._metrics and self._try(lambda: self.client.log_batch(self.run_id, metrics=self._metrics[:BATCH])):
            self._metrics = self._metrics[BATCH:]

    def log_text(self, text: str, name: str) -> None:
        """Keep a text as an artifact."""
        self._try(lambda: self.client.log_text(self.run_id, text, name))

    def log_files(self, path: Path, folder: str | None = None) -> None:
        """Keep a file, or the files of a folder, as artifacts."""
        keep = self.client.log_artifacts if path.is_dir() else self.client.log_artifact
        self._try(lambda: keep(self.run_id, str(path), folder))

    def _try(self, act: Callable[[], object]) -> bool:
        """Whether the store took it."""
        if self._failing:
            return False
        try:
            act()
        except Exception as error:  # of mlflow, its database, its server or the disk: they share no class
            self._failing = True
            LOG.warning("%s", failure_words(error))
        return not self._failing


def override_parameters(typed: Sequence[str], known: Mapping[str, object]) -> dict[str, str]:
    """Every override as a parameter of its own, by which runs are told apart, and the line as a whole.

    Those that are among the known parameters are left out: a store takes a parameter once.
    """
    taken = {name for name, _ in flatten(known)}
    pairs = [redacted(text).lstrip("+~").partition("=") for text in typed]
    return {key: value for key, _, value in pairs if key not in taken} | {"overrides": redacted(" ".join(typed))}


def metric_name(name: str) -> str:
    """The name with ``_`` for what mlflow takes in no name of a metric: a policy may be called ``x@y``."""
    return _NOT_IN_NAMES.sub("_", name)


def end_status(kind: type[BaseException] | None) -> str:
    """Mlflow's word for how a run ended, from the exception that ended it."""
    if kind is None:
        return "FINISHED"
    return "KILLED" if issubclass(kind, KeyboardInterrupt) else "FAILED"


def failure_words(error: Exception) -> str:
    """The warning of a tracker that fails."""
    first = redacted((str(error).splitlines() or [""])[0])[:300]
    return f"tracking failed, the run goes on and its folder keeps everything ({type(error).__name__}: {first})"


def start_run(
    backend: str,
    uri: str,
    experiment: str,
    name: str,
    parent_run_id: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Tracker:
    """Start a run; a store that cannot be opened is told as a warning, and nothing is tracked.

    Parameters
    ----------
    backend : str
        ``mlflow`` or ``none``.
    uri : str
        Of the mlflow store; a relative ``sqlite:///`` path counts from the working folder.
    experiment, name : str
        Names on the mlflow page.
    parent_run_id : str, optional
        The sweep that the run belongs to.
    tags : mapping, optional
        Git hash and the like.
    """
    if backend == "none":
        return NoTracker()
    if backend != "mlflow":
        raise ValueError(f"tracking.backend = {backend!r}; choose 'mlflow' or 'none'")
    whole = {**(tags or {}), **({PARENT_TAG: parent_run_id} if parent_run_id else {})}
    try:
        client, experiment_id = open_store(uri, experiment)
        run = client.create_run(experiment_id, tags=whole, run_name=name)
    except Exception as error:  # of mlflow, its database, its server or the disk: they share no class
        LOG.warning("%s", failure_words(error))
        return NoTracker()
    return MlflowTracker(client, run.info.run_id)


def open_store(uri: str, experiment: str) -> tuple[MlflowClient, str]:
    """Client and experiment id; store and experiment are made where they do not exist, one process at a time."""
    from mlflow.tracking import MlflowClient

    for name, value in WAITS.items():
        os.environ.setdefault(name, value)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with _one_at_a_time(uri):
        client = MlflowClient(tracking_uri=_absolute(uri))
        found = client.get_experiment_by_name(experiment)
        if found is not None:
            return client, found.experiment_id
        return client, client.create_experiment(experiment, artifact_location=_artifacts_beside(uri))


def end_run(uri: str, run_id: str, status: str = "FINISHED") -> None:
    """End a run that another process began; a store that fails is told as a warning."""
    from mlflow.tracking import MlflowClient

    try:
        MlflowClient(tracking_uri=_absolute(uri)).set_terminated(run_id, status)
    except Exception as error:  # as in `start_run`
        LOG.warning("%s", failure_words(error))


def register_files(folder: Path, uri: str, experiment: str, name: str, tags: Mapping[str, str]) -> str:
    """Put the files of a folder into the model registry as a new version that bears the alias ``champion``.

    Unlike a run's tracking this is asked for by name, so a store that fails is an error.

    Raises
    ------
    ValueError
        Where the store cannot take it.
    """
    from mlflow.exceptions import MlflowException

    try:
        client, experiment_id = open_store(uri, experiment)
        run = client.create_run(experiment_id, run_name=f"register {name}", tags=dict(tags))
        client.log_artifacts(run.info.run_id, str(folder), "bundle")
        client.set_terminated(run.info.run_id)
        with _one_at_a_time(uri):
            if not client.search_registered_models(f"name = '{name}'"):
                client.create_registered_model(name)
            source = f"{run.info.artifact_uri}/bundle"
            made = client.create_model_version(name, source, run.info.run_id, tags=dict(tags))
            client.set_registered_model_alias(name, CHAMPION, made.version)
    except (MlflowException, OSError) as error:
        raise ValueError(f"{uri} does not take the model {name!r}: {redacted(str(error))[:300]}") from None
    return f"{name}@{CHAMPION}, version {made.version}"


def flatten(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Pairs ``(dotted name, value)`` of nested mappings."""
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flatten(value, f"{name}.")
        else:
            yield name, value


def _database(uri: str) -> Path | None:
    return Path(uri.removeprefix(SQLITE)).resolve() if uri.startswith(SQLITE) else None


def _absolute(uri: str) -> str:
    database = _database(uri)
    return uri if database is None else f"{SQLITE}{database}"


def _artifacts_beside(uri: str) -> str | None:
    database = _database(uri)
    return None if database is None else (database.parent / "artifacts").as_uri()


@contextmanager
def _one_at_a_time(uri: str) -> Iterator[None]:
    database = _database(uri)
    if database is None:
        yield
        return
    from filelock import FileLock

    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{database}.lock", timeout=300):
        yield
