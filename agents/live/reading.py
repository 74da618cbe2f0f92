"""What passes between the loop and a building: keys, readings, and the note that goes with a write."""

from __future__ import annotations

import time
from typing import NamedTuple


class Key(NamedTuple):
    """One value of the building: the name of a point or channel, and its row."""

    name: str
    row: int = 0

    def __str__(self) -> str:
        return f"{self.name}[{self.row}]"


class Reading(NamedTuple):
    """What a building said of one value.

    Attributes
    ----------
    value : float
        In our unit; not a number where the building gave none.
    stamp_s : float
        When it was true [s since 1970].
    good : bool
        Whether the building vouches for it.
    why : str
        What is wrong where it does not.
    """

    value: float
    stamp_s: float
    good: bool = True
    why: str = ""


class WriteNote(NamedTuple):
    """What every write carries: whose decision it is, and why.

    Attributes
    ----------
    policy_hash : str
        Of the bundle's manifest.
    reason : str
        Why the setpoints move, in words.
    shield : str
        ``passed``, or what the shield changed.
    expected : str
        Effect that the loop expects, in words.
    cycle : int
        Number of the cycle that decided.
    """

    policy_hash: str
    reason: str
    shield: str
    expected: str
    cycle: int


Readings = dict[Key, Reading]


class ConnectorFault(RuntimeError):
    """The building could not be reached, did not answer as its protocol says, or refused.

    The text names protocol, address, what came and what to do.
    """


#: Longest time in which a building may answer all that it is asked in one go [s of the wall]: the watchdog waits 30 s.
MOST_ASKING_S = 15.0


class Patience:
    """Ends a long series of questions to a building that answers each, but slowly."""

    def __init__(self, whom: str) -> None:
        self.whom, self.begun = whom, time.monotonic()

    def require(self) -> None:
        """Go on, or refuse to.

        Raises
        ------
        Unreachable
            Where the series took longer than `MOST_ASKING_S`.
        """
        took = time.monotonic() - self.begun
        if took > MOST_ASKING_S:
            raise Unreachable(
                f"{self.whom} answers too slowly: {took:.0f} s, over {MOST_ASKING_S:g} s; map fewer points"
            )


class Unreachable(ConnectorFault):
    """Nobody answered: asking for the next value would only take as long again."""
