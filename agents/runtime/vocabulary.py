"""Names that a reading may have: a misspelt one would be a point that is silently missing."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from agents.runtime.derived import DERIVATIONS
from envs.interface.channels import CHANNELS
from envs.interface.interface import IN_FORCE
from envs.interface.points import POINTS

KNOWN = frozenset(
    [p.name for p in POINTS] + [IN_FORCE + name for name in CHANNELS] + [name for d in DERIVATIONS for name in d.reads]
)


def require_known(names: Iterable[str]) -> None:
    """Refuse a name that no point and no channel has.

    Raises
    ------
    ValueError
        With the name that is spelt most like it.
    """
    for name in names:
        if name not in KNOWN:
            close = get_close_matches(str(name)[:80], sorted(KNOWN), n=1)
            hint = f"did you mean {close[0]!r}" if close else "leave it out"
            raise ValueError(f"measurement {str(name)[:80]!r} is unknown; {hint}, or see the names by --example")
