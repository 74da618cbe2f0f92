"""The leaf switch of every node: from Slurm's ``topology.yaml``, or from node labels of Kubernetes that topograph sets.

Slurm: https://slurm.schedmd.com/topology.yaml.html; a tree's leaf is the switch that names nodes, a block counts as a
leaf. Kubernetes: ``kubectl get nodes -o json`` with the labels of https://docs.nvidia.com/topograph.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from envs.yaml_entry import YamlEntry, shown

MOST_BYTES = 64 << 20
MOST_NODES = 200_000
#: Labels of the switch nearest to a node, of topograph up to 1.1 and of its later releases.
LEAF_LABELS = ("network.topology.nvidia.com/leaf", "fabric.topograph.run/tier-0")
KINDS = ("tree", "block", "flat")
KEYS = ("topology", "cluster_default", *KINDS)
SWITCH_KEYS = ("switch", "children", "nodes")
BLOCK_KEYS = ("block", "nodes")
_BRACKETS = re.compile(r"([^\[\],]*)\[([^\[\]]+)\]([^\[\],]*)")
_SPAN = re.compile(r"(\d+)(?:-(\d+))?")


def leaves_of_groups(path: Path, groups: Sequence[str]) -> dict[str, int]:
    """Leaf of each rack group, counted from 0: of the nodes whose names begin with the group's.

    Parameters
    ----------
    path : Path
        ``.json``: node labels; else Slurm's YAML.
    groups : sequence of str
        Names of rack groups; a node may write a hyphen for an underscore. The longest name that fits counts.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Naming file, line or entry, what was found and the mend.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give Slurm's topology.yaml or kubectl get nodes -o json")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path}: more than {MOST_BYTES >> 20} MiB; export the nodes of one site")
    leaf_of = _of_labels(path) if path.suffix == ".json" else _of_slurm(path)
    found: dict[str, dict[str, str]] = {group: {} for group in groups}
    for node, leaf in leaf_of.items():
        fitting = [group for group in groups if _begins(node, group)]
        if fitting:
            found[max(fitting, key=len)].setdefault(leaf, node)
    for group, nodes in found.items():
        if not nodes:
            raise ValueError(
                f"{path}: no node's name begins with {group!r}; found: {shown(', '.join(leaf_of))}; name rack groups "
                "as the nodes in them"
            )
        if len(nodes) > 1:
            told = ", ".join(f"{node} under {leaf}" for leaf, node in list(nodes.items())[:3])
            raise ValueError(f"{path}: rack group {group!r} has nodes under {len(nodes)} leaves ({told}); split it")
    numbers: dict[str, int] = {}
    return {group: numbers.setdefault(next(iter(nodes)), len(numbers)) for group, nodes in found.items()}


def _begins(node: str, group: str) -> bool:
    rest = node.replace("_", "-").lower().removeprefix(group.replace("_", "-").lower())
    return len(rest) < len(node) and (not rest or not rest[0].isalpha())


def _of_labels(path: Path) -> dict[str, str]:
    """Leaf by node of a list of nodes; nodes without the label, such as those of the control plane, are left out."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise ValueError(f"{path}: cannot be read as JSON ({fault}); give kubectl get nodes -o json") from fault
    items = content.get("items") if isinstance(content, Mapping) else None
    if not isinstance(items, list):
        raise ValueError(f"{path}: no items; give kubectl get nodes -o json")
    found = {}
    for number, item in enumerate(items, 1):
        meta = item.get("metadata") if isinstance(item, Mapping) else None
        if not isinstance(meta, Mapping) or not isinstance(meta.get("name"), str):
            raise ValueError(f"{path}, entry {number}: no metadata.name; give nodes as kubectl prints them")
        labels = meta.get("labels") or {}
        leaf = next((labels[key] for key in LEAF_LABELS if labels.get(key)), "")
        if leaf:
            found[str(meta["name"])] = str(leaf)
    if not found:
        raise ValueError(f"{path}: no node has a label {' or '.join(LEAF_LABELS)}; does topograph run?")
    return found


def _of_slurm(path: Path) -> dict[str, str]:
    """Leaf by node of the cluster's default topology, else of the first."""
    try:
        text = path.read_text(encoding="utf-8")
        raw, node = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as fault:
        raise ValueError(f"{path}: cannot be read as YAML ({fault}); give Slurm's topology.yaml") from fault
    if not isinstance(raw, list) or not raw or not isinstance(node, yaml.SequenceNode):
        raise ValueError(f"{path}, line 1: found no list of topologies; begin with '- topology: ...', as Slurm does")
    entries = [YamlEntry(path, one, place, KEYS) for one, place in zip(raw, node.value)]
    for entry in entries:
        entry.text("topology")
        if sum(kind in entry for kind in KINDS) != 1:
            raise entry.fault("topology", f"give just one of {', '.join(KINDS)} in each topology")
    used = next((entry for entry in entries if entry.truth("cluster_default", False)), entries[0])
    if "flat" in used:
        raise used.fault("flat", "a flat topology names no switches; give a tree or a block")
    kind = "tree" if "tree" in used else "block"
    below = used.mapping(kind, None, ("switches",) if kind == "tree" else ("block_sizes", "blocks"))
    keys = SWITCH_KEYS if kind == "tree" else BLOCK_KEYS
    found: dict[str, str] = {}
    for one in below.entries("switches" if kind == "tree" else "blocks", keys, least=1):
        leaf = one.text(keys[0])
        for name in _hosts(one, one.text("nodes", "")):
            if found.setdefault(name, leaf) != leaf:
                raise one.fault("nodes", f"node {name!r} is under {found[name]!r} and {leaf!r}; name it once")
    if not found:
        raise used.fault(kind, "no switch or block names nodes; give one at least")
    return found


def _hosts(entry: YamlEntry, text: str) -> Iterator[str]:
    """Names of a list of hosts such as ``a[01-03,7],b``."""
    made = 0
    for part in re.split(r",(?![^\[]*\])", text):
        for name in _expanded(entry, part.strip()):
            made += 1
            if made > MOST_NODES:
                raise entry.fault("nodes", f"more than {MOST_NODES} nodes; is a range too wide?")
            yield name


def _expanded(entry: YamlEntry, part: str) -> Iterator[str]:
    if not part:
        return
    if "[" not in part and "]" not in part:
        yield part
        return
    match = _BRACKETS.fullmatch(part)
    spans: list[Any] = [_SPAN.fullmatch(span.strip()) for span in match[2].split(",")] if match else [None]
    if match is None or not all(spans):
        raise entry.fault("nodes", f"nodes = {shown(part)!r} cannot be read; give names such as node[01-16,20]")
    for span in spans:
        first, last = int(span[1]), int(span[2] or span[1])
        if last < first:
            raise entry.fault("nodes", f"nodes = {shown(part)!r}: {span[0]} runs backwards; give the lower one first")
        if last - first >= MOST_NODES:
            raise entry.fault("nodes", f"nodes = {shown(part)!r}: more than {MOST_NODES} nodes; is a range too wide?")
        for number in range(first, last + 1):
            yield f"{match[1]}{number:0{len(span[1])}d}{match[3]}"
