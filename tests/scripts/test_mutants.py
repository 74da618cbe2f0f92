"""The mutants are spread over the rooms, the same at the same seed, and never touch the working tree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.mutants import EACH, PAGE, ROOT, SEED, by_hand, judged, read_plan, sample

PLAN = read_plan()
HINGE = replace(PLAN, rooms={"physics": {"envs/physics/hinge.py": PLAN.tests["envs/physics/hinge.py"]}})


def test_sixty_mutants_and_more_are_spread_over_eight_rooms() -> None:
    assert len(PLAN.rooms) == 8 and EACH * len(PLAN.rooms) >= 60
    assert all(len(modules) >= 2 for modules in PLAN.rooms.values())


def test_every_module_and_every_test_of_the_plan_is_there() -> None:
    assert not [p for module, tests in PLAN.tests.items() for p in (module, *tests) if not (ROOT / p).is_file()]


def test_a_sample_is_the_same_at_the_same_seed_and_takes_no_place_twice() -> None:
    made = sample(HINGE, 12, SEED)
    assert made == sample(HINGE, 12, SEED) != sample(HINGE, 12, SEED + 1)
    assert len({(m.line, m.became) for m in made}) == 12
    assert all(compile(m.text, m.module, "exec") and m.was != m.became for m in made)


def test_every_gate_is_left_out_by_hand_once() -> None:
    from envs.interface.constraints import GATES

    assert {c.name for c in GATES} == {
        m.became.split('"')[1] for m in by_hand(PLAN) if m.module.endswith("constraints.py")
    }


def test_the_stored_page_has_every_mutant_made_by_hand_killed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    made = text.split("## Made by hand")[1].split("\n## ")[0]
    assert made.count("| killed |") == len(PLAN.by_hand) and "survived" not in made
    assert "**not explained**" not in text


@pytest.mark.slow
def test_a_planted_fault_is_seen_and_the_working_tree_is_not_touched() -> None:
    (mutant,) = sample(HINGE, 1, SEED)
    whole = (ROOT / mutant.module).read_text(encoding="utf-8")
    harmless = replace(mutant, text=whole + "\n")
    assert judged([replace(mutant, text=whole.replace("return", "return 1.0 +", 1)), harmless], 1) == [True, False]
    assert (ROOT / mutant.module).read_text(encoding="utf-8") == whole
