"""Frozen parameter classes as typed nodes and back."""

from __future__ import annotations

from dataclasses import dataclass, field, is_dataclass

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from envs.scenario import SHIPPED, Scenario, load
from envs.scenario.typed_config import checked_config, mutable_class, mutable_copy, schema


@dataclass(frozen=True)
class Inner:
    size: float = 1.0
    kind: str = "a"


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    maybe: Inner | None = None
    many: dict[str, Inner] = field(default_factory=dict)
    spans: dict[str, list[float]] = field(default_factory=dict)
    names: list[str] = field(default_factory=lambda: ["x"])


def merged(*lines: str) -> Outer:
    built = checked_config(Outer, OmegaConf.merge(schema(Outer), OmegaConf.from_dotlist(list(lines))))
    assert isinstance(built, Outer)
    return built


def test_defaults_come_back_as_they_were() -> None:
    assert merged() == Outer()


def test_nested_values_are_built_as_their_own_frozen_classes() -> None:
    made = merged("inner.size=2", "maybe.kind=b", "many.k.size=3", "spans.s=[1,2.5]", "names=[p,q]")
    assert made == Outer(Inner(2.0), Inner(kind="b"), {"k": Inner(3.0)}, {"s": [1.0, 2.5]}, ["p", "q"])
    assert isinstance(made.inner.size, float) and isinstance(made.spans["s"][0], float)


@pytest.mark.parametrize("line", ["inner.nothing=1", "inner.size=big", "many.k.nothing=1", "names={a: 1}"])
def test_a_wrong_key_or_type_is_refused(line: str) -> None:
    with pytest.raises(OmegaConfBaseException):
        merged(line)


def test_an_optional_machine_may_be_taken_away_again() -> None:
    assert merged("maybe.size=2", "maybe=null").maybe is None


def test_a_twin_has_the_same_fields_and_may_be_written() -> None:
    made = mutable_copy(Outer(maybe=Inner(2.0)))
    assert is_dataclass(made) and type(made) is mutable_class(Outer)
    made.maybe.size = 4.0
    assert made.maybe.size == 4.0


@pytest.mark.parametrize("name", SHIPPED)
def test_a_scenario_survives_the_way_there_and_back(name: str) -> None:
    scenario = load(name)
    assert checked_config(Scenario, schema(scenario)) == scenario
