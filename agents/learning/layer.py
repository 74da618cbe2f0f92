"""A recorded function as a differentiable layer of torch: trees of tensors in, trees of tensors out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from envs.engine.gradient import Adjoint

if TYPE_CHECKING:
    from torch import Tensor

Tree = Any


class Layer:
    """A function of trees of arrays that torch differentiates.

    The sites stay on the last axis. Only arguments of `Adjoint.wrt` get gradients; second derivatives there are none.

    Parameters
    ----------
    adjoint : Adjoint
        Of the function.

    Examples
    --------
    >>> step = Layer(Adjoint(plant.step, arguments, wrt=(0, 1)))
    >>> state, flows = step(state, setpoints, outside, load, lost, t)
    >>> flows.facility_power_kw.mean().backward()
    """

    def __init__(self, adjoint: Adjoint) -> None:
        self.adjoint = adjoint

    def __call__(self, *trees: Tree) -> Tree:
        """What the function returns, as tensors; arrays and tensors may be mixed in the arguments."""
        given = [_tensor(x) for x in _leaves(trees)]
        made: list[Tree] = []
        tensors = iter(_call().apply(self, trees, made, *given))
        return _with_leaves(made[0], lambda x: next(tensors))


@cache
def _call() -> Any:
    import torch
    from torch.autograd.function import once_differentiable

    class Call(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, layer: Layer, trees: Tree, made: list[Tree], *given: Tensor) -> tuple[Tensor, ...]:
            arrays = iter(given)
            result, ctx.pullback = layer.adjoint(*_with_leaves(trees, lambda x: next(arrays).detach().numpy()))
            made.append(result)
            ctx.layer, ctx.trees, ctx.result = layer, trees, result
            ctx.set_materialize_grads(False)
            tensors = tuple(torch.from_numpy(x) for x in _leaves(result))
            ctx.mark_non_differentiable(*(x for x in tensors if not x.is_floating_point()))
            return tensors

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
            handed = iter(grads)
            cotangents = _with_leaves(ctx.result, lambda x: None if (g := next(handed)) is None else g.numpy())
            wrt = dict(zip(ctx.layer.adjoint.wrt, ctx.pullback(cotangents), strict=True))
            back: list[Tensor | None] = []
            for k, tree in enumerate(ctx.trees):
                given = list(_leaves(tree))
                slopes = list(_leaves(wrt[k])) if k in wrt else [None] * len(given)
                back += [_tensor(g) if g is not None and _is_float(x) else None for x, g in zip(given, slopes)]
            return (None, None, None, *back)

    return Call


def _is_float(x: Any) -> bool:
    return str(x.dtype).removeprefix("torch.").startswith("float")


def _tensor(x: Any) -> Tensor:
    """An array as a tensor of the same memory, where it may be written."""
    import torch

    return torch.as_tensor(x if getattr(getattr(x, "flags", None), "writeable", True) else x.copy())


def _leaves(tree: Tree) -> Iterator[Any]:
    """Arrays and tensors of a tree, in its order."""
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if isinstance(tree, tuple):
        for part in tree:
            yield from _leaves(part)
    elif hasattr(tree, "shape"):
        yield tree


def _with_leaves(tree: Tree, change: Callable[[Any], Any]) -> Tree:
    """The tree with every array and tensor changed."""
    if isinstance(tree, dict):
        return {name: _with_leaves(part, change) for name, part in tree.items()}
    if isinstance(tree, tuple):
        parts: Sequence[Tree] = [_with_leaves(part, change) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    return change(tree) if hasattr(tree, "shape") else tree
