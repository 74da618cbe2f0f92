"""The main function of a verb: hydra composes its configuration, and adds no words of its own to an error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps

import hydra
from omegaconf import DictConfig

from experiments.schema import CONFIGS

Task = Callable[[DictConfig], object]
RUN_ONCE = "--run"  # hydra's word for one run, no sweep


class _Failed(BaseException):
    """Carries an error past hydra, which would print the overrides, secrets among them, before handing it on."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def verb_main(name: str) -> Callable[[Task], Callable[[], None]]:
    """Decorator of a verb's main function, which reads ``configs/run/<name>.yaml`` and the command line."""

    def decorated(task: Task) -> Callable[[], None]:
        @wraps(task)
        def carried(config: DictConfig) -> object:
            if sys.argv[-1] == RUN_ONCE:
                sys.argv.pop()  # nobody typed it, so no record shows it
            try:
                return task(config)
            except Exception as error:
                raise _Failed(error) from error

        if carried.__module__ == "__main__":
            carried.__module__ = f"experiments.{name}"  # hydra names the run's folder after it
        composed = hydra.main(config_path=CONFIGS, config_name=name, version_base="1.3")(carried)

        @wraps(task)
        def main() -> None:
            if not any(word.startswith(("-", "hydra.mode=")) for word in sys.argv[1:]):
                sys.argv.append(RUN_ONCE)  # else hydra composes twice, to learn whether it is a sweep
            try:
                composed()
            except _Failed as failed:
                raise failed.error from None

        return main

    return decorated
