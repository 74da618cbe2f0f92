"""A function run from its recording: as numpy calls, or as machine code."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable
from operator import attrgetter
from typing import Any, Generic, Literal, TypeVar, TypeVarTuple

import numpy as np

from envs.engine.choice import chosen_engine
from envs.engine.compiled import CompiledFunction, Held, OtherShapes
from envs.engine.layout import Layout
from envs.engine.lowered import LoweredFunction
from envs.engine.record import Untraceable
from envs.engine.stored import file_name, store, stored_function
from envs.engine.tape import Tape
from envs.trees import leaves

Trees = TypeVarTuple("Trees")
Result = TypeVar("Result")
_KEPT_PROGRAMS = 16
_LOWERED: dict[Hashable, list[Layout]] = {}  # by key, the oldest first: one for each set of shapes
_SIGNATURE = attrgetter("shape", "dtype")


class TapedFunction(Generic[*Trees, Result]):
    """A pure function of trees of arrays whose last axis is the batch, run from a recording of its operations.

    The numpy engine runs the function itself at first, so nothing is spent on what is called rarely. Its replay makes
    the same numpy calls on the same numbers and so gives the same bits. The compiled engine runs from the first call,
    so that its bits do not depend on how many calls there were. Either is compared with the function once. Where a
    function cannot be recorded it goes on as it is, with one warning.

    Parameters
    ----------
    function : callable
        Takes and returns nested (named) tuples and dicts of arrays; see the rules for array functions.
    after : int
        Calls with arrays of one signature before the numpy engine records it.
    engine : {"numpy", "llvm"}, optional
        What runs the recording; what `envs.engine.choice` says when left out.
    key : hashable, optional
        Functions of one key do the same: the compiled engine records and compares the first of a process alone.
    lanes : int, optional
        Sites that machine code takes at once; as many as pay for the batch when left out.
    """

    def __init__(
        self,
        function: Callable[[*Trees], Result],
        after: int = 32,
        engine: Literal["numpy", "llvm"] | None = None,
        key: Hashable = None,
        lanes: int | None = None,
    ) -> None:
        self.function = function
        self.after = after
        self.key = key
        self.lanes = lanes
        self.engine = engine or chosen_engine()
        self._compiled: list[CompiledFunction] = []
        self._signature: Any = None
        self._calls = 0
        self._tape: Tape | None = None
        self._checked = False

    def __reduce__(self) -> Any:
        """Let copies and pickles record anew."""
        return TapedFunction, (self.function, self.after, self.engine, self.key, self.lanes)

    def __call__(self, *trees: *Trees) -> Result:
        """Return what the function returns, in fresh arrays."""
        compiled = self._compiled_for(trees)
        if compiled is not None:
            result: Result = compiled(*trees)
            return result
        if self.engine == "llvm":
            return self._compile(trees)
        arrays: list[np.ndarray] = []
        leaves(trees, arrays)
        signature = tuple(map(_SIGNATURE, arrays))
        if signature != self._signature:
            self._signature, self._calls, self._tape, self._checked = signature, 0, None, False
        if self._tape is not None and self._checked:
            return self._tape.run(arrays)
        self._calls += 1
        if self._calls == self.after + 1:
            self._record(trees)
        elif self._tape is not None:
            self._check(trees, arrays)
        return self.function(*trees)

    def step(self, state: Any, *rest: Any) -> tuple[Any, Any]:
        """As the call of a function of a state that gives the next one and a named tuple of results.

        ``state`` is a tree or what a step returned. By machine code both results are made when they are asked for:
        `envs.engine.compiled.Held` and `Lazy` stand for them.
        """
        if self._compiled:
            try:
                return self._compiled[0].step(state, *rest)
            except OtherShapes:
                pass
        trees = (state.tree if isinstance(state, Held) else state, *rest)
        compiled = self._compiled_for(trees)
        if compiled is None:
            result: Any = self(*trees)
            return result
        return compiled.step(state, *rest)

    def release(self) -> None:
        """Give back the blocks of machine code; what is called rarely need not keep them."""
        for compiled in self._compiled:
            compiled.release()

    def _compiled_for(self, trees: Any) -> CompiledFunction | None:
        """Machine code for arguments of these shapes, the first of the list from now on."""
        for k, compiled in enumerate(self._compiled):
            if compiled.lowered.fits(trees):
                self._compiled.insert(0, self._compiled.pop(k))
                return compiled
        return None

    def _compile(self, trees: Any) -> Result:
        """Machine code, if it agrees with the function in the first call; else the function, and numpy from then on."""
        for known in _LOWERED.get(self.key, ()):
            if known.fits(trees):
                self._compiled.insert(0, CompiledFunction(self.function, trees, known, self.lanes))
                again: Result = self._compiled[0](*trees)
                return again
        expected = self.function(*trees)
        self.engine = "numpy"  # what remains where this fails
        reason, name = "its results differ from the function's", "" if self.key is None else file_name(self.key, trees)
        stored = stored_function(name, self.function, trees) if name else None
        for lowered in (stored, None) if stored is not None else (None,):
            try:
                compiled = CompiledFunction(self.function, trees, lowered, self.lanes)
                found: Result = compiled(*trees)
            except Untraceable as why:
                reason = str(why)
                continue
            if compiled.lowered.agrees(expected, found):
                self._keep(compiled, name)
                return found
        _warn_of_numpy(reason)
        return expected

    def _keep(self, compiled: CompiledFunction, name: str) -> None:
        """Run a compiled function from now on, and let others of its key run it too."""
        self._compiled.insert(0, compiled)
        self.engine = "llvm"
        if self.key is None or compiled.lowered.constants:  # those are of this function alone
            return
        if isinstance(compiled.lowered, LoweredFunction):
            store(name, compiled.lowered, compiled.lanes)
        _LOWERED.setdefault(self.key, []).append(compiled.lowered)
        while len(_LOWERED) > _KEPT_PROGRAMS:
            _LOWERED.pop(next(iter(_LOWERED)))

    def _record(self, trees: Any) -> None:
        try:
            self._tape = Tape(self.function, trees)
        except Untraceable as reason:
            warnings.warn(f"running without a tape, at about half the speed: {reason}", RuntimeWarning, stacklevel=3)

    def _check(self, trees: Any, arrays: list[np.ndarray]) -> None:
        assert self._tape is not None
        expected: list[np.ndarray] = []
        found: list[np.ndarray] = []
        leaves(self.function(*trees), expected)
        leaves(self._tape.run(arrays), found)
        self._checked = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(expected, found, strict=True))
        if not self._checked:
            self._tape = None
            text = "running without a tape, at about half the speed: the replay differs from the function"
            warnings.warn(text, RuntimeWarning, stacklevel=3)


def _warn_of_numpy(reason: str) -> None:
    text = f"running on numpy instead of machine code, at a fraction of the speed: {reason}"
    warnings.warn(text, RuntimeWarning, stacklevel=4)
