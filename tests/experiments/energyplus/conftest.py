"""A few days of EnergyPlus, run once for all tests of this folder that need them."""

from __future__ import annotations

import pytest

from envs.energyplus import engine
from envs.energyplus.building import RunPeriod
from experiments.validation.campaign import STUDIES, StudyOutcome, run_study

AUTUMN = RunPeriod((10, 31), (11, 1))  # two months, for their measures; Chicago
SUMMER = RunPeriod((7, 31), (8, 1))
SWITCHING = RunPeriod((4, 19), (4, 20))  # days in which the two controls part, Chicago, warm
EARLY_S = 6 * 3600.0


def pytest_collection_modifyitems(items):
    absent = pytest.mark.skip(reason=engine.MISSING)
    for item in items:
        if item.get_closest_marker("energyplus") and not engine.available():
            item.add_marker(absent)


@pytest.fixture(scope="session")
def cold_days() -> StudyOutcome:
    return run_study(STUDIES["hall_cold"], ["il_chicago"], AUTUMN, 2, EARLY_S)


@pytest.fixture(scope="session")
def warm_days() -> StudyOutcome:
    return run_study(STUDIES["hall_warm"], ["il_chicago"], AUTUMN, 2, EARLY_S)


@pytest.fixture(scope="session")
def days_under_one_rule() -> StudyOutcome:
    return run_study(STUDIES["hall_warm_shared"], ["il_chicago"], SWITCHING, 2, EARLY_S)


@pytest.fixture(scope="session")
def days_under_own_rules() -> StudyOutcome:
    return run_study(STUDIES["hall_warm"], ["il_chicago"], SWITCHING, 2, EARLY_S)


@pytest.fixture(scope="session")
def air_cooled_days() -> StudyOutcome:
    return run_study(STUDIES["air_cooled"], ["az_phoenix"], SUMMER, 2, EARLY_S)


@pytest.fixture(scope="session")
def dx_days() -> StudyOutcome:
    return run_study(STUDIES["dx_room"], ["az_phoenix"], SUMMER, 2, EARLY_S)
