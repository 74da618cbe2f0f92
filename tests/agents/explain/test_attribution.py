"""Attributions add up, are right where the answer is known, and come near to integrated gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agents.explain.attribution import action_of, attributed
from agents.explain.tree import Leaf, Split, imitation
from agents.runtime.network import Network


def network(place: Path, activations: tuple[str, ...], seed: int = 0, squashed: bool = False) -> Network:
    """A random network of a bundle: 9 elements in, 4 actions out."""
    generator = np.random.default_rng(seed)
    sizes = [9, *[16] * (len(activations) - 1), 4]
    arrays = {
        f"weight_{i}": generator.normal(0, 0.7, (b, a)).astype(np.float32)
        for i, (a, b) in enumerate(zip(sizes, sizes[1:]))
    }
    arrays |= {f"bias_{i}": generator.normal(0, 0.3, b).astype(np.float32) for i, b in enumerate(sizes[1:])}
    box = {"action_low": np.full(4, -1, np.float32), "action_high": np.full(4, 1, np.float32)}
    np.savez(place / "policy.npz", activations=np.array(activations), squashed=np.array(squashed), **arrays, **box)
    return Network(place / "policy.npz")


KINDS = [("tanh", "tanh", "identity"), ("relu", "relu", "identity"), ("elu", "elu", "tanh"), ("relu", "tanh")]


@pytest.mark.parametrize("activations", KINDS)
@pytest.mark.parametrize("parts", [1, 7, 32])
def test_attributions_add_up_to_the_change_of_the_action_for_any_number_of_parts(
    activations: tuple[str, ...], parts: int, tmp_path: Path
) -> None:
    made = network(tmp_path, activations, squashed=activations[-1] == "tanh")
    generator = np.random.default_rng(1)
    for _ in range(50):
        usual, now = generator.uniform(-1.0, 1.0, (2, 9))
        adds = attributed(made, usual, now, parts)
        np.testing.assert_allclose(adds.sum(axis=1), action_of(made, now) - action_of(made, usual), atol=1e-9)


def test_what_did_not_change_adds_nothing_and_a_linear_network_is_known(tmp_path: Path) -> None:
    made = network(tmp_path, ("identity",))
    made.low, made.high = made.low * 1e3, made.high * 1e3
    usual, now = np.zeros(9), np.linspace(-1.0, 1.0, 9)
    np.testing.assert_allclose(attributed(made, usual, now), made.weights[0].T * now, rtol=1e-6, atol=1e-12)
    assert not attributed(made, now, now).any()
    same = now.copy()
    same[3] = 0.0
    moved = attributed(made, same, now)
    assert not np.delete(moved, 3, axis=1).any()


def test_it_comes_near_to_integrated_gradients(tmp_path: Path) -> None:
    made = network(tmp_path, ("tanh", "tanh", "identity"))
    made.low, made.high = made.low * 1e3, made.high * 1e3
    usual, now = np.random.default_rng(2).uniform(-1.0, 1.0, (2, 9))
    step, gradients = 1e-5, np.zeros((4, 9))
    for share in (np.arange(400) + 0.5) / 400:
        at = usual + share * (now - usual)
        for k in range(9):
            move = np.eye(9)[k] * step
            gradients[:, k] += (action_of(made, at + move) - action_of(made, at - move)) / (2.0 * step) / 400
    np.testing.assert_allclose(attributed(made, usual, now, 256), gradients * (now - usual), atol=1e-4)


def test_a_tree_finds_a_rule_that_is_one_and_says_so() -> None:
    generator = np.random.default_rng(3)
    seen = generator.uniform(0.0, 30.0, (600, 6))
    setpoint = np.where(seen[:, 2] <= 14.0, 18.0, np.where(seen[:, 4] <= 20.0, 21.0, 24.0))
    found = imitation(seen, setpoint)
    assert isinstance(found.tree, Split) and found.tree.element == 2
    assert found.tree.threshold == pytest.approx(14.0, abs=0.3)
    assert found.fidelity > 0.97 and found.off < 0.4
    lines = found.lines("abcdef", "degC")
    assert lines[0] == f"c at most {found.tree.threshold:.4g}:" and "18 degC" in lines[1]


def test_a_tree_of_noise_is_not_to_be_believed_and_says_so() -> None:
    generator = np.random.default_rng(4)
    found = imitation(generator.uniform(size=(600, 6)), generator.uniform(size=600))
    assert found.fidelity < 0.1
    still = imitation(generator.uniform(size=(96, 2)), np.full(96, 21.0))
    assert isinstance(still.tree, Leaf) and np.isnan(still.fidelity) and still.off == 0.0


def test_a_short_log_is_refused() -> None:
    with pytest.raises(ValueError, match="too few for a tree"):
        imitation(np.zeros((20, 2)), np.zeros(20))
