"""Numbers out of cells: what is plain is read, and what is empty is told from what nobody can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

#: Words by which loggers say that there is no reading (lower case).
NO_VALUE = frozenset(
    ["", "nan", "nat", "null", "none", "na", "n/a", "#n/a", "<na>", "-", "--", "---", "?", "bad", "no data", "missing"]
)
SWITCH = {"on": 1.0, "off": 0.0, "true": 1.0, "false": 0.0}
#: How a unit may be written in a cell, to our spelling.
UNITS = {
    "°c": "degC",
    "℃": "degC",
    "degc": "degC",
    "c": "degC",
    "°f": "degF",
    "℉": "degF",
    "degf": "degF",
    "f": "degF",
    "k": "K",
    "w": "W",
    "kw": "kW",
    "mw": "MW",
    "%": "%",
    "pa": "Pa",
}
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_GROUPED = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?"  # a leading 0 stands before a decimal comma only
_SMALL = r"[+-]?\d{1,3}(?:\.\d*)?"


class PlainNumbers(NamedTuple):
    """Values (T,), NaN where there is none; which cells (T,) hold something unreadable; the unit every cell names."""

    values: NDArray[np.float64]
    unread: NDArray[np.bool_]
    unit: str


def plain_numbers(cells: pd.Series, *, switches: bool = False) -> PlainNumbers:
    """Read one column of cells.

    Besides numbers it reads thousands separators where the whole column has them and they cannot be decimal commas, and
    a unit that stands in every cell.

    Parameters
    ----------
    cells : pandas.Series
        Text, or numbers as stored.
    switches : bool
        Whether On, Off, TRUE and FALSE mean 1 and 0 here.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(cells.dtype) and not pd.api.types.is_bool_dtype(cells.dtype):
        values = cells.to_numpy(np.float64, na_value=np.nan)
        return PlainNumbers(np.where(np.isfinite(values), values, np.nan), np.isinf(values), "")
    text = cells.astype(str).str.strip()
    lower = text.str.lower()
    empty = (lower.isin(NO_VALUE) | cells.isna()).to_numpy()
    values = _floats(text)
    unread = ~np.isfinite(values) & ~empty
    if not unread.any():
        return PlainNumbers(np.where(empty, np.nan, values), unread, "")
    filled = text[~empty]
    none = np.zeros(len(text), bool)
    if switches and lower[~empty].isin([*SWITCH, "0", "1"]).all():
        said = np.asarray([SWITCH.get(word, np.nan) for word in lower], np.float64)
        return PlainNumbers(np.where(np.isnan(said), values, said), none, "")
    if _are_grouped(filled):
        return PlainNumbers(_floats(text.str.replace(",", "")), none, "")
    unit = _common_unit(filled)
    if unit:
        bare = text.str.extract(rf"^({_NUMBER})")[0].fillna("")
        return PlainNumbers(_floats(bare), none, unit)
    return PlainNumbers(np.where(unread, np.nan, values), unread, "")


def _floats(text: pd.Series) -> NDArray[np.float64]:
    import pandas as pd

    values = pd.to_numeric(text, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _are_grouped(filled: pd.Series) -> bool:
    """Whether commas part thousands: all cells agree, and one shows it by a second comma or by a decimal point."""
    grouped = filled.str.fullmatch(_GROUPED)
    if not grouped.any() or not (grouped | filled.str.fullmatch(_SMALL)).all():
        return False
    return bool((filled.str.count(",") >= 2).any() or filled.str.contains(".", regex=False).any())


def _common_unit(filled: pd.Series) -> str:
    """The unit that stands behind the number in every cell, in our spelling; empty where there is none."""
    parts = filled.str.extract(rf"^{_NUMBER}\s*(?P<unit>[^\d\s.,+-]\S*)$")["unit"]
    if parts.isna().any() or parts.nunique() != 1:
        return ""
    return UNITS.get(str(parts.iloc[0]).lower(), "")
