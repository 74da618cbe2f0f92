"""What a sweep does once, before its workers: store, experiment and parent run (several makers break a fresh store)."""

from __future__ import annotations

import json
from pathlib import Path

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from envs.whole_file import write_whole

PARENT = "parent_run.json"


class ParentRun(Callback):
    """Starts the parent run of a sweep and leaves its id in the sweep's folder, where every worker finds it."""

    def on_multirun_start(self, config: DictConfig, **kwargs: object) -> None:
        """Make the store and the parent run."""
        from experiments.records.provenance import git_state
        from experiments.records.redaction import redacted
        from experiments.records.tracking import start_run

        tracking, folder = config.tracking, Path(config.hydra.sweep.dir)
        name = tracking.name or f"sweep {folder.name}"
        tags = {**git_state(), "overrides": redacted(" ".join(config.hydra.overrides.task))[:5000]}
        run = start_run(tracking.backend, tracking.uri, tracking.experiment, name, tags=tags)
        write_whole(folder / PARENT, json.dumps({"run_id": run.run_id}))

    def on_multirun_end(self, config: DictConfig, **kwargs: object) -> None:
        """End the parent run."""
        from experiments.records.tracking import end_run

        run_id = parent_run_id(Path(config.hydra.sweep.dir))
        if run_id:
            end_run(config.tracking.uri, run_id)


def parent_run_id(sweep_folder: Path) -> str | None:
    """The parent run that ``ParentRun`` left in a sweep's folder, if there is one."""
    path = sweep_folder / PARENT
    return (json.loads(path.read_text())["run_id"] or None) if path.exists() else None
