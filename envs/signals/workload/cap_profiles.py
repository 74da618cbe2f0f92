"""Measured throughput over power: sweeps of power limits or clocks as curves of a class of work. No data is shipped.

=============  =========================================================  ==========================================
source         columns                                                    curves of
=============  =========================================================  ==========================================
Zeus           dataset, network, batch_size, optimizer, power_limit,      pretrain, finetune, prefill, batch: mean
               time_per_epoch, average_power (You and others, NSDI 2023)  of the compute-bound configurations
Emerald        Workload, power per GPU, throughput                        pretrain (``pt_``), finetune (``ft_``),
                                                                          prefill (``infer_``): means
ML.ENERGY v3   model_id, gpu_model, num_gpus, max_num_seqs,               decode: mean of the models, whose batch is
               avg_power_watts, output_throughput_tokens_per_sec          made smaller instead of their limit
nvidia-smi     power.draw [W], throughput; class, run                     the classes named; all where none is
own            power_w, throughput; class, run                            the same
=============  =========================================================  ==========================================

``class`` and ``run`` may be left out. The highest power of a run counts as its draw without a cap: measure that too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.signals.cells import line, listed, read_cells, require_column, shown
from envs.unknown_name import unknown_name

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
#: Points ``rho`` and work of each class, both rising to 1.
Profile = dict[str, tuple[tuple[float, ...], tuple[float, ...]]]
CLASSES = ("pretrain", "finetune", "prefill", "decode", "batch")
COMPUTE = ("pretrain", "finetune", "prefill", "batch")
PREFIXES = {"pt_": "pretrain", "ft_": "finetune", "infer_": "prefill"}
COMPUTE_BOUND = 0.85  # uncapped draw over the highest limit, PHYSICS B4
GRID = 0.05  # of rho, on which runs are averaged
FALLS = 0.03  # of the highest throughput, by which noise may let it fall while power rises
SAME_RHO = 0.005  # points nearer than that are one
LEAST_POINTS, MOST_POINTS = 3, 64
HIGHEST_START = 0.9  # a sweep that begins above says nothing of caps
LOWEST_RHO = 0.05
FLAT = 0.002  # of the highest throughput: who loses no more over a whole sweep was not capped in it
SWAPPED = 0.9  # of its share of the power, under which no accelerator's work falls above the next line
SWAPPED_FROM = 0.6  # share of the uncapped power


class Sweep(NamedTuple):
    """Rows of a file as points of runs ``(n,)``: class, run, power [W], throughput in any unit."""

    kind: Sequence[str]
    run: Sequence[str]
    power_w: Floats
    work: Floats


def read_cap_profile(path: Path) -> Profile:
    """Read a sweep, whatever its source.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Naming file, line or class, what was found and the mend.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give a sweep of power limits (.csv or .parquet)")
    facts = path.stat()
    return dict(_read(path, facts.st_mtime_ns, facts.st_size))


@lru_cache(maxsize=64)
def _read(path: Path, changed_ns: int, size: int) -> Profile:
    frame = read_cells(path)
    frame.columns = [str(name).strip() for name in frame.columns]
    for needs, taken in _SOURCES:
        if set(needs) <= set(frame.columns):
            sweep = taken(path, frame)
            break
    else:
        raise ValueError(
            f"{path}, line 1: found {listed(frame.columns)}; a sweep has power_w and throughput, and may have class "
            f"and run (or is of Zeus, Emerald, ML.ENERGY or nvidia-smi: docs/own-data.md)"
        )
    kinds = [kind for kind in CLASSES if kind in sweep.kind]
    if not kinds:
        raise ValueError(f"{path}: no row is of work on accelerators; is it the right file?")
    return {kind: _curve(path, kind, _runs(path, sweep, kind)) for kind in kinds}


# ---- curves -------------------------------------------------------------------------------------------------------


def _runs(path: Path, sweep: Sweep, kind: str) -> list[tuple[Floats, Floats]]:
    """Points ``rho`` and work of each run of a class, rising."""
    found = []
    is_kind = np.asarray(sweep.kind) == kind
    runs = dict.fromkeys(np.asarray(sweep.run)[is_kind].tolist())
    for run in runs:
        at = np.flatnonzero(is_kind & (np.asarray(sweep.run) == run))
        at = at[np.argsort(sweep.power_w[at], kind="stable")]
        power, work = sweep.power_w[at], sweep.work[at]
        if len(runs) == 1:
            _require_plausible(path, kind, at, sweep)
        high = np.maximum.accumulate(work)
        falls = np.flatnonzero(work < high - FALLS * work.max())
        if falls.size and len(runs) == 1:
            row = int(at[falls[0]])
            raise ValueError(
                f"{path}, {line(path, row)}: throughput {sweep.work[row]:g} at {sweep.power_w[row]:g} W is lower than "
                f"at less power (class {kind}); measure again, or leave the row out"
            )
        rho = power / power[-1]
        keep = np.append(np.diff(rho) > SAME_RHO, True)
        found.append((rho[keep], high[keep] / high[-1]))
    return found


def _require_plausible(path: Path, kind: str, at: NDArray[np.intp], sweep: Sweep) -> None:
    """Refuse rows of a run, by rising power, that no power limit can have made; decode may have smaller batches."""
    power, work = sweep.power_w[at], sweep.work[at]
    near = np.flatnonzero((np.diff(power) <= SAME_RHO * power[-1]) & (np.abs(np.diff(work)) > FALLS * work.max()))
    if near.size:
        rows = sorted(int(at[near[0] + k]) for k in (0, 1))
        raise ValueError(
            f"{path}, {line(path, rows[0])} and {line(path, rows[1])}: throughput {sweep.work[rows[0]]:g} and "
            f"{sweep.work[rows[1]]:g} at the same power, {sweep.power_w[rows[0]]:g} W (class {kind}); leave one of "
            "them out, or name runs by a column run"
        )
    rho, done = power / power[-1], work / work[-1]
    steep = np.flatnonzero((kind != "decode") & (rho >= SWAPPED_FROM) & (done < SWAPPED * rho))
    if steep.size:
        row = int(at[steep[0]])
        raise ValueError(
            f"{path}, {line(path, row)}: {sweep.power_w[row]:g} W is {rho[steep[0]]:.2f} of the highest power, and "
            f"throughput {sweep.work[row]:g} only {done[steep[0]]:.2f} of the highest (class {kind}); work falls more "
            "slowly than power there. Mend it: are the two columns swapped, or units mixed?"
        )


def _are_lists(both: object) -> bool:
    """Whether it is a list of lists of numbers."""
    lists = isinstance(both, Sequence) and all(isinstance(one, Sequence) and not isinstance(one, str) for one in both)
    return lists and all(isinstance(x, (int, float)) for one in both for x in one)  # type: ignore[attr-defined]


def require_profile(name: str, curves: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Refuse curves that were typed or changed by hand and are none; what is read from a file always passes.

    Raises
    ------
    ValueError
        Naming the class, what was found and the mend.
    """
    for kind, both in curves.items():
        if kind not in CLASSES:
            raise ValueError(f"{name}: {unknown_name('class', kind, CLASSES)}")
        if not _are_lists(both):
            raise ValueError(
                f"{name}: class {kind} is {both!r}; give two lists of numbers, as [[0.5, 1.0], [0.7, 1.0]]"
            )
        if len(both) != 2 or len(both[0]) != len(both[1]) or not LEAST_POINTS <= len(both[0]) <= MOST_POINTS:
            raise ValueError(
                f"{name}: class {kind} has lists of {[len(one) for one in both]} numbers; give two of equal length, "
                f"{LEAST_POINTS} to {MOST_POINTS}: shares of the uncapped power, and of the work at them"
            )
        rho, work = (np.asarray(one, np.float64) for one in both)
        for what, values, rises in (
            ("power", rho, bool((np.diff(rho) > 0.0).all()) and LOWEST_RHO <= rho[0] <= HIGHEST_START),
            ("work", work, bool((np.diff(work) >= 0.0).all()) and work[0] >= 0.0),
        ):
            if not (np.isfinite(values).all() and rises and values[-1] == 1.0):
                least = f"{LOWEST_RHO:g} to {HIGHEST_START:g}" if what == "power" else "0 or more"
                raise ValueError(
                    f"{name}: {what} of class {kind} is {np.round(values, 3).tolist()}; give shares that rise from "
                    f"{least} to exactly 1"
                )


def _curve(path: Path, kind: str, runs: list[tuple[Floats, Floats]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """One curve of a class: the run, or the mean of the runs where at least half of them were measured."""
    if len(runs) == 1:
        rho, work = runs[0]
    else:
        rho = np.asarray(np.arange(round(LOWEST_RHO / GRID), round(1.0 / GRID) + 1) * GRID, np.float64)
        each = np.array([np.interp(rho, *run, left=np.nan) for run in runs])
        enough = np.isfinite(each).sum(axis=0) * 2 >= len(runs)
        rho = rho[enough]
        work = np.asarray(np.nanmean(each[:, enough], axis=0), np.float64)
        if (work < np.maximum.accumulate(work) - FALLS).any():
            raise ValueError(
                f"{path}: the mean throughput of the {len(runs)} runs of class {kind} falls while power rises; give "
                "runs of one kind of accelerator and work"
            )
        work = np.asarray(np.maximum.accumulate(work), np.float64)
    if len(rho) < LEAST_POINTS or rho[0] > HIGHEST_START:
        raise ValueError(
            f"{path}: class {kind} has {len(rho)} points from {rho[0]:.2f} of its uncapped power on; give at least "
            f"{LEAST_POINTS}, the lowest under {HIGHEST_START:g}"
        )
    if len(rho) > MOST_POINTS or rho[0] < LOWEST_RHO:
        raise ValueError(
            f"{path}: class {kind} has {len(rho)} points from {rho[0]:.3f} of its uncapped power on; give at most "
            f"{MOST_POINTS}, none under {LOWEST_RHO:g}"
        )
    if work[0] >= 1.0 - FLAT:
        raise ValueError(
            f"{path}: throughput of class {kind} is the same from {rho[0]:.2f} of its uncapped power on: nothing was "
            "capped; give the power that was drawn, or measure at lower limits"
        )
    return tuple(rho.tolist()), tuple(work.tolist())


# ---- sources ------------------------------------------------------------------------------------------------------


def _zeus(path: Path, frame: pd.DataFrame) -> Sweep:
    """Time for an epoch under limits; configurations that are not compute-bound are left out."""
    limit, time, power = (_numbers(path, frame, name) for name in ("power_limit", "time_per_epoch", "average_power"))
    names = [
        require_column(path, frame, name).astype(str) for name in ("dataset", "network", "batch_size", "optimizer")
    ]
    runs = np.array([" ".join(parts) for parts in zip(*names)])
    bound = np.zeros(len(runs), bool)
    for run in dict.fromkeys(runs.tolist()):
        at = runs == run
        open_w = power[at][np.argmax(limit[at])]
        bound |= at & (limit[at].max() == limit.max()) & (open_w >= COMPUTE_BOUND * limit.max())
    if not bound.any():
        raise ValueError(
            f"{path}: no configuration draws {COMPUTE_BOUND:.0%} of the highest limit, {limit.max():g} W, without a "
            "cap; give a sweep of compute-bound work, up to the highest limit"
        )
    some = np.flatnonzero(bound)
    kinds = [kind for kind in COMPUTE for _ in some]
    return Sweep(kinds, [*runs[some]] * len(COMPUTE), np.tile(power[some], len(COMPUTE)), np.tile(1.0 / time[some], 4))


def _emerald(path: Path, frame: pd.DataFrame) -> Sweep:
    """Jobs of language models, whose names begin with what they do."""
    names = require_column(path, frame, "Workload").astype(str)
    kinds = [next((PREFIXES[p] for p in PREFIXES if name.startswith(p)), "") for name in names]
    power, work = (_numbers(path, frame, name) for name in ("power per GPU", "throughput"))
    return Sweep(kinds, names.tolist(), power, work)


def _ml_energy(path: Path, frame: pd.DataFrame) -> Sweep:
    """Runs of the benchmark's table; power is of all accelerators of a run, and only its ratio counts."""
    kinds = require_column(path, frame, "gpu_model").astype(str)
    if kinds.nunique() > 1:
        raise ValueError(
            f"{path}: runs on {', '.join(sorted(kinds.unique())[:5])}; give those of one gpu_model, as a rack has"
        )
    power, work = (_numbers(path, frame, n) for n in ("avg_power_watts", "output_throughput_tokens_per_sec"))
    parts = [require_column(path, frame, name).astype(str) for name in ("model_id", "num_gpus")]
    parts += [frame[name].astype(str) for name in ("task", "weight_precision") if name in frame.columns]
    return Sweep(["decode"] * len(frame), [" ".join(one) for one in zip(*parts)], power, work)


def _own(power: str) -> Callable[[Path, pd.DataFrame], Sweep]:
    def taken(path: Path, frame: pd.DataFrame) -> Sweep:
        watts, work = _numbers(path, frame, power), _numbers(path, frame, "throughput")
        runs = frame["run"].fillna("").astype(str).tolist() if "run" in frame.columns else [""] * len(frame)
        if "class" not in frame.columns:
            kinds = [kind for kind in CLASSES for _ in runs]
            return Sweep(kinds, runs * len(CLASSES), np.tile(watts, len(CLASSES)), np.tile(work, len(CLASSES)))
        kinds = frame["class"].fillna("").astype(str).str.strip().tolist()
        for row, kind in enumerate(kinds):
            if kind not in CLASSES:
                raise ValueError(f"{path}, {line(path, row)}: {unknown_name('class', kind, CLASSES)}")
        return Sweep(kinds, runs, watts, work)

    return taken


def _numbers(path: Path, frame: pd.DataFrame, name: str) -> Floats:
    """A column of numbers above 0; a unit behind them, as nvidia-smi prints it, is let be."""
    import pandas as pd

    cells = require_column(path, frame, name)
    text = cells.astype(str).str.strip().str.removesuffix(" W")
    found = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    bad = np.flatnonzero(~(np.isfinite(found) & (found > 0.0)))
    if bad.size or not found.size:
        row = int(bad[0]) if bad.size else 0
        what = shown(cells.iloc[row]) if found.size else "no rows"
        raise ValueError(
            f"{path}, {line(path, row)}, column {name!r}: found {what}, expected a number above 0; mend it"
        )
    return found


_SOURCES: tuple[tuple[tuple[str, ...], Callable[[Path, pd.DataFrame], Sweep]], ...] = (
    (("power_limit", "time_per_epoch", "average_power", "network"), _zeus),
    (("Workload", "power per GPU", "throughput"), _emerald),
    (("gpu_model", "avg_power_watts", "output_throughput_tokens_per_sec"), _ml_energy),
    (("power.draw [W]", "throughput"), _own("power.draw [W]")),
    (("power_w", "throughput"), _own("power_w")),
)
