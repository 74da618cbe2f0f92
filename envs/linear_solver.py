"""Linear programs from their entries, solved by HiGHS; who needs integers adds them. Needs the extra ``planner``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import highspy

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Program(NamedTuple):
    """Least ``cost x`` with ``0 <= x <= top`` and ``low <= A x <= high``.

    Attributes
    ----------
    cost, top : ndarray (N,)
    low, high : ndarray (M,)
    row, column, value : ndarray (K,)
        Entries of the matrix A.
    """

    cost: Floats
    top: Floats
    low: Floats
    high: Floats
    row: Ints
    column: Ints
    value: Floats


def quiet_solver(**settings: float | bool | int) -> highspy.Highs:
    """A solver on one thread that says nothing, but for the line of its version (HiGHS 1.16, once a process).

    Parameters
    ----------
    **settings
        Options of HiGHS by name.

    Raises
    ------
    ModuleNotFoundError
        Where highspy is not installed.
    """
    import highspy

    solver = highspy.Highs()
    for name, setting in {"output_flag": False, "log_to_console": False, "threads": 1, **settings}.items():
        solver.setOptionValue(name, setting)
    return solver


def highs_program(program: Program) -> highspy.HighsLp:
    """The program as HiGHS takes it; entries of a row keep their order."""
    import highspy

    order = np.argsort(program.row, kind="stable")
    made = highspy.HighsLp()
    made.num_row_, made.num_col_ = len(program.low), len(program.cost)
    made.col_cost_, made.col_lower_, made.col_upper_ = program.cost, np.zeros(len(program.cost)), program.top
    made.row_lower_, made.row_upper_ = program.low, program.high
    made.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    counts = np.bincount(program.row, minlength=len(program.low))
    made.a_matrix_.start_ = np.concatenate([[0], np.cumsum(counts)])
    made.a_matrix_.index_, made.a_matrix_.value_ = program.column[order], program.value[order]
    return made


def least_cost(solver: highspy.Highs, program: Program) -> Floats:
    """Arguments of the least cost ``(N,)``.

    Raises
    ------
    RuntimeError
        Where the solver finds no optimum, which only a fault in its input can cause.
    """
    import highspy

    solver.passModel(highs_program(program))
    solver.run()
    status = solver.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"HiGHS ended with {solver.modelStatusToString(status)} instead of an optimum")
    return np.asarray(solver.getSolution().col_value, np.float64)
