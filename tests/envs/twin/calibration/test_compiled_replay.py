"""Compiled replays show what numpy shows, for plants of any values, and no plant is taken for another."""

import warnings

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.engine import choice
from envs.episodes.world import World
from envs.plant.datacenter import Plant
from envs.scenario import load
from envs.twin.calibration.free_parameters import FreeParameter, free_parameters
from envs.twin.calibration.plant_family import PlantFamily
from envs.twin.calibration.rack_load import activity_of
from envs.twin.calibration.replay import Candidates, plant_of, replay
from envs.twin.calibration.windows import Windows, windows_of
from envs.twin.telemetry.synthetic import plan_of, simulated_truth

pytest.importorskip("llvmlite")
SCENARIOS = ("edge_room", "legacy_air")
HOUR_S = 3600.0


def windows(name: str) -> tuple[Windows, list[FreeParameter]]:
    scenario = load(name, ["site.workload_weeks=1"])
    world = World.build(scenario)
    truth = simulated_truth(scenario, 84, plan_of(world, [40], 2), world)
    layout = DataCenterCore(scenario, 1, dtype="float64", world=world).plant.layout
    made = windows_of(truth.hall(0), scenario, layout, 2.0 * HOUR_S, HOUR_S)
    return made, free_parameters(scenario)


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.quick_for("edge_room")
def test_every_candidate_shows_what_it_shows_on_numpy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two values of each parameter, one of which is the prior, and candidates that are alone."""
    of, free = windows(name)
    scenario = load(name, ["site.workload_weeks=1"])
    draws = np.random.default_rng(0).uniform(-0.5, 0.5, (len(free), 3))
    draws[:, 0] = 0.0
    found: dict[str, list[np.ndarray]] = {"numpy": [], "llvm": []}
    for engine, shown in found.items():
        monkeypatch.setenv(choice.ENGINE_VARIABLE, engine)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            for u in (draws[:, :1], draws[:, 1:2], draws):
                activity = activity_of(scenario, of, free, u[:, -1])
                shown += [activity, replay(scenario, Candidates(free, u), of, activity, of.outputs)]
    for a, b in zip(*found.values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_a_plant_that_differs_in_something_else_is_refused() -> None:
    scenario = load("edge_room", ["site.workload_weeks=1"])
    free = free_parameters(scenario, ("fan_kw",))

    def plant(sites: int) -> Plant:
        u = np.random.default_rng(sites).uniform(-0.5, 0.5, (len(free), sites))
        return plant_of(scenario, Candidates(free, u).values(), 1)

    family = PlantFamily(lambda plant, state: (state, state), plant(2), plant(3))
    assert len(family.constants(plant(4), 4)) > 0
    other = load("edge_room", ["site.workload_weeks=1", "zones.room.plenum_kj_k=900.0"])
    strange = plant_of(other, Candidates(free, np.zeros((len(free), 4))).values(), 1)
    with pytest.raises(ValueError, match="plenum_kj_k"):
        family.constants(strange, 4)
