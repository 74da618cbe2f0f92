"""A bundle that has learnt nothing, and buildings behind every protocol."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from building import Building, running_mosquitto, scenario_of_tests

LIBRARY = {
    "simulated": "numpy",
    "bacnet": "bacpypes3",
    "modbus": "pymodbus",
    "mqtt": "paho",
    "opcua": "asyncua",
    "redfish": "urllib",
}


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, bundle_content: Any) -> Path:
    """A bundle whose actions add to the rule."""
    from agents.encoding import agent_scenario
    from agents.learning.build import build_model
    from agents.policy import interface_data, site_data
    from agents.runtime.export import export_bundle
    from envs.sb3_vec_env import DataCenterSB3VecEnv

    sites = DataCenterSB3VecEnv(agent_scenario(scenario_of_tests(), "residual", 0.15), 1)
    model = build_model("ppo", sites, {}, seed=1)
    site = site_data(scenario_of_tests())
    content = {**bundle_content, "scenario": "liquid_hall", "interface": interface_data(sites.core), "site": site}
    return export_bundle(model, tmp_path_factory.mktemp("live") / "bundle", content, asdict(scenario_of_tests()))


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a mosquitto."""
    if shutil.which("mosquitto") is None and not Path("/usr/sbin/mosquitto").exists():
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    with running_mosquitto(tmp_path_factory.mktemp("broker")) as port:
        yield port


@pytest.fixture
def building(bundle: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Building]]:
    """Makes buildings by protocol; each is given up at the end."""
    made: list[Building] = []

    def of(protocol: str, **told: Any) -> Building:
        if find_spec(LIBRARY[protocol]) is None:
            pytest.skip(f"{LIBRARY[protocol]} is not installed: pip install -e '.[operator]'")
        place = tmp_path / f"{protocol}{len(made)}"
        place.mkdir()
        port = request.getfixturevalue("broker") if protocol == "mqtt" else 0
        made.append(Building(protocol, bundle, place, port, **told))
        return made[-1]

    yield of
    for each in made:
        each.close()
