"""What servers have in common whose library is asynchronous: they live on a loop of their own."""

from __future__ import annotations

from typing import Any, ClassVar

from agents.live.background_loop import BackgroundLoop
from agents.live.clock import Clock
from agents.live.point_map import LiveMap
from experiments.simulated_site.hall import SimulatedHall


class BackgroundSite:
    """A hall behind a protocol, served from a loop in the background.

    Parameters
    ----------
    site : LiveMap
        Its ``connection`` is laid over the protocol's own, `CONNECTION`.
    hall : SimulatedHall
    clock : Clock
    """

    CONNECTION: ClassVar[Any]
    #: Longest time that starting, showing and ending may take [s].
    WAIT_S: ClassVar[float] = 10.0

    def __init__(self, site: LiveMap, hall: SimulatedHall, clock: Clock) -> None:
        self.site, self.hall = site, hall
        self.told = {**self.CONNECTION, **site.connection}
        self._loop: BackgroundLoop | None = None

    def start(self) -> None:
        """Lay out what is served, with the hall's values of now, and listen."""
        self._loop = BackgroundLoop(f"{self.site.protocol} site")
        self._loop.call(self._begin(), self.WAIT_S)

    def publish(self) -> None:
        """Show new values; a setpoint that is commanded keeps what was written."""
        assert self._loop is not None
        self._loop.call(self._show(), self.WAIT_S)

    def stop(self) -> None:
        """Give up the port."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.call(self._end(), self.WAIT_S)
            loop.close()

    async def _begin(self) -> None:
        raise NotImplementedError

    async def _show(self) -> None:
        raise NotImplementedError

    async def _end(self) -> None:
        raise NotImplementedError
