"""Prometheus metrics of the loop, by the field's names: ``coldaisle_zone_inlet_max_c{row="0"}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from agents.live.decision_log import Value
from agents.live.loop import STATES, LiveLoop

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Gauge

COLUMN = re.compile(r"^(measured|given|predicted|error)\.(.+?)\[(\d+)\]$")
PREFIX = {"measured": "", "given": "advised_", "predicted": "predicted_", "error": "prediction_error_"}


class Metrics:
    """Gauges of one loop in a registry of their own.

    Parameters
    ----------
    loop : LiveLoop

    Raises
    ------
    ModuleNotFoundError
        Where prometheus-client is not installed.
    """

    def __init__(self, loop: LiveLoop) -> None:
        from prometheus_client import CollectorRegistry

        self.loop = loop
        self.registry: CollectorRegistry = CollectorRegistry()
        self.gauges: dict[str, Gauge] = {}

    def text(self) -> str:
        """All metrics as Prometheus reads them."""
        from prometheus_client import generate_latest

        self._take(self.loop.last_row)
        return generate_latest(self.registry).decode()

    def _take(self, row: Mapping[str, Value]) -> None:
        loop = self.loop
        for name, value in row.items():
            found = COLUMN.match(name)
            if found and isinstance(value, float):
                kind, field, at = found.groups()
                meaning = f"{field}, {kind}"
                self._gauge(PREFIX[kind] + field.replace(".", "_"), meaning, "row").labels(row=at).set(value)
        for state in STATES:
            self._gauge("state", "1 for the state that the loop is in", "state").labels(state=state).set(
                float(loop.state == state)
            )
        plain = {
            "cycles": (loop.number, "cycles since the start"),
            "faults": (loop.faults, "cycles that ended in a fault"),
            "releases": (loop.releases, "times that all points were handed back"),
            "interventions": (loop.interventions, "setpoints that the shield changed"),
            "alarm": (float(bool(loop.fault) or loop.release_pending), "1 while something is wrong"),
            "points_held": (len(loop.held), "setpoints that the loop holds"),
            "last_cycle_time_seconds": (loop.last_end, "when the last cycle ended, since 1970"),
            "decision_seconds": (float(row.get("decision_us") or 0.0) / 1e6, "time of the last decision"),
        }
        for name, (number, meaning) in plain.items():
            self._gauge(name, meaning).set(number)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        from prometheus_client import Gauge

        if name not in self.gauges:
            self.gauges[name] = Gauge(f"coldaisle_{name}", meaning, labels, registry=self.registry)
        return self.gauges[name]
