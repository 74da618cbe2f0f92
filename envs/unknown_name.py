"""What a reader is told whose name is not in a list: the list, and the entry that is spelt most like it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def unknown_name(kind: str, given: str, known: Iterable[str], owner: str = "") -> str:
    """Text of a refusal: ``<kind> '<given>' is unknown; choose one of <owner>: ...; did you mean ...?``.

    Parameters
    ----------
    kind : str
        What the name is of, as a reader says it.
    given : str
        The name that is in no list; of a dotted one the last part is compared.
    known : iterable of str
        The names that there are.
    owner : str
        Whose names they are, where that helps.
    """
    names = sorted(known)
    close = get_close_matches(given.rpartition(".")[2], names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{kind} {given!r} is unknown; choose one of{owner and ' ' + owner}: {', '.join(names)}{hint}"
