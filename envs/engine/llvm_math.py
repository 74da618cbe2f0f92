"""Exponentials and logarithms on vectors, as LLVM text: a few dozen instructions each, no library, no table.

Own functions give the same bits on every machine and for every number of lanes. Reduction and coefficients are those of
the Cephes library (S. L. Moshier, Methods and Programs for Mathematical Functions, 1989; ``expf.c``, ``logf.c``,
``exp.c``, ``log.c``): errors stay under 4 units in the last place.

Below the range of normal numbers ``exp`` gives the smallest of them instead of 0, above it the largest instead of
infinity.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from envs.engine.program import WHOLE, WIDE

_ALL_BITS = (1 << 64) - 1
LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440054690583e-4  # their sum is ln 2
SQRT_HALF = 0.70710678118654752
_EXP_SINGLE = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
_LOG_SINGLE = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
_EXP_P = (1.26177193074810590878e-4, 3.02994407707441961300e-2, 9.99999999999999999910e-1)
_EXP_Q = (3.00198505138664455042e-6, 2.52448340349684104192e-3, 2.27265548208155028766e-1, 2.0)
_LOG_P = (
    1.01875663804580931796e-4,
    4.97494994976747001425e-1,
    4.70579119878881725854e0,
    1.44989225341610930846e1,
    1.79368678507819816313e1,
    7.70838733755885391666e0,
)
_LOG_Q = (
    1.0,
    1.12873587189167450590e1,
    4.52279145837532221105e1,
    8.29875266912776603211e1,
    7.11544750618563894466e1,
    2.31251620126765340583e1,
)


@dataclass(frozen=True)
class VectorType:
    """Vectors of ``lanes`` numbers of one precision, and how LLVM writes them."""

    lanes: int
    double: bool
    label: str = ""  # of the functions on such vectors, where a module has several

    @property
    def number(self) -> str:
        """Type of one number."""
        return "double" if self.double else "float"

    @property
    def vector(self) -> str:
        """Type of a vector of numbers."""
        return f"<{self.lanes} x {self.number}>"

    @property
    def mask(self) -> str:
        """Type of a vector of truth values."""
        return f"<{self.lanes} x i1>"

    @property
    def whole(self) -> str:
        """Type of a vector of integers as wide as the numbers."""
        return f"<{self.lanes} x {'i64' if self.double else 'i32'}>"

    @property
    def suffix(self) -> str:
        """What LLVM appends to the names of its functions."""
        return f"v{self.lanes}f{64 if self.double else 32}"

    @property
    def size(self) -> int:
        """Bytes of a number."""
        return 8 if self.double else 4

    def of_kind(self, kind: str) -> VectorType:
        """Vectors of as many numbers of another kind, integers apart."""
        return VectorType(self.lanes, True) if kind == WIDE else self

    def vector_of(self, kind: str) -> str:
        """Type of a vector of values of a kind."""
        return f"<{self.lanes} x i64>" if kind == WHOLE else self.of_kind(kind).vector

    def number_of(self, kind: str) -> str:
        """Type of one value of a kind."""
        return "i64" if kind == WHOLE else self.of_kind(kind).number

    def constant(self, x: float, kind: str) -> str:
        """A vector of equal values of a kind."""
        if kind != WHOLE:
            return self.of_kind(kind).all(x)
        k = int(x) & _ALL_BITS
        return f"splat (i64 {k - (1 << 64) if k >> 63 else k})"

    def literal(self, x: float) -> str:
        """One number."""
        if not self.double:
            x = struct.unpack("<f", struct.pack("<f", x))[0]
        return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"

    def all(self, x: float) -> str:
        """A vector of equal numbers."""
        return f"splat ({self.number} {self.literal(x)})"

    def all_whole(self, k: int) -> str:
        """A vector of equal integers."""
        return f"splat ({'i64' if self.double else 'i32'} {k})"


class _Body:
    """Lines of one function: values get numbers as names."""

    def __init__(self, of: VectorType) -> None:
        self.of = of
        self.lines: list[str] = []

    def value(self, text: str) -> str:
        """Name of a new value."""
        self.lines.append(f"  %t{len(self.lines)} = {text}")
        return f"%t{len(self.lines) - 1}"

    def binary(self, op: str, a: str, b: str | float) -> str:
        """A sum, a difference, a product or a quotient."""
        return self.value(f"{op} {self.of.vector} {a}, {self.of.all(b) if isinstance(b, (int, float)) else b}")

    def call(self, name: str, *args: str) -> str:
        """A function of vectors of numbers."""
        name = name if name.startswith("llvm.") else name + self.of.label
        return self.value(f"call {self.of.vector} @{name}({', '.join(f'{self.of.vector} {a}' for a in args)})")

    def select(self, mask: str, a: str, b: str) -> str:
        """``a`` where the mask holds, else ``b``."""
        return self.value(f"select {self.of.mask} {mask}, {self.of.vector} {a}, {self.of.vector} {b}")

    def compare(self, how: str, a: str, b: float) -> str:
        """A mask."""
        return self.value(f"fcmp {how} {self.of.vector} {a}, {self.of.all(b)}")

    def polynomial(self, x: str, coefficients: Sequence[float]) -> str:
        """Horner's scheme, highest power first."""
        total = self.of.all(coefficients[0])
        for c in coefficients[1:]:
            total = x if total == self.of.all(1.0) else self.binary("fmul", total, x)
            total = self.binary("fadd", total, c)
        return total

    def function(self, name: str, arguments: str, result: str) -> str:
        """Text of the whole function."""
        given = ", ".join(f"{self.of.vector} %{a}" for a in arguments)
        body = "\n".join([*self.lines, f"  ret {self.of.vector} {result}"])
        return f"define internal {self.of.vector} @{name}{self.of.label}({given}) alwaysinline {{\n{body}\n}}"


def math_text(of: VectorType) -> str:
    """Text of all functions that statements call."""
    names = ("sqrt", "fabs", "rint", "ceil", "floor")
    declared = [f"declare {of.vector} @llvm.{name}.{of.suffix}({of.vector})" for name in names]
    if not of.double:
        wide = VectorType(of.lanes, True)
        declared.append(f"declare {wide.vector} @llvm.fabs.{wide.suffix}({wide.vector})")
    made = [_pick(of, "v_maximum", "ogt"), _pick(of, "v_minimum", "olt")]
    return "\n".join([*declared, *made, _exp(of, False), _exp(of, True), _log(of), _log1p(of), _power(of)])


def _pick(of: VectorType, name: str, how: str) -> str:
    body = _Body(of)
    mask = body.value(f"fcmp {how} {of.vector} %a, %b")
    return body.function(name, "ab", body.select(mask, "%a", "%b"))


def _exp(of: VectorType, minus_one: bool) -> str:
    """``2^k (1 + q)`` with ``1 + q = e^r`` and ``r = x - k ln 2``; ``expm1`` is ``2^k q + (2^k - 1)``."""
    body = _Body(of)
    low, high, bias, shift = (-708.0, 709.0, 1023, 52) if of.double else (-87.0, 88.0, 127, 23)
    x = body.call("v_minimum", body.call("v_maximum", "%a", of.all(low)), of.all(high))
    k = body.call(f"llvm.rint.{of.suffix}", body.binary("fmul", x, LOG2_E))
    r = body.binary("fadd", x, body.binary("fmul", k, -LN2_HIGH))
    r = body.binary("fadd", r, body.binary("fmul", k, -LN2_LOW))
    square = body.binary("fmul", r, r)
    if of.double:
        p = body.binary("fmul", r, body.polynomial(square, _EXP_P))
        quotient = body.binary("fdiv", p, body.binary("fsub", body.polynomial(square, _EXP_Q), p))
        q = body.binary("fadd", quotient, quotient)
    else:
        q = body.binary("fadd", body.binary("fmul", body.polynomial(r, _EXP_SINGLE), square), r)
    exponent = body.value(f"fptosi {of.vector} {k} to {of.whole}")
    exponent = body.value(f"add {of.whole} {exponent}, {of.all_whole(bias)}")
    exponent = body.value(f"shl {of.whole} {exponent}, {of.all_whole(shift)}")
    power = body.value(f"bitcast {of.whole} {exponent} to {of.vector}")
    scaled = body.binary("fmul", q, power)
    rest = body.binary("fsub", power, 1.0) if minus_one else power
    return body.function("v_expm1" if minus_one else "v_exp", "a", body.binary("fadd", scaled, rest))


def _log(of: VectorType) -> str:
    """``log(2^e (1 + m))`` with ``1 + m`` in [sqrt(1/2), sqrt(2)]; -inf of 0, NaN below it."""
    body = _Body(of)
    bias, shift = (1022, 52) if of.double else (126, 23)
    fraction, half = ((1 << 52) - 1, 0x3FE << 52) if of.double else ((1 << 23) - 1, 126 << 23)
    bits = body.value(f"bitcast {of.vector} %a to {of.whole}")
    exponent = body.value(f"ashr {of.whole} {bits}, {of.all_whole(shift)}")
    exponent = body.value(f"sub {of.whole} {exponent}, {of.all_whole(bias)}")
    bits = body.value(f"and {of.whole} {bits}, {of.all_whole(fraction)}")
    bits = body.value(f"or {of.whole} {bits}, {of.all_whole(half)}")
    m = body.value(f"bitcast {of.whole} {bits} to {of.vector}")
    small = body.compare("olt", m, SQRT_HALF)
    e = body.value(f"sitofp {of.whole} {exponent} to {of.vector}")
    e = body.binary("fsub", e, body.select(small, of.all(1.0), of.all(0.0)))
    m = body.binary("fadd", body.binary("fsub", m, 1.0), body.select(small, m, of.all(0.0)))
    z = body.binary("fmul", m, m)
    if of.double:
        series = body.binary("fdiv", body.polynomial(m, _LOG_P), body.polynomial(m, _LOG_Q))
    else:
        series = body.polynomial(m, _LOG_SINGLE)
    y = body.binary("fmul", body.binary("fmul", series, z), m)
    y = body.binary("fadd", y, body.binary("fmul", e, LN2_LOW))
    y = body.binary("fadd", y, body.binary("fmul", z, -0.5))
    y = body.binary("fadd", body.binary("fadd", m, y), body.binary("fmul", e, LN2_HIGH))
    y = body.select(body.compare("oeq", "%a", 0.0), of.all(float("-inf")), y)
    return body.function("v_log", "a", body.select(body.compare("olt", "%a", 0.0), of.all(float("nan")), y))


def _log1p(of: VectorType) -> str:
    """``log(u) x/(u - 1)`` with ``u = 1 + x`` as rounded: what the rounding of u takes, the quotient gives back."""
    body = _Body(of)
    u = body.binary("fadd", "%a", 1.0)
    off = body.binary("fsub", u, 1.0)
    nothing = body.compare("oeq", off, 0.0)
    scaled = body.binary("fdiv", "%a", body.select(nothing, of.all(1.0), off))
    result = body.binary("fmul", body.call("v_log", u), scaled)
    return body.function("v_log1p", "a", body.select(nothing, "%a", result))


def _power(of: VectorType) -> str:
    """``e^(b log a)``; relative error about ``|b log a|`` units in the last place."""
    body = _Body(of)
    return body.function("v_power", "ab", body.call("v_exp", body.binary("fmul", body.call("v_log", "%a"), "%b")))
