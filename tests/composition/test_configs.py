"""Every YAML under configs composes: the top-level ones through hydra, each member of each group in its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments.registration import register

CONFIGS = Path(__file__).parents[2] / "configs"
RUN = CONFIGS / "run"
TOP = sorted(p.stem for p in RUN.glob("*.yaml") if "defaults:" in p.read_text(encoding="utf-8"))
GROUPS = sorted((p.parent.relative_to(RUN).as_posix(), p.stem) for p in RUN.rglob("*.yaml") if p.parent != RUN)


@pytest.fixture(autouse=True)
def _fresh_hydra():
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    yield
    GlobalHydra.instance().clear()


def composed(name: str, *overrides: str):
    """The configuration ``name`` as hydra composes it, schemas included."""
    from hydra import compose, initialize_config_dir

    register(overrides, name)
    with initialize_config_dir(str(RUN), version_base="1.3"):
        return compose(name, list(overrides))


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda p: p.relative_to(CONFIGS).as_posix())
def test_every_file_is_yaml(path: Path) -> None:
    assert OmegaConf.load(path) is not None


@pytest.mark.parametrize("name", TOP)
def test_every_top_level_configuration_composes(name: str) -> None:
    assert len(composed(name)) > 0


@pytest.mark.parametrize(("group", "option"), GROUPS)
def test_every_member_of_a_group_composes_into_training(group: str, option: str) -> None:
    if group == "agent" or group == "tracking":
        assert composed("train", f"{group}={option}")[group] is not None
    else:
        assert OmegaConf.load(RUN / group / f"{option}.yaml") is not None


SITES = [*sorted((CONFIGS / "scenario").glob("*.yaml")), *sorted((CONFIGS / "validation").glob("*.yaml"))]


@pytest.mark.parametrize("path", SITES, ids=lambda p: p.stem)
def test_every_scenario_composes_on_the_command_line_and_takes_a_deviation(path: Path) -> None:

    given = [f"scenario={path if path.parent.name == 'validation' else path.stem}"]
    register(given)
    cfg = composed("train", *given, "scenario.episode.steps=7")
    assert cfg.scenario.name == path.stem and cfg.scenario.episode.steps == 7
