"""Arrays that write down what is done to them: from functions of ``(k, 1)`` arrays to one line of Python per number.

One decision on one site is some two hundred operations on arrays of one to twenty numbers, of which numpy spends nearly
all its time on the call. The controllers and the decoder stay as they are: they are run once on these arrays, and what
they did is written as plain arithmetic. What cannot be written raises `Unwritable`, and the functions run as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

Text = Any  # an object array of expressions (str) or numbers


class Unwritable(Exception):
    """An operation that no line of plain arithmetic says."""


class Lines:
    """The program as it grows: one assignment for each number that is made."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def named(self, expression: str) -> str:
        """Name of a number that was made."""
        self.lines.append(f"v{len(self.lines)} = {expression}")
        return f"v{len(self.lines) - 1}"

    def needed(self, results: Iterable[str]) -> list[str]:
        """Lines that these names need, in order."""
        waiting, kept = {_index(x) for x in results} - {-1}, set[int]()
        while waiting:
            at = waiting.pop()
            if at not in kept:
                kept.add(at)
                waiting |= {_index(x) for x in _NAME.findall(self.lines[at].partition("=")[2])} - {-1}
        return [self.lines[at] for at in sorted(kept)]


_NAME = re.compile(r"\bv\d+\b")


def _index(name: str) -> int:
    return int(name[1:]) if _NAME.fullmatch(name) else -1


def _say(x: Any) -> str:
    """A number as Python reads it; names stay."""
    if isinstance(x, str):
        return x
    if isinstance(x, (bool, np.bool_)):
        return str(bool(x))
    text = repr(float(x))
    return f"({text})" if text.startswith("-") else {"inf": "INF", "nan": "NAN"}.get(text, text)


_BINARY: dict[str, str] = {
    "add": "{} + {}", "subtract": "{} - {}", "multiply": "{} * {}", "divide": "{} / {}", "true_divide": "{} / {}",
    "greater": "{} > {}", "greater_equal": "{} >= {}", "less": "{} < {}", "less_equal": "{} <= {}",
    "equal": "{} == {}", "not_equal": "{} != {}", "bitwise_and": "{} and {}", "bitwise_or": "{} or {}",
    "logical_and": "{} and {}", "logical_or": "{} or {}",
    "minimum": "{0} if {0} < {1} else {1}", "maximum": "{0} if {0} > {1} else {1}",
}  # fmt: skip
_UNARY: dict[str, str] = {
    "negative": "-{}", "absolute": "abs({})", "invert": "not {}", "logical_not": "not {}",
    "sign": "({0} > 0.0) - ({0} < 0.0)", "isnan": "{0} != {0}", "isfinite": "-INF < {} < INF",
}  # fmt: skip
_TRUE = ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "bitwise_and", "bitwise_or",
         "logical_and", "logical_or", "invert", "logical_not", "isnan", "isfinite")  # fmt: skip


class Traced:
    """An array whose numbers are names of lines, or known already.

    Parameters
    ----------
    lines : Lines
        Where operations are written.
    text : ndarray of object
        Names and numbers.
    dtype : numpy dtype
        As the array would have it.
    """

    __array_priority__ = 1000

    def __init__(self, lines: Lines, text: Text, dtype: Any = np.float64) -> None:
        self.lines, self.text, self.dtype = lines, np.asarray(text, object), np.dtype(dtype)

    shape = property(lambda self: self.text.shape)
    ndim = property(lambda self: self.text.ndim)
    size = property(lambda self: self.text.size)
    T = property(lambda self: self._like(self.text.T))

    def _like(self, text: Text, dtype: Any = None) -> Traced:
        return Traced(self.lines, text, self.dtype if dtype is None else dtype)

    def __len__(self) -> int:
        return len(self.text)

    def __bool__(self) -> bool:
        raise Unwritable("a branch that depends on a measurement")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise Unwritable("an array made of what is measured")

    def __getitem__(self, index: Any) -> Traced:
        if isinstance(index, Traced) or (isinstance(index, tuple) and any(isinstance(i, Traced) for i in index)):
            raise Unwritable("an index that depends on a measurement")
        return self._like(np.asarray(self.text[index], object))

    def __setitem__(self, index: Any, value: Any) -> None:
        self.text[index] = _text(value)

    def astype(self, dtype: Any, copy: bool = True) -> Traced:
        """The same numbers; Python computes in float64."""
        return self._like(self.text, dtype)

    def reshape(self, *shape: Any) -> Traced:
        """The same numbers in another shape."""
        return self._like(self.text.reshape(*shape))

    def copy(self) -> Traced:
        """The same numbers."""
        return self._like(self.text.copy())

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or any(key not in ("dtype", "casting") for key in kwargs):
            raise Unwritable(f"{ufunc.__name__}.{method}")
        if ufunc is np.matmul:
            return self._product(*inputs)
        form = (_BINARY if len(inputs) == 2 else _UNARY).get(ufunc.__name__)
        if form is None:
            raise Unwritable(ufunc.__name__)
        return self._each(form, inputs, bool if ufunc.__name__ in _TRUE else np.float64, ufunc)

    def _each(self, form: str, inputs: Sequence[Any], dtype: Any, known: Callable[..., Any] | None = None) -> Traced:
        """One line for every number of the broadcast operands; what is known is computed now."""
        parts = np.broadcast_arrays(*[_text(x) for x in inputs])
        made = np.empty(parts[0].shape, object)
        for at in np.ndindex(made.shape):
            given = [part[at] for part in parts]
            if known is not None and not any(isinstance(x, str) for x in given):
                made[at] = known(*given)
            else:
                made[at] = self.lines.named(form.format(*map(_say, given)))
        return self._like(made, dtype)

    def _product(self, left: Any, right: Any) -> Traced:
        """Matrix product, written as sums; factors of 0 are left out."""
        a, b = _text(left), _text(right)
        made = np.empty((a.shape[0], b.shape[1]), object)
        for i, j in np.ndindex(made.shape):
            terms = [(x, y) for x, y in zip(a[i], b[:, j]) if not _equals(x, 0.0) and not _equals(y, 0.0)]
            texts = [_say(y) if _equals(x, 1.0) else f"{_say(x)} * {_say(y)}" for x, y in terms]
            made[i, j] = self.lines.named(" + ".join(texts) or "0.0")
        return self._like(made, np.float64)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        written = _FUNCTIONS.get(function.__name__)
        if written is None:
            raise Unwritable(function.__name__)
        return written(self, *args, **kwargs)

    def _folded(self, form: str, axis: int | None, keepdims: bool) -> Traced:
        """Numbers along an axis joined by one form, pair after pair."""
        text = self.text.reshape(-1) if axis is None else self.text
        rows = list(np.moveaxis(text, 0 if axis is None else axis, 0))
        total = self._like(rows[0])
        for row in rows[1:]:
            total = total._each(form, (total, self._like(row)), self.dtype)
        return self._like(np.expand_dims(total.text, axis or 0)) if keepdims else total

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Traced:
        """Sum along an axis."""
        return self._like(self.text, np.float64)._folded("{} + {}", axis, keepdims)

    def max(self, axis: int | None = None, keepdims: bool = False) -> Traced:
        """Largest along an axis."""
        return self._folded(_BINARY["maximum"], axis, keepdims)

    def any(self, axis: int | None = None, keepdims: bool = False) -> Traced:
        """Whether one is true along an axis."""
        return self._folded("{} or {}", axis, keepdims)

    def all(self, axis: int | None = None, keepdims: bool = False) -> Traced:
        """Whether all are true along an axis."""
        return self._folded("{} and {}", axis, keepdims)

    def argmax(self, axis: int = 0) -> Any:
        """Place of the first true entry along the first axis."""
        return _argmax(self, self, axis)


def _operator(ufunc: Any, *, swapped: bool = False) -> Callable[[Traced, Any], Any]:
    return (lambda self, other: ufunc(other, self)) if swapped else (lambda self, other: ufunc(self, other))


for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "matmul": np.matmul,
    "and": np.logical_and, "or": np.logical_or,
}.items():  # fmt: skip
    setattr(Traced, f"__{_name}__", _operator(_ufunc))
    setattr(Traced, f"__r{_name}__", _operator(_ufunc, swapped=True))
for _name, _ufunc in {"gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal}.items():
    setattr(Traced, f"__{_name}__", _operator(_ufunc))
for _name, _ufunc in {"neg": np.negative, "abs": np.absolute, "invert": np.logical_not}.items():
    setattr(Traced, f"__{_name}__", lambda self, ufunc=_ufunc: ufunc(self))


def _text(x: Any) -> Text:
    return x.text if isinstance(x, Traced) else np.asarray(x).astype(object)


def _equals(x: Any, value: float) -> bool:
    return not isinstance(x, str) and float(x) == value


def _where(like: Traced, condition: Any, yes: Any, no: Any) -> Traced:
    parts = np.broadcast_arrays(*[_text(x) for x in (condition, yes, no)])
    made = np.empty(parts[0].shape, object)
    for at in np.ndindex(made.shape):
        asked, a, b = (part[at] for part in parts)
        if isinstance(asked, str):
            made[at] = like.lines.named(f"{_say(a)} if {asked} else {_say(b)}")
        else:
            made[at] = a if asked else b
    return like._like(made, np.float64)


def _clip(like: Traced, x: Any, low: Any, high: Any) -> Any:
    above = x if low is None else np.maximum(x, low)
    return above if high is None else np.minimum(above, high)


def _cumsum(like: Traced, x: Traced, axis: int = 0) -> Traced:
    rows: list[Any] = [x[0]]
    for k in range(1, len(x)):
        rows.append(np.add(rows[-1], x[k]))
    return like._like(np.stack([row.text for row in rows]), np.float64)


def _sort(like: Traced, x: Traced, axis: int = 0) -> Traced:
    """Sorting by exchange of neighbours: rows of a site are few."""
    rows: list[Any] = [x[k] for k in range(len(x))]
    for end in range(len(rows) - 1, 0, -1):
        for k in range(end):
            rows[k], rows[k + 1] = np.minimum(rows[k], rows[k + 1]), np.maximum(rows[k], rows[k + 1])
    return like._like(np.stack([row.text for row in rows]))


def _argmax(like: Traced, x: Traced, axis: int = 0) -> Any:
    """Place of the first true entry along the first axis; 0 where there is none."""
    place: Any = like._like(np.full(x.shape[1:], 0.0, object))
    for k in range(len(x) - 1, -1, -1):
        place = np.where(x[k], float(k), place)
    return place


def _take_along_axis(like: Traced, x: Traced, index: Any, axis: int = 0) -> Any:
    at = index if isinstance(index, Traced) else like._like(np.asarray(index, object))
    found: Any = x[0][None]
    for k in range(1, len(x)):
        found = np.where(np.equal(at, float(k)), x[k][None], found)
    return found


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "where": _where,
    "clip": _clip,
    "cumsum": _cumsum,
    "sort": _sort,
    "argmax": _argmax,
    "take_along_axis": _take_along_axis,
    "sum": lambda like, x, axis=None, keepdims=False: x.sum(axis, keepdims),
    "max": lambda like, x, axis=None, keepdims=False: x.max(axis, keepdims),
    "amax": lambda like, x, axis=None, keepdims=False: x.max(axis, keepdims),
    "any": lambda like, x, axis=None, keepdims=False: x.any(axis, keepdims),
    "all": lambda like, x, axis=None, keepdims=False: x.all(axis, keepdims),
    "full_like": lambda like, x, value, dtype=None: like._like(np.broadcast_to(_text(value), x.shape).copy()),
    "zeros_like": lambda like, x, dtype=None: like._like(np.full(x.shape, 0.0, object)),
    "ones_like": lambda like, x, dtype=None: like._like(np.full(x.shape, 1.0, object)),
    "empty_like": lambda like, x, dtype=None: like._like(np.full(x.shape, 0.0, object)),
    "broadcast_to": lambda like, x, shape, subok=False: like._like(np.broadcast_to(_text(x), shape)),
    "concatenate": lambda like, parts, axis=0: like._like(np.concatenate([_text(p) for p in parts], axis=axis)),
    "stack": lambda like, parts, axis=0: like._like(np.stack([_text(p) for p in parts], axis=axis)),
    "ascontiguousarray": lambda like, x, dtype=None: x,
    "shape": lambda like, x: x.shape,
    "ndim": lambda like, x: x.ndim,
}
