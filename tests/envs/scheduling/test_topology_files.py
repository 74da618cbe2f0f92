"""Leaves of rack groups from Slurm's topology and from node labels; a wrong file names its line and mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envs.episodes.hall_jobs import job_laws
from envs.episodes.world import job_racks
from envs.scenario import load
from envs.scheduling.topology_files import leaves_of_groups

TREE = """---
- topology: lab
  flat: true
- topology: hall
  cluster_default: true
  tree:
    switches:
      - switch: root
        children: s[1-2]
      - switch: s1
        nodes: nvl-a[01-03,7],nvl-b-1
      - switch: s2
        nodes: hgx-a-[001-100],hgx-b1,login
"""
BLOCK = """- topology: hall
  block:
    block_sizes: [4, 16]
    blocks:
      - {block: b1, nodes: "nvl-a[1-4]"}
      - {block: b2, nodes: "nvl-b[1-4],hgx-a,hgx-b"}
"""
GROUPS = ("nvl_a", "nvl_b", "hgx_a", "hgx_b")


def written(folder: Path, text: str, name: str = "topology.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def labels(leaf_of: dict[str, str], label: str) -> str:
    items = [{"metadata": {"name": node, "labels": {label: leaf}}} for node, leaf in leaf_of.items()]
    return json.dumps({"kind": "List", "items": [*items, {"metadata": {"name": "control-1", "labels": {}}}]})


def test_a_tree_gives_the_switch_of_each_group_of_the_default_topology(tmp_path: Path) -> None:
    assert leaves_of_groups(written(tmp_path, TREE), GROUPS) == {"nvl_a": 0, "nvl_b": 0, "hgx_a": 1, "hgx_b": 1}


def test_a_block_counts_as_a_leaf(tmp_path: Path) -> None:
    assert leaves_of_groups(written(tmp_path, BLOCK), GROUPS) == {"nvl_a": 0, "nvl_b": 1, "hgx_a": 1, "hgx_b": 1}


@pytest.mark.parametrize("label", ["network.topology.nvidia.com/leaf", "fabric.topograph.run/tier-0"])
def test_node_labels_of_topograph_give_the_same_leaves(tmp_path: Path, label: str) -> None:
    leaf_of = {"nvl-a-1": "s1", "nvl-a-2": "s1", "nvl-b-1": "s1", "hgx-a-1": "s2", "hgx-b-1": "s2"}
    path = written(tmp_path, labels(leaf_of, label), "nodes.json")
    assert leaves_of_groups(path, GROUPS) == leaves_of_groups(written(tmp_path, TREE), GROUPS)


def test_a_hall_takes_its_leaves_from_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, TREE.replace("nvl-a[01-03,7],nvl-b-1", "nvl-a1").replace("hgx-b1", "hgx-b1,nvl-b-1"))
    scenario = load("ai_factory", [f"jobs.topology={path}"])
    assert scenario.jobs is not None
    laws, leaf = job_laws(scenario.jobs, scenario, job_racks(scenario))
    assert laws.net is not None
    assert leaf.tolist() == laws.net.leaf_of.tolist() == [0] * 10 + [1] * 30


def test_a_topology_stands_in_the_hash_only_where_it_is_used() -> None:
    plain, other = load("ai_factory"), load("ai_factory", ["jobs.topology=a.yaml"])
    assert "topology" not in plain.hashed_parts()["jobs"] and plain.hash() != other.hash()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("nvl-b-1", "nvl-x", "no node's name begins with 'nvl_b'"),
        (
            "login",
            "nvl-a9",
            "rack group 'nvl_a' has nodes under 2 leaves (nvl-a01 under s1, nvl-a9 under s2); split it",
        ),
        ("nvl-a[01-03,7]", "nvl-a[01-03", "line 11: nodes = 'nvl-a[01-03' cannot be read; give names such as"),
        ("[01-03,7]", "[03-01]", "line 11: nodes = 'nvl-a[03-01]': 03-01 runs backwards"),
        ("[001-100]", "[1-9000000]", "line 13: nodes = 'hgx-a-[1-9000000]': more than 200000 nodes"),
        ("login", "nvl-b-1", "line 13: node 'nvl-b-1' is under 's1' and 's2'"),
        ("switches:", "switch:", "key 'switch' is unknown; choose one of: switches"),
        ("- topology: hall", "- name: hall", "line 4: key 'name' is unknown"),
        ("flat: true", "cluster_default: true", "line 2: give just one of tree, block, flat"),
        ("lab\n", "lab\n  cluster_default: true\n", "line 4: a flat topology names no switches"),
    ],
)
def test_a_wrong_topology_is_refused_by_line_and_mend(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in TREE
    with pytest.raises(ValueError, match="topology.yaml") as refused:
        leaves_of_groups(written(tmp_path, TREE.replace(old, new, 1)), GROUPS)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read as JSON"),
        ('{"kind": "Node"}', "no items; give kubectl get nodes -o json"),
        ('{"items": [{"spec": {}}]}', "entry 1: no metadata.name"),
        (labels({"nvl-a": "s1"}, "kubernetes.io/hostname"), "no node has a label network.topology.nvidia.com/leaf"),
    ],
)
def test_wrong_labels_are_refused_with_their_mend(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match="nodes.json") as refused:
        leaves_of_groups(written(tmp_path, text, "nodes.json"), GROUPS)
    assert words in str(refused.value)
