"""A unit as it stands behind a number in a message."""


def unit_behind(unit: str) -> str:
    """``" degC"`` for ``"degC"``; nothing for a fraction, whose unit is ``"1"``."""
    return "" if unit == "1" else f" {unit}"
