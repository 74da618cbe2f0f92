"""Do the tests see a fault? ``python -m scripts.mutants`` plants faults one by one and runs the nearest tests on each.

Cosmic Ray makes the faults. A seeded sample is spread over the rooms of ``scripts/mutants.yaml``, which names the tests
nearest to each module, adds mutants made by hand, and explains those that survive. All of it happens in copies of the
tree in a temporary folder: the working tree is never written to, but for the page ``docs/validation/mutants.md``.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from cosmic_ray.testing import run_tests
from cosmic_ray.util import restore_contents
from cosmic_ray.work_item import TestOutcome

from envs.whole_file import write_whole
from experiments.records.prose import wrapped_lines

ROOT = Path(__file__).resolve().parents[1]
PLAN = ROOT / "scripts" / "mutants.yaml"
PAGE = ROOT / "docs" / "validation" / "mutants.md"
#: Operators of Cosmic Ray that are left out: those that need names to put in, and those that any run of the line tells
#: (a class that is no dataclass any more, bitwise operators on floats), which would flatter the tests.
LEFT_OUT = ("VariableReplacer", "VariableInserter", "RemoveDecorator", "NoOp")
LEFT_OUT += ("_RShift", "_LShift", "_BitOr", "_BitAnd", "_BitXor")
EACH, SEED = 8, 22  # of the stored page
LEAST_KILLED_FRAC = 0.9
LEAST_TIME_S = 60.0
PATIENCE = 6.0  # times what the tests take on the code as it is
MOST_MEMORY_BYTES = 16 << 30
BY_HAND = "by hand"

Place = tuple[int, int]  # line from 1, column from 0


@dataclass(frozen=True)
class Mutant:
    """One fault: a line of a module before and after, and the tests that should see it."""

    room: str
    module: str
    line: int
    fault: str
    was: str
    became: str
    text: str = field(repr=False, compare=False)
    tests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What ``scripts/mutants.yaml`` says: tests by module by room, mutants by hand, and survivors explained."""

    rooms: Mapping[str, Mapping[str, tuple[str, ...]]]
    by_hand: tuple[Mapping[str, str], ...]
    explained: Mapping[tuple[str, str], str]

    @property
    def tests(self) -> dict[str, tuple[str, ...]]:
        """Nearest tests by module."""
        return {module: tests for modules in self.rooms.values() for module, tests in modules.items()}


def read_plan() -> Plan:
    """The plan of this repository."""
    raw: dict[str, Any] = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
    rooms = {room: {module: tuple(t) for module, t in modules.items()} for room, modules in raw["rooms"].items()}
    explained = {(entry["module"], entry["line"]): entry["why"] for entry in raw["explained"]}
    return Plan(rooms, tuple(raw["by_hand"]), explained)


def sample(plan: Plan, each: int, seed: int) -> list[Mutant]:
    """``each`` mutants of every room, the modules of a room in turn; a place in the code is taken once at most."""
    made = []
    for room, modules in plan.rooms.items():
        draw = random.Random(f"{seed} {room}")
        order = draw.sample(sorted(modules), len(modules))
        found = {module: list(_places(module)) for module in order}
        places = [[(module, place) for place in draw.sample(found[module], len(found[module]))] for module in order]
        in_turn = [drawn for drawns in zip_longest(*places) for drawn in drawns if drawn is not None]
        for module, operators in in_turn[:each]:
            made.append(_mutant(room, module, modules[module], *draw.choice(operators)))
    return made


def by_hand(plan: Plan) -> list[Mutant]:
    """The mutants that the plan spells out.

    Raises
    ------
    ValueError
        Where a place is gone, or is not the only one.
    """
    made = []
    for entry in plan.by_hand:
        module, was, became = entry["module"], entry["was"], entry["becomes"]
        text = (ROOT / module).read_text(encoding="utf-8")
        if text.count(was) != 1:
            raise ValueError(
                f"{PLAN.name}: {was!r} stands {text.count(was)} times in {module}; give what is there once"
            )
        line = text[: text.index(was)].count("\n") + 1
        changed = text.replace(was, became)
        made.append(Mutant(BY_HAND, module, line, entry["meaning"], was, became, changed, plan.tests[module]))
    return made


def _places(module: str) -> Iterator[list[tuple[str, int]]]:
    """Every place of a module that can be changed, as the operators (and which use of each) that change it."""
    text = (ROOT / module).read_text(encoding="utf-8")
    silent = _silent_spans(text)
    operators = {name: get_operator(name)() for name in operator_names() if not name.endswith(LEFT_OUT)}
    used = dict.fromkeys(operators, 0)
    found: dict[Place, list[tuple[str, int]]] = {}
    for node in ast_nodes(get_ast(text)):
        for name, operator in operators.items():
            for at, _ in operator.mutation_positions(node):
                if not any(start <= at < end for start, end in silent):
                    found.setdefault(at, []).append((name, used[name]))
                used[name] += 1
    yield from found.values()


def _silent_spans(text: str) -> list[tuple[Place, Place]]:
    """Where no fault can be: annotations, which nobody evaluates, and the words of an error."""
    spans = []
    for node in ast.walk(ast.parse(text)):
        parts = [node if isinstance(node, ast.Raise) else None]
        parts += [getattr(node, name, None) for name in ("annotation", "returns")]
        for part in parts:
            if isinstance(part, (ast.expr, ast.stmt)):
                end = (part.end_lineno or part.lineno, part.end_col_offset or part.col_offset)
                spans.append(((part.lineno, part.col_offset), end))
    return spans


def _mutant(room: str, module: str, tests: tuple[str, ...], name: str, occurrence: int) -> Mutant:
    text = (ROOT / module).read_text(encoding="utf-8")
    changed = mutate_code(text, get_operator(name)(), occurrence)
    assert changed is not None
    before, after = text.split("\n"), changed.split("\n")
    line = next(i for i, (a, b) in enumerate(zip(before, after)) if a != b)
    fault = name.rpartition("/")[2].removeprefix("Replace").replace("Operator_", ": ").replace("_", " to ")
    return Mutant(room, module, line + 1, fault, before[line].strip(), after[line].strip(), changed, tests)


class Judge:
    """Runs tests on mutants in a copy of the tree; one of them in each process."""

    def __init__(self, folder: str) -> None:
        self.root = Path(tempfile.mkdtemp(dir=folder))
        _copy_tree(self.root)
        self.times_s: dict[tuple[str, ...], float] = {}
        os.chdir(self.root)
        os.environ |= {"PYTHONPATH": str(self.root), "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))

    def killed(self, mutant: Mutant) -> bool:
        """Whether a test fails on the mutant, or takes far longer than without it.

        Raises
        ------
        RuntimeError
            Where the tests fail on the code as it is.
        """
        words = f"{shlex.quote(sys.executable)} -m pytest -x -q -p no:cacheprovider {shlex.join(mutant.tests)}"
        if mutant.tests not in self.times_s:
            start = time.perf_counter()
            outcome, output = run_tests(words, 600.0)
            if outcome is not TestOutcome.SURVIVED:
                raise RuntimeError(f"{' '.join(mutant.tests)} fail on the code as it is:\n{output[-3000:]}")
            self.times_s[mutant.tests] = time.perf_counter() - start
        with restore_contents(self.root / mutant.module):
            (self.root / mutant.module).write_text(mutant.text, encoding="utf-8")
            outcome, _ = run_tests(words, max(LEAST_TIME_S, PATIENCE * self.times_s[mutant.tests]))
        return outcome is not TestOutcome.SURVIVED


_judge: Judge | None = None


def _begin(folder: str) -> None:
    global _judge
    _judge = Judge(folder)


def _killed(mutant: Mutant) -> bool:
    assert _judge is not None
    return _judge.killed(mutant)


def _copy_tree(to: Path) -> None:
    """Copy what git tracks or would track, as it stands in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    compiled = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", str(to)]
    subprocess.run(compiled, check=True)  # by the text and not its time: a mutant is seen, the rest is not read anew


def judged(mutants: Sequence[Mutant], jobs: int) -> list[bool]:
    """Which of the mutants are killed, in their order; prints a line for each."""
    found = []
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        ProcessPoolExecutor(jobs, initializer=_begin, initargs=(folder,)) as pool,
    ):
        for mutant, killed in zip(mutants, pool.map(_killed, mutants)):
            state = "killed  " if killed else "SURVIVED"
            print(f"{state} {mutant.module}:{mutant.line}  {mutant.was[:70]}  ->  {mutant.became[:70]}", flush=True)
            found.append(killed)
    return found


def page(plan: Plan, mutants: Sequence[Mutant], killed: Sequence[bool], command: str) -> str:
    """The page that tells what was planted and what was seen."""
    drawn = [(m, k) for m, k in zip(mutants, killed) if m.room != BY_HAND]
    made = [(m, k) for m, k in zip(mutants, killed) if m.room == BY_HAND]
    seen, seen_by_hand = (sum(k for _, k in pairs) for pairs in (drawn, made))
    lines = [
        "# Faults planted in the code",
        "",
        f"**The nearest tests kill {seen} of {len(drawn)} mutants of a seeded sample "
        f"({100 * seen / len(drawn):.0f} %), and {seen_by_hand} of {len(made)} made by hand.**",
        "",
        "- A mutant is the code with one fault. It is killed where a test of the module's nearest tests fails on it.",
        "- Annotations and the words of errors are left out of the sample. `scripts/mutants.yaml` names the nearest "
        "tests.",
        "- Only these tests are run on a mutant. The whole suite sees more.",
        "",
        f"Written by `{command}`; do not edit by hand.",
        "",
        "| room | mutants | killed |",
        "|---|---|---|",
    ]
    for room in plan.rooms:
        states = [k for m, k in drawn if m.room == room]
        lines.append(f"| {room} | {len(states)} | {sum(states)} |")
    lines += ["", "## Survivors of the sample", ""]
    lines += ["| place | was | became | why it lives |", "|---|---|---|---|"]
    for m, k in drawn:
        if not k:
            why = plan.explained.get((m.module, m.became), "**not explained**")
            lines.append(f"| `{m.module}:{m.line}` | {_code(m.was)} | {_code(m.became)} | {why} |")
    lines += ["", "## Made by hand", "", "| fault | module | result |", "|---|---|---|"]
    lines += [f"| {m.fault} | `{m.module}:{m.line}` | {_state(k)} |" for m, k in made]
    lines += ["", "## The sample", "", "| place | fault | became | result |", "|---|---|---|---|"]
    lines += [f"| `{m.module}:{m.line}` | {m.fault} | {_code(m.became)} | {_state(k)} |" for m, k in drawn]
    return "\n".join(wrapped_lines(lines)) + "\n"


def _state(killed: bool) -> str:
    return "killed" if killed else "**survived**"


def _code(text: str) -> str:
    """A line of code as a cell of a table."""
    return f"`{text.replace('|', chr(92) + '|').replace('`', chr(39))}`"


def main(words: Sequence[str] | None = None) -> None:
    """Plant the faults, write the page, and fail where too many live or one of them is not explained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=EACH, help=f"mutants of each room ({EACH})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the sample ({SEED})")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--rooms", nargs="+", help="only these; 'by hand' is one")
    parser.add_argument("--page", type=Path, help="where to write the page; with the default sample docs/validation")
    given = parser.parse_args(words)
    plan = read_plan()
    mutants = [m for m in sample(plan, given.each, given.seed) + by_hand(plan) if m.room in (given.rooms or [m.room])]
    killed = judged(mutants, given.jobs)
    usual = given.rooms is None and (given.each, given.seed) == (EACH, SEED)
    place = given.page or (PAGE if usual else None)
    if place:
        write_whole(place, page(plan, mutants, killed, "make mutants"))
    lives = [m for m, k in zip(mutants, killed) if not k]
    unexplained = [m for m in lives if (m.module, m.became) not in plan.explained]
    print(f"{len(mutants) - len(lives)} of {len(mutants)} killed, {len(unexplained)} survivors are not explained")
    if unexplained or len(lives) > (1.0 - LEAST_KILLED_FRAC) * len(mutants):
        sys.exit(1)


if __name__ == "__main__":
    main()
