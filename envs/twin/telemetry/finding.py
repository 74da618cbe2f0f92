"""One thing that is odd about a file, in parts: what, where, found, expected, and the mend."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is odd.

    Attributes
    ----------
    kind : str
        ``gap``, ``unreadable``, ``doubled``, ``on change``, ``unmapped``, ``clock``, ``unit``, ``register``, ``ratio``,
        ``swapped``, ``offset``, ``range``, ``stuck`` or ``outlier``.
    point : str
        Its name in the file.
    what : str
        What was found, in words.
    place : str
        Row and time, where it is at one place.
    value, expected : str
        What was read, and what is usual there, with the unit.
    mend : str
        What to do, or what was done.
    in_use : bool
        Whether what is wrong goes on driving the replay: then nothing that is fitted can be called known.
    """

    kind: str
    point: str
    what: str
    place: str = ""
    value: str = ""
    expected: str = ""
    mend: str = ""
    in_use: bool = False

    @property
    def words(self) -> str:
        """All of it in one line, without kind and point."""
        found = f"found {self.value}" if self.value else ""
        expected = f"expected {self.expected}" if self.expected else ""
        compared = ", ".join(part for part in (found, expected) if part)
        return "; ".join(part for part in (self.what, self.place, compared, self.mend) if part)
