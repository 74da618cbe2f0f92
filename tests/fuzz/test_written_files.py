"""What the product writes and reads again (bundle, model, card, checkpoint) is a value or an error that names it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.learning.checkpoint import read_counters
from agents.learning.plain_tree import read_tree, write_tree
from agents.policy import interface_of
from agents.runtime.act_command import Policy, decided, middle_reading, read_json
from agents.runtime.exported_policy import ExportedPolicy
from agents.runtime.manifest import ACT, FORMAT, MANIFEST, ONNX, WEIGHTS, content_sum, file_hash
from agents.runtime.network import Network
from envs.core import DataCenterCore
from experiments.records.run_folder import RUN_FILE, read_card
from tests.fuzz.answers import FUZZ, LONGEST_MESSAGE, bounded_work, refusal_of
from tests.fuzz.damage import damaged_bytes

HALL = DataCenterCore("edge_room", 1)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from((0, -1, 10**400, "", "policy.npz", "../../policy.npz", "/dev/zero", "NaN", "a" * 3000))
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
COUNTERS = {
    "format": "coldaisle-checkpoint/1",
    "files": {},
    "algorithm": "ppo",
    "steps": 100,
    "seed": 1,
    "environments": 8,
    "plateau": {"best": -1.0, "stale": 0},
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole bundle of a hall, with a network of one layer."""
    folder = tmp_path_factory.mktemp("bundle")
    size, actions = HALL.observer.size, HALL.decoder.size
    arrays = {"weight_0": np.zeros((actions, size), np.float32), "bias_0": np.zeros(actions, np.float32)}
    bounds = {"action_low": np.full(actions, -1.0, np.float32), "action_high": np.ones(actions, np.float32)}
    np.savez(folder / WEIGHTS, activations=np.array(["tanh"]), squashed=np.array(False), **arrays, **bounds)
    (folder / ONNX).write_bytes(b"no reader opens it")
    (folder / ACT).write_bytes(b"nor this")
    manifest = {
        "format": FORMAT,
        "algorithm": "ppo",
        "network": {"observation_size": size, "action_size": actions, "squashed": False, "opset": 17},
        "parity": {"npz": 0.0, "onnx": 0.0},
        "files": {name: file_hash(folder / name) for name in (WEIGHTS, ONNX, ACT)},
        "versions": {},
        **dict.fromkeys(("scenario", "scenario_hash", "git_hash"), "x"),
        "settings": {},
        "evaluation_card": {},
        "interface": interface_of(HALL).plain(),
        "derived": {},
        "site": {},
    }
    (folder / MANIFEST).write_text(json.dumps({**manifest, "sha256": content_sum(json.loads(json.dumps(manifest)))}))
    return folder


def nodes_of(content: Any) -> list[tuple[Any, Any]]:
    """Every container of nested data, with each of its keys."""
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    found = [(content, key) for key in keys]
    return found + [pair for key in keys if isinstance(content[key], (dict, list)) for pair in nodes_of(content[key])]


@st.composite
def damaged_json(draw: st.DrawFn, text: str) -> bytes:
    """JSON with an odd value, without one of its keys, or with damaged bytes."""
    content = json.loads(text)
    if draw(st.booleans()):
        return draw(damaged_bytes(text.encode()))
    owner, key = draw(st.sampled_from(nodes_of(content)))
    if isinstance(owner, dict) and draw(st.booleans()):
        del owner[key]
    else:
        owner[key] = draw(PLAIN)
    if isinstance(content, dict) and draw(st.booleans()):  # sealed again: what lies behind the sum is met too
        content["sha256"] = content_sum(content)
    return json.dumps(content).encode()


def test_the_whole_bundle_is_read(bundle: Path) -> None:
    assert refusal_of(ExportedPolicy, bundle) is None


@settings(FUZZ)
@given(data=st.data())
def test_a_damaged_manifest_is_a_policy_or_an_error_that_names_the_bundle(bundle: Path, data: st.DataObject) -> None:
    whole = (bundle / MANIFEST).read_bytes()
    try:
        (bundle / MANIFEST).write_bytes(data.draw(damaged_json(whole.decode())))
        refusal_of(ExportedPolicy, bundle)
    finally:
        (bundle / MANIFEST).write_bytes(whole)


@st.composite
def odd_arrays(draw: st.DrawFn, whole: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays of which one is lost, of another shape or type, or holds odd numbers."""
    made = dict(whole)
    name = draw(st.sampled_from(sorted(made)))
    value = made.pop(name)
    change = draw(st.sampled_from(("lost", "flat", "deep", "text", "odd", "whole", "complex", "empty", "time", "none")))
    odd: dict[str, Callable[[], np.ndarray]] = {
        "flat": value.ravel,
        "deep": lambda: value[None],
        "text": lambda: np.array(["tanh", "no"]),
        "odd": lambda: np.full(value.shape, draw(st.sampled_from((np.nan, np.inf, 1e308)))),
        "whole": lambda: np.zeros(value.shape, np.int64),
        "complex": lambda: np.full(value.shape, 1j),
        "empty": lambda: np.zeros(0),
        "time": lambda: np.zeros(value.shape, "datetime64[s]"),
        "none": lambda: np.array(None),
    }
    return made if change == "lost" else {**made, name: odd[change]()}


@settings(FUZZ)
@given(data=st.data())
def test_damaged_weights_are_a_network_or_an_error_that_names_them(
    bundle: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "weights.npz"
    if data.draw(st.booleans()):
        path.write_bytes(data.draw(damaged_bytes((bundle / WEIGHTS).read_bytes())))
    else:
        with np.load(bundle / WEIGHTS) as stored:
            np.savez(path, **data.draw(odd_arrays(dict(stored))))
    refusal_of(Network, path)


def test_weights_that_unpack_to_gigabytes_are_refused(bundle: Path, tmp_path: Path) -> None:
    """A header that promises 8 GB, and zeros that unpack a thousandfold."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000,), }"
    for compression, body in ((zipfile.ZIP_STORED, b""), (zipfile.ZIP_DEFLATED, bytes(1 << 24))):
        path = tmp_path / f"bomb{compression}.npz"
        with zipfile.ZipFile(path, "w", compression) as parts:
            start = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n"
            parts.writestr("activations.npy", start + body)
        assert refusal_of(Network, path) is not None
        assert refusal_of(read_tree, path) is not None


@settings(FUZZ)
@given(data=st.data())
def test_a_damaged_model_file_is_a_tree_or_an_error_that_names_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "model.npz"
    write_tree(path, {"a": np.arange(3.0), "b": [1, None, (2.5, "x")], "c": {"d": np.float32(1.0)}})
    path.write_bytes(data.draw(damaged_bytes(path.read_bytes())))
    refusal_of(read_tree, path)


@pytest.mark.parametrize(
    ("read", "name", "content"),
    [(read_card, RUN_FILE, {"algorithm": "ppo", "settings": {}}), (read_counters, "counters.json", COUNTERS)],
)
@settings(FUZZ)
@given(data=st.data())
def test_a_damaged_card_is_a_value_or_an_error_that_names_it(
    read: Callable[[Path], object],
    name: str,
    content: dict[str, object],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / name).write_bytes(data.draw(damaged_json(json.dumps(content))))
    refusal_of(read, folder)


ODD_READINGS = (
    "", "now", "NaN", "2023-02-30T00:00Z", "1e400", 10**400, -1, 1e308, True, None, [], {}, [[1.0]], [None],
    {"value": 1.0}, {"value": [20.0], "time": "yesterday"}, {"value": [20.0], "time": 1e30}, {"time": 0},
    {"value": [20.0], "at": 1},
)  # fmt: skip


@settings(FUZZ)
@given(data=st.data())
def test_odd_measurements_are_setpoints_or_an_error_that_names_the_point_and_never_a_stack(
    bundle: Path, data: st.DataObject
) -> None:
    """What `act.py` is handed: points that are lost, doubled, misspelt, of another shape, type, age or size."""
    policy = Policy(bundle)
    reading: dict[str, Any] = dict(middle_reading(policy))
    spoilt = data.draw(st.sampled_from([*sorted(reading), "time", "zone_suply_c"]))
    reading[spoilt] = data.draw(PLAIN | st.sampled_from(ODD_READINGS))
    if data.draw(st.booleans()):
        del reading[data.draw(st.sampled_from(sorted(reading)))]
    try:
        with bounded_work():
            given = decided(policy, reading)
    except ValueError as refusal:
        assert len(str(refusal)) <= LONGEST_MESSAGE
        return
    assert all(np.isfinite(value).all() for value in given.values())


@settings(FUZZ)
@given(data=st.data())
def test_a_damaged_memory_is_recalled_or_refused_and_never_a_stack(bundle: Path, data: st.DataObject) -> None:
    policy = Policy(bundle)
    decided(policy, dict(middle_reading(policy)))
    text = data.draw(damaged_json(json.dumps(policy.memory()))).decode("utf-8", errors="replace")
    again = Policy(bundle)
    try:
        with bounded_work():
            again.recall(read_json(text, "memory.json"))
    except ValueError as refusal:
        assert len(str(refusal)) <= LONGEST_MESSAGE
        return
    given = decided(again, dict(middle_reading(policy)))
    assert all(np.isfinite(value).all() for value in given.values())
