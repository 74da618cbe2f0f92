"""What looks ahead for the shield: by how much setpoints would bring the site over each hard limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

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

    def outlook(self, setpoints: Mapping[str, Array], sites: NDArray[np.intp]) -> Outlook:
        """Where setpoints ``{channel: (k, n)}`` of all channels lead on the sites ``(n,)`` of the last measurements."""
