"""Caps by a linear program (HiGHS), for feeders and promises that cross; one site after another.

Needs the extra ``planner``. Where all nest, `nested_caps` finds the same value, for all sites at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from envs.feeders.graph import Floats, Ints
from envs.feeders.limits import Limits
from envs.feeders.nested_caps import Shared
from envs.feeders.value_pieces import Pieces
from envs.linear_solver import Program, least_cost, quiet_solver

if TYPE_CHECKING:
    import highspy

_PENALTY = 1e3  # times the steepest slope: what a kW of a broken promise costs


def program_power(limits: Limits, pieces: Pieces) -> Shared:
    """Share the feeders' power by a linear program.

    Parameters
    ----------
    limits : Limits
        They may cross.
    pieces : Pieces

    Raises
    ------
    ModuleNotFoundError
        Where highspy is not installed.
    RuntimeError
        Where the solver finds no optimum, which only a fault in its input can cause.
    """
    solver = quiet_solver()
    arrays = (pieces.slope, pieces.width_kw, pieces.floor_kw, limits.limit_kw, limits.least_kw)
    sites = max(x.shape[1] for x in arrays)
    solved = [_site(solver, limits.weight, pieces.outlet, [_column(x, site) for x in arrays]) for site in range(sites)]
    given, short = (np.stack(column, axis=-1) for column in zip(*solved))
    outlet = np.zeros((len(pieces.floor_kw), sites))
    np.add.at(outlet, pieces.outlet, given)
    return Shared(given, outlet + pieces.floor_kw, short)


def _column(x: Floats, site: int) -> Floats:
    return x[:, min(site, x.shape[1] - 1)]


def _site(solver: highspy.Highs, weight: Floats, outlet: Ints, column: list[Floats]) -> tuple[Floats, Floats]:
    """Power of each piece ``(K,)`` at one site, and the most that is passed or missed ``()``."""
    slope, width, floor, limit, least = column
    held = weight @ floor
    promised = least > 0.0
    rows = weight[:, outlet]
    slack = np.eye(len(weight))[:, promised]
    cost = np.concatenate([-slope, np.full(slack.shape[1], _PENALTY * max(float(slope.max(initial=0.0)), 1.0))])
    top = np.concatenate([width, np.full(slack.shape[1], np.inf)])
    matrix = np.block([[rows, np.zeros_like(slack)], [rows[promised], np.eye(slack.shape[1])]])
    low = np.concatenate([np.full(len(weight), -np.inf), (least - held)[promised]])
    high = np.concatenate([np.maximum(limit - held, 0.0), np.full(slack.shape[1], np.inf)])
    lines, places = np.nonzero(matrix)
    found = least_cost(solver, Program(cost, top, low, high, lines, places, matrix[lines, places]))
    missed = found[len(slope) :].max(initial=0.0)
    return found[: len(slope)], np.maximum((held - limit).max(initial=0.0), missed)
