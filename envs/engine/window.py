"""A window of steps, each from the state that the one before left, and its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from envs.engine.gradient import Adjoint, Pullback

Tree = Any


class Window:
    """Steps of ``(state, *given) -> (state, report)`` in a row.

    Parameters
    ----------
    adjoint : Adjoint
        Of the step; the cotangent of its first argument must be wanted.

    Raises
    ------
    ValueError
        Where the adjoint gives no cotangent of the state.
    """

    def __init__(self, adjoint: Adjoint) -> None:
        if adjoint.wrt[0] != 0:
            raise ValueError(f"wrt = {adjoint.wrt} of the adjoint leaves out the state; begin it with 0")
        self.adjoint = adjoint
        self._ways: list[Pullback] = []

    def run(self, state: Tree, given: Sequence[tuple[Tree, ...]]) -> tuple[Tree, list[Tree]]:
        """State behind all steps, and the report of each.

        Parameters
        ----------
        state : tree
            Before the first step.
        given : sequence of tuple of trees
            The other arguments of each step.
        """
        self._ways, reports = [], []
        for others in given:
            (state, report), back = self.adjoint(state, *others)
            self._ways.append(back)
            reports.append(report)
        return state, reports

    def pull_back(self, state: Tree, reports: Sequence[Tree]) -> tuple[Tree, list[tuple[Tree, ...]]]:
        """Cotangents of the first state, and of the other wanted arguments of each step.

        Parameters
        ----------
        state : tree
            Cotangent of the last state; None for zeros.
        reports : sequence of tree
            Cotangents of the reports; None for zeros.
        """
        others: list[tuple[Tree, ...]] = []
        for back, report in zip(reversed(self._ways), reversed(reports), strict=True):
            state, *rest = back((state, report))
            others.append(tuple(rest))
        return state, others[::-1]
