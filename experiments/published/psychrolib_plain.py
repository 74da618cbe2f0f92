"""psychrolib, the outside reference for moist air, as plain Python."""

from __future__ import annotations

import sys
from types import ModuleType


def plain_psychrolib() -> ModuleType:
    """Psychrolib in SI units. Where it sees numba it compiles for half a minute what is called some hundred times.

    Raises
    ------
    ImportError
        Where psychrolib is not installed.
    """
    absent = object()
    numba = sys.modules.get("numba", absent)
    sys.modules["numba"] = None  # type: ignore[assignment]
    try:
        import psychrolib
    finally:
        del sys.modules["numba"]
        if numba is not absent:
            sys.modules["numba"] = numba  # type: ignore[assignment]
    psychrolib.SetUnitSystem(psychrolib.SI)
    return psychrolib
