"""What looks ahead for the shield: by how much setpoints would bring the site over each hard limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


class Outlook(NamedTuple):
    """Highest values over limit less margin, ``{limit: (k, n)}``; above 0 is not safe.

    Attributes
    ----------
    as_is : dict
        With the machines that run.
    after_loss : dict
        With one more machine of each kind lost; what the site must bear where it stands at N+1.
    """

    as_is: dict[str, Array]
    after_loss: dict[str, Array]


class Foresight(Protocol):
    """A model of the site that follows its measurements."""

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget what was observed, for all ``n`` sites or for those in ``mask``."""

    def observe(self, measurements: Mapping[str, Array]) -> None:
        """One control step further, to the moment of these measurements ``{point: (k, B)}``."""

    def snapshot(self) -> dict[str, Any]:
        """What was observed, as plain data."""

    def restore(self, saved: Mapping[str, Any], like: Any) -> None:
        """Go on from a snapshot; ``like`` is a state of the site's plant, whose classes the twin's has."""

    def outlook(self, setpoints: Mapping[str, Array], sites: NDArray[np.intp]) -> Outlook:
        """Where setpoints ``{channel: (k, n)}`` of all channels lead on the sites ``(n,)`` of the last measurements."""
