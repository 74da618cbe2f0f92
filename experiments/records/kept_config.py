"""What hydra was given, kept beside a run's results without passwords, tokens and the name of the home folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import yaml
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from envs.whole_file import write_whole
from experiments.records.redaction import redacted_tree

FOLDER, SWEEP = ".hydra", "multirun.yaml"


class KeptConfig(Callback):
    """Writes the files that hydra itself would write with every secret in them (``hydra.output_subdir`` is null)."""

    def on_job_start(self, config: DictConfig, **kwargs: object) -> None:
        """Write configuration, hydra's own part of it, and overrides; a sweep's first job mends the sweep's file."""
        folder = Path(config.hydra.runtime.output_dir) / FOLDER
        task = cast("dict[str, Any]", OmegaConf.to_container(config, enum_to_str=True))
        own = task.pop("hydra")
        for name, tree in (("config", task), ("hydra", {"hydra": own}), ("overrides", own["overrides"]["task"])):
            _write(folder / f"{name}.yaml", tree)
        sweep = Path(config.hydra.sweep.dir) / SWEEP
        if OmegaConf.select(config, "hydra.job.num") == 0 and sweep.is_file():
            _write(sweep, yaml.safe_load(sweep.read_text(encoding="utf-8")))


def _write(path: Path, tree: object) -> None:
    write_whole(path, yaml.safe_dump(redacted_tree(tree), sort_keys=False, allow_unicode=True))
