"""Torch differentiates a plant as it differentiates its own functions."""

import numpy as np
import pytest

from agents.learning.layer import Layer
from envs.core import DataCenterCore
from envs.engine.gradient import Adjoint

pytest.importorskip("llvmlite")
torch = pytest.importorskip("torch")


def test_a_layer_has_the_slopes_that_torch_gives_the_same_formula() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 3, 7))

    def formula(tree, other, xp):  # type: ignore[no-untyped-def]
        return {"a": xp.exp(tree["x"]) * other, "b": (tree["x"] * other, None)}

    layer = Layer(Adjoint(lambda tree, other: formula(tree, other, np), ({"x": x}, y)))
    slopes = []
    for function in (layer, lambda tree, other: formula(tree, other, torch)):
        given = {"x": torch.tensor(x, requires_grad=True)}, torch.tensor(y, requires_grad=True)
        made = function(*given)
        (made["a"] ** 2 + torch.tanh(made["b"][0])).sum().backward()
        slopes.append((given[0]["x"].grad, given[1].grad))
    for a, b in zip(*slopes, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_setpoints_are_learnt_through_the_plant() -> None:
    core = DataCenterCore("edge_room", 8, ["site.workload_weeks=1"])
    core.reset(seed=1)
    rest = (core.outside, core._load, core.lost, core.t.copy())
    step = Layer(Adjoint(core.plant.step, (core.state, core.in_force, *rest), wrt=(0, 1)))
    added_k = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([added_k], lr=0.3)
    powers = []
    for _ in range(15):
        name = "supply_air_temp_setpoint_c"
        setpoints = {**core.in_force, name: torch.as_tensor(core.in_force[name]) + added_k}
        state, total = core.state, 0.0
        for _ in range(6):
            state, flows = step(state, setpoints, *rest)
            total = total + flows.facility_power_kw.mean()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        powers.append(float(total.detach()))
    assert powers[-1] < powers[0] - 1e-3, powers
