"""``coldaisle calibrate``: telemetry and a point map to a scenario that behaves like the hall, and how well it does."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envs.scenario import Scenario
    from envs.twin.calibration.calibration import Calibration
    from envs.twin.screening.screen import ScreenedTelemetry

LOG = logging.getLogger(__name__)


@contextmanager
def progress_reporter(wanted: bool) -> Iterator[Callable[[str, float], None]]:
    """A progress bar that a fit's words and shares go to; log lines where there is no terminal."""
    if not wanted:
        yield lambda words, share: None
        return
    if not sys.stdout.isatty():
        yield lambda words, share: LOG.info("%3.0f %%: %s", 100.0 * share, words)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task("screening", total=1.0)
        yield lambda words, share: bar.update(task, description=words, completed=share)


def check(scenario: Scenario, config: DictConfig, checked: ScreenedTelemetry) -> Path:
    """Write what a calibration would learn from a file; nothing is fitted."""
    from envs.twin.calibration.foreseen import foreseen
    from experiments.calibration.html_page import write_check

    parts = list(config.parameters), list(config.fixed)
    found = foreseen(scenario, checked.telemetry, config.held_out, *parts)
    return write_check(Path(config.folder), found, scenario.name, checked)


@verb_main("calibrate")
def main(config: DictConfig) -> None:
    """Calibrate as configured."""
    from envs.twin.calibration.calibration import calibrate
    from envs.twin.screening.screen import UnusableInput
    from experiments.calibration.html_page import write_calibration
    from experiments.calibration.report import metrics, write_findings, write_outcome
    from experiments.calibration.screened import screened_file
    from experiments.records.provenance import git_state
    from experiments.records.tracking import start_run

    scenario: Any = OmegaConf.to_object(config.scenario)
    base: Any = OmegaConf.to_container(config.scenario)
    folder = Path(config.folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        checked = screened_file(scenario, Path(config.telemetry), Path(config.points))
    except UnusableInput as stop:
        write_findings(folder, stop.findings)
        raise
    write_findings(folder, checked.findings)
    for f in checked.findings:
        LOG.info("%s: %s: %s", f.kind, f.point, f.words)
    if config.check_only:
        LOG.info("report: %s", check(scenario, config, checked))
        return
    tracking = config.tracking
    with start_run(
        tracking.backend, tracking.uri, tracking.experiment, tracking.name or "calibrate", tags=git_state()
    ) as run:
        run.log_parameters({"scenario": scenario.name, "telemetry": str(config.telemetry), "held_out": config.held_out})
        start = time.perf_counter()
        with progress_reporter(config.progress) as report:
            found: Calibration = calibrate(
                scenario,
                checked.telemetry,
                held_out_frac=config.held_out,
                keep=list(config.parameters),
                drop=list(config.fixed),
                wrong_inputs=checked.wrong_inputs,
                report=report,
            )
        write_outcome(folder, found, base, checked, time.perf_counter() - start)
        write_calibration(folder, found, scenario.name, checked)
        run.log_metrics(metrics(found))
        run.log_files(folder, "calibration")
    for channel, words in found.misfits.items():
        LOG.warning("%s does not fit: %s", channel, words)
    for point in found.wrong_inputs:
        LOG.warning("%s is wrong and drives the replay: nothing that was fitted is called known", point)
    LOG.info("report: %s", folder / "report.html")


def run() -> None:
    """``coldaisle calibrate`` and ``python -m experiments.calibrate``."""
    register(sys.argv, "calibrate")
    main()


if __name__ == "__main__":
    run()
