"""The page of the command line: every verb with its keys, and every setting of each algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import resources
from typing import Any

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from experiments import cli, schema
from scripts.reference.markdown import attribute_meanings, code, page, prose, shown, summary, table


def command_line() -> str:
    """Every verb with its keys, and every setting of each algorithm."""
    schema.register([])
    blocks = [
        prose("`coldaisle <verb> key=value ...` runs a verb. `coldaisle <verb> --help` shows its keys, and a wrong key "
              "is refused with the list of those that there are. `-m` with commas sweeps."),
        table(("verb", "does"), ((f"[{verb}](#{verb})" if verb in schema.VERBS else code(verb), words)
                                 for verb, words in cli.VERBS.items())),
        prose("Keys below `scenario` are those of [scenarios](scenarios.md)."),
    ]  # fmt: skip
    for verb, config in schema.VERBS.items():
        blocks += [f"## {verb}", summary(config), _keys(config, _yaml_defaults(verb))]
    blocks += ["## tracking", summary(schema.TrackingConfig), _keys(schema.TrackingConfig, {}, "tracking.")]
    blocks += ["## agent", prose("Settings are named and mean what they do in stable-baselines3 and sb3-contrib.")]
    repo = ConfigStore.instance().repo["agent"]
    for file, entry in sorted(repo.items()):
        name = file.removesuffix(".yaml").removesuffix("_schema")
        values = OmegaConf.to_container(OmegaConf.structured(entry.node))
        assert isinstance(values, dict)
        rows = ((code(f"agent.{k}"), type(v).__name__, shown(v)) for k, v in values.items() if k != "algorithm")
        blocks += [f"### agent={name}", table(("key", "type", "default"), rows)]
    return page("Command line", *blocks)


def _yaml_defaults(verb: str) -> dict[str, str]:
    """Options of hydra's groups that a verb starts from."""
    text = resources.files("configs").joinpath("run", f"{verb}.yaml").read_text(encoding="utf-8")
    return {key: value for entry in yaml.safe_load(text)["defaults"] if isinstance(entry, dict)
            for key, value in entry.items()}  # fmt: skip


def _keys(config: type, groups: Mapping[str, str], prefix: str = "") -> str:
    """Table of a verb's keys."""
    means, rows = attribute_meanings(config), []
    for spec in fields(config):
        default = groups.get(spec.name) or _key_default(spec)
        kind = "group" if spec.name in ("scenario", "agent", "tracking") else str(spec.type)
        meaning = means.get(spec.name) or schema.SHARED[spec.name]
        rows.append((code(prefix + spec.name), kind, default, meaning.removesuffix(".")))
    return table(("key", "type", "default", "meaning"), rows)


def _key_default(spec: Any) -> str:
    if spec.default == "???":
        return "required"
    if str(spec.default).startswith("${hydra"):
        return "a new folder under `runs`"
    return shown(spec.default if spec.default is not MISSING else spec.default_factory())
