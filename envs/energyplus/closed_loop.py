"""A running EnergyPlus model that waits for its setpoints: one call, one zone time step.

EnergyPlus owns its own loop and calls back; a controller that owns the loop needs the two turned around. The engine
runs in a thread and stands still inside its callback until the next orders come. One model at a time in a process:
the engine's library has one global state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from envs.energyplus.engine import Actuator, Control, Variable, simulate

Values = dict[str, float]
PATIENCE_S = 300.0  # longest wait for one step or for the warm-up days

_ENGINE = threading.Lock()


class _EndedEarly(Exception):
    """Stops the engine from inside its callback."""


class SteppedHall:
    """One simulation, stepped from outside.

    Parameters
    ----------
    model : mapping
        epJSON, see `envs.energyplus.engine`.
    weather : Path
        EPW file.
    variables, actuators : mapping
        What is read and what may be set, by our names.
    around : callable, optional
        Adds orders of its own to every step's, such as `water_cooled_hall.with_economizer_guard`.

    Raises
    ------
    ValueError
        Where another model is still running in this process.
    """

    def __init__(
        self,
        model: Mapping[str, Any],
        weather: Path,
        variables: Mapping[str, Variable],
        actuators: Mapping[str, Actuator],
        around: Callable[[Control], Control] = lambda control: control,
    ) -> None:
        if not _ENGINE.acquire(blocking=False):
            raise ValueError("an EnergyPlus model is already running in this process; close() it first")
        self._orders: Queue[Mapping[str, float] | None] = Queue()
        self._said: Queue[Values | BaseException | None] = Queue()
        self._arguments = (model, weather, variables, actuators, around(self._control))
        self._thread = threading.Thread(target=self._run, name="energyplus", daemon=True)
        self._open = True
        self._thread.start()
        self._receive()  # the warm-up days are over

    def step(self, orders: Mapping[str, float]) -> Values:
        """Run one zone time step under ``orders`` by our actuator names; its means by our variable names.

        Raises
        ------
        ValueError
            Where the run period is over, or an order names no actuator.
        RuntimeError
            Where EnergyPlus stops with an error.
        """
        if not self._open:
            raise ValueError("the EnergyPlus run is over; make another one")
        self._orders.put(orders)
        heard = self._receive()
        if heard is None:
            self.close()
            raise ValueError("the run period is over; give the model a longer one")
        return heard

    def close(self) -> None:
        """End the simulation where it stands."""
        if self._open:
            self._open = False
            self._orders.put(None)
            self._thread.join(PATIENCE_S)
            _ENGINE.release()

    def _receive(self) -> Values | None:
        try:
            heard = self._said.get(timeout=PATIENCE_S)
        except Empty:
            raise RuntimeError(
                f"EnergyPlus did not answer within {PATIENCE_S:.0f} s; is the machine overloaded?"
            ) from None
        if isinstance(heard, BaseException):
            self.close()
            raise heard
        return heard

    def _control(self, step: int, measured: Values | None) -> Mapping[str, float]:
        """Called by the engine before every zone time step, in its thread."""
        self._said.put(measured)
        orders = self._orders.get()
        if orders is None:
            raise _EndedEarly
        return orders

    def _run(self) -> None:
        model, weather, variables, actuators, control = self._arguments
        try:
            simulate(model, weather, variables, actuators, control)
        except _EndedEarly:
            return
        except BaseException as error:
            self._said.put(error)
        else:
            self._said.put(None)
