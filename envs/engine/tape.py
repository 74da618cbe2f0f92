"""A recording as plain numpy calls on buffers that are made once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from envs.engine.aligned import aligned_block
from envs.engine.record import Node, Recording, TracedArray, Untraceable, live_nodes
from envs.engine.result_text import result_text
from envs.trees import map_leaves

_KEYWORD_OUT = (np.maximum, np.minimum)  # numpy wants the result of these by name
_FULL_OPERAND = (np.maximum, np.minimum, np.clip)  # quicker against an array than against a number


class Tape:
    """One recording as a program over one batch size."""

    def __init__(self, function: Callable[..., Any], trees: Any) -> None:
        recording = Recording()
        result = function(*map_leaves(trees, recording.input))
        code = _Code(recording, result)
        self._play, self._collect, self._arenas = code.play, code.collect, code.arenas
        self.calls = code.calls

    def run(self, arrays: list[np.ndarray]) -> Any:
        """Replay into fresh memory: one block of rows per dtype, of which the results are views."""
        out = [np.empty(shape, dtype) for dtype, shape in self._arenas]
        self._play(out, arrays)
        return self._collect(out, arrays)


class _Code:
    """Writes the program: names, buffers by lifetime, one numpy call a line."""

    def __init__(self, recording: Recording, result: Any) -> None:
        self.names: dict[int, str] = {}
        self.space: dict[str, Any] = {}
        self.lines: list[str] = []
        self.calls = 0
        self._free: dict[Any, list[str]] = defaultdict(list)
        self._buffer: dict[int, str] = {}
        self._wide: dict[Any, str] = {}
        self._views: dict[tuple[str, str], str] = {}
        returned = recording.nodes_of(result)
        needed = live_nodes(recording, returned)
        live = [n for n in recording.nodes if n.index in needed]
        self._inputs = [n for n in recording.nodes if n.kind == "input"]
        for k, node in enumerate(self._inputs):
            self.names[node.index] = f"x[{k}]"
        self._place_results(returned)
        self._last_use = _last_uses(live)
        for node in live:
            self._write(node)
        self.play = self._program("play", ["out", "x"], self.lines)
        self.collect = self._collector(result, recording)

    # ---- where results go -----------------------------------------------------------------------------------------

    def _place_results(self, returned: list[Node]) -> None:
        rows: dict[np.dtype, int] = defaultdict(int)
        widths: dict[np.dtype, int] = {}
        self._spot: dict[int, tuple[np.dtype, int, tuple[int, ...]]] = {}
        for node in returned:
            root = node.root
            if root.kind in ("input", "constant") or root.index in self._spot:
                continue
            dtype, shape = root.value.dtype, root.value.shape
            width = widths.setdefault(dtype, shape[-1])
            if shape[-1] != width:
                raise Untraceable(f"results of shapes (..., {width}) and {shape}: the last axis must be the batch")
            self._spot[root.index] = (dtype, rows[dtype], shape)
            rows[dtype] += int(np.prod(shape[:-1]))
        self.arenas = [(dtype, (count, widths[dtype])) for dtype, count in rows.items()]
        self._order = {dtype: k for k, dtype in enumerate(rows)}

    def _spot_text(self, index: int) -> str:
        dtype, at, shape = self._spot[index]
        rows = int(np.prod(shape[:-1]))
        text = f"out[{self._order[dtype]}]"
        if len(shape) == 1:
            return f"{text}[{at}]"
        text = f"{text}[{at}:{at + rows}]"
        return text if len(shape) == 2 else f"{text}.reshape({(*shape[:-1], -1)!r})"

    def _collector(self, result: Any, recording: Recording) -> Callable[..., Any]:
        lines: list[str] = []
        made: dict[int, str] = {}

        def text_of(node: Node) -> str:
            if node.index in made:
                return made[node.index]
            if node.kind == "input":
                return self.names[node.index]
            if node.kind == "constant":
                return self._global(node.value)
            text = (
                f"{text_of(node.operands[0])}{self._view_text(node)}"
                if node.kind == "view"
                else self._spot_text(node.index)
            )
            lines.append(f"r{node.index} = {text}")
            made[node.index] = f"r{node.index}"
            return made[node.index]

        def array_text(array: np.ndarray) -> str:
            return text_of(recording.node_of(array)) if isinstance(array, TracedArray) else self._global(array)

        text = result_text(result, array_text, self._global)
        return self._program("collect", ["out", "x"], [*lines, f"return {text}"])

    # ---- one call a line ------------------------------------------------------------------------------------------

    def _write(self, node: Node) -> None:
        if node.kind == "input":
            return
        if node.kind == "constant":
            self.names[node.index] = self._global(node.value)
            return
        if node.kind == "pool":
            raise Untraceable("a pool of rows, which only machine code reads where it lies")
        if node.kind == "view":
            self._write_view(node)
        elif node.kind == "call":
            function, kwargs = node.detail
            given = ", ".join([self.names[n.index] for n in node.operands] + [f"{k}={v!r}" for k, v in kwargs.items()])
            self.lines.append(f"v{node.index} = {self._global(function)}({given})")
            if node.index in self._spot:
                self.lines.append(f"{self._global(np.copyto)}({self._spot_text(node.index)}, v{node.index})")
            self.names[node.index] = f"v{node.index}"
            self.calls += 1
        else:
            self._write_call(node)
        self._release(node)

    def _write_view(self, node: Node) -> None:
        parent = self.names[node.operands[0].index]
        how = self._view_text(node)
        if parent in self.space:
            shown = self._view_name(parent, how)
            if np.may_share_memory(self.space[shown], self.space[parent]):
                self.names[node.index] = shown
                return
        self.lines.append(f"v{node.index} = {parent}{how}")
        self.names[node.index] = f"v{node.index}"

    def _view_text(self, node: Node) -> str:
        how, detail = node.detail
        if how == "T":
            return ".T"
        return f"[{detail!r}]" if how == "index" else f".reshape({detail!r})"

    def _write_call(self, node: Node) -> None:
        operands = [self._operand(node, n) for n in node.operands]
        if node.kind == "ufunc" and node.value.size > 1:  # numpy is slow at overwriting a single element
            self._release(node, early=True)
        out = self._result(node)
        if node.kind == "ufunc":
            ufunc, kwargs = node.detail
            tail = [f"{k}={v!r}" for k, v in kwargs.items()]
            named = ufunc in _KEYWORD_OUT or tail
            text = f"{self._global(ufunc)}({', '.join([*operands, f'out={out}' if named else out, *tail])})"
        elif node.kind == "reduce":
            ufunc, kwargs = node.detail
            keep = f", keepdims={kwargs['keepdims']!r}" if kwargs.get("keepdims") else ""
            text = f"{self._global(ufunc.reduce)}({operands[0]}, {kwargs.get('axis', 0)!r}, None, {out}{keep})"
        elif node.kind == "take":
            rows, axis = node.detail
            text = f"{operands[0]}.take({self._global(rows)}, {axis}, {out}, 'clip')"
        elif node.kind == "cast":
            text = f"{self._global(np.copyto)}({out}, {operands[0]}, 'unsafe')"
        else:
            text = f"{self._global(np.concatenate)}(({', '.join(operands)},), {node.detail}, {out})"
        self.lines.append(text)
        self.calls += 1

    def _operand(self, node: Node, operand: Node) -> str:
        """Name of an operand; numbers that a ufunc handles slowly become arrays."""
        if (
            operand.kind == "constant"
            and operand.value.ndim == 0
            and node.kind == "ufunc"
            and node.detail[0] in _FULL_OPERAND
        ):
            shape = node.value.shape
            key = (operand.index, shape)
            if key not in self._wide:
                self._wide[key] = self._global(np.full(shape, operand.value))
            return self._wide[key]
        return self.names[operand.index]

    def _result(self, node: Node) -> str:
        if node.index in self._spot:
            self.lines.append(f"v{node.index} = {self._spot_text(node.index)}")
            self.names[node.index] = f"v{node.index}"
            return f"v{node.index}"
        value = node.value
        key = (value.dtype, value.size)
        flat = self._free[key].pop() if self._free[key] else self._global(aligned_block(value.size, value.dtype)[0])
        self._buffer[node.index] = flat
        self.names[node.index] = self._view_name(flat, f".reshape({value.shape!r})")
        return self.names[node.index]

    def _view_name(self, name: str, how: str) -> str:
        """Name of a view of a fixed array, one object for each."""
        if (name, how) not in self._views:
            self._views[name, how] = self._global(eval(f"base{how}", {"base": self.space[name], "slice": slice}))
        return self._views[name, how]

    def _release(self, node: Node, early: bool = False) -> None:
        """Give back the buffers that are read here for the last time; ``early``: those the result may overwrite."""
        for root in {n.root for n in node.operands} | {node.root}:
            flat = self._buffer.get(root.index)
            if flat is None or self._last_use[root.index] > node.index:
                continue
            whole = early and root in node.operands and root.value.shape == node.value.shape
            if early and not (whole and node.detail[0] is not np.matmul):
                continue
            del self._buffer[root.index]
            self._free[(root.value.dtype, root.value.size)].append(flat)

    # ---- names ----------------------------------------------------------------------------------------------------

    def _global(self, value: Any) -> str:
        if isinstance(value, np.ufunc):
            name = f"u_{value.__name__}"
        else:
            name = f"g{len(self.space)}"
        self.space[name] = value
        return name

    def _program(self, name: str, arguments: list[str], lines: list[str]) -> Callable[..., Any]:
        body = "\n    ".join(lines or ["pass"])
        scope = dict(self.space)
        exec(compile(f"def {name}({', '.join(arguments)}):\n    {body}\n", f"<tape {name}>", "exec"), scope)
        return scope[name]


def _last_uses(live: list[Node]) -> dict[int, int]:
    """For each root, the last node that reads it or a view of it."""
    last: dict[int, int] = {}
    for node in live:
        last[node.root.index] = max(last.get(node.root.index, -1), node.index)
        for operand in node.operands:
            last[operand.root.index] = node.index
    return last
