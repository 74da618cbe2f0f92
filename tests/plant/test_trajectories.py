"""The plant and every episode stay equal to the bit, unless a change says that it moves them."""

import json

import pytest
from trajectories import DTYPES, SCENARIOS, STORED, episode, processor, summary

KEPT = json.loads(STORED.read_text(encoding="utf-8"))
#: On another processor numpy rounds otherwise, and a chiller may then start a step later.
FAR = 1e-3


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_trajectory_is_what_it_was(scenario: str, dtype: str) -> None:
    stored, found = KEPT["trajectories"][f"{scenario} {dtype}"], summary(episode(scenario, dtype))
    assert stored.keys() == found.keys()
    if processor() == KEPT["processor"]:
        assert found == stored
    elif dtype == "float64":
        means = {name: mean for name, (_, mean) in found.items() if not name.endswith("residual_kw")}
        assert means == pytest.approx({name: stored[name][1] for name in means}, rel=FAR, abs=FAR)


def test_a_moved_bit_is_seen() -> None:
    found = episode("edge_room", "float64")
    before = summary(found)
    found["facility_power_kw"][7, 1] *= 1.0 + 1e-15
    after = summary(found)
    assert [name for name in before if before[name] != after[name]] == ["facility_power_kw"]
