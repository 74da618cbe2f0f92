"""coldaisle's public names, and the environment ids ``coldaisle/...-v1``.

Every name is loaded when it is first used, so that importing this package is cheap: an operator's box that runs an
exported policy needs numpy alone, and nothing here loads torch or mlflow before something is learnt or tracked.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .own_packages import require_own_packages

if TYPE_CHECKING:
    from agents.forecasting.engine import Forecast as Forecast
    from agents.forecasting.engine import Forecaster as Forecaster
    from agents.forecasting.engine import ForecastSettings as ForecastSettings
    from agents.learning.algorithms import Learner as Learner
    from agents.learning.build import build_model as build_model
    from agents.learning.model_file import load_model as load_model
    from agents.learning.model_file import save_model as save_model
    from agents.policy import LearnedPolicy as LearnedPolicy
    from agents.policy import interface_of as interface_of
    from agents.policy import policy_of_model as policy_of_model
    from agents.policy import random_policy as random_policy
    from agents.references import reference_controllers as reference_controllers
    from agents.runtime.export import export_bundle as export_bundle
    from agents.runtime.exported_policy import ExportedPolicy as ExportedPolicy
    from agents.runtime.manifest import read_manifest as read_manifest
    from envs.controllers.base import Controller as Controller
    from envs.core import DataCenterCore as DataCenterCore
    from envs.hooks import Hooks as Hooks
    from envs.plant.datacenter import Plant as Plant
    from envs.play import Step as Step
    from envs.play import play as play
    from envs.sb3_vec_env import DataCenterSB3VecEnv as DataCenterSB3VecEnv
    from envs.scenario import SHIPPED, load
    from envs.scenario import Scenario as Scenario
    from envs.single_env import DataCenterEnv as DataCenterEnv
    from envs.twin.calibration.calibration import Calibration as Calibration
    from envs.twin.calibration.calibration import calibrate as calibrate
    from envs.twin.telemetry.telemetry import Telemetry as Telemetry
    from envs.vector_env import DataCenterVectorEnv as DataCenterVectorEnv
    from experiments.calibration.screened import screened_file as screened_file
    from experiments.evaluate import evaluate as evaluate
    from experiments.evaluation.episodes import with_split as with_split
    from experiments.evaluation.gates import failed_gates as failed_gates
    from experiments.evaluation.policies import learned_policies as learned_policies
    from experiments.evaluation.policies import reference_policies as reference_policies
    from experiments.evaluation.results import Evaluation as Evaluation
    from experiments.evaluation.splits import load_split as load_split
    from experiments.evaluation.splits import plan_episodes as plan_episodes
    from experiments.export import export_run as export_run
    from experiments.forecast import forecast
    from experiments.train import train as train

    SCENARIOS, load_scenario, judge_forecasts = SHIPPED, load, forecast
    __version__: str

#: Public name to the module that holds it; ``module:name`` where it is called otherwise there.
HOMES = {
    "Calibration": "envs.twin.calibration.calibration",
    "Controller": "envs.controllers.base",
    "DataCenterCore": "envs.core",
    "DataCenterEnv": "envs.single_env",
    "DataCenterSB3VecEnv": "envs.sb3_vec_env",
    "DataCenterVectorEnv": "envs.vector_env",
    "Evaluation": "experiments.evaluation.results",
    "ExportedPolicy": "agents.runtime.exported_policy",
    "Forecast": "agents.forecasting.engine",
    "ForecastSettings": "agents.forecasting.engine",
    "Forecaster": "agents.forecasting.engine",
    "Hooks": "envs.hooks",
    "LearnedPolicy": "agents.policy",
    "Learner": "agents.learning.algorithms",
    "Plant": "envs.plant.datacenter",
    "SCENARIOS": "envs.scenario:SHIPPED",
    "Scenario": "envs.scenario",
    "Step": "envs.play",
    "Telemetry": "envs.twin.telemetry.telemetry",
    "build_model": "agents.learning.build",
    "calibrate": "envs.twin.calibration.calibration",
    "evaluate": "experiments.evaluate",
    "export_bundle": "agents.runtime.export",
    "export_run": "experiments.export",
    "failed_gates": "experiments.evaluation.gates",
    "interface_of": "agents.policy",
    "judge_forecasts": "experiments.forecast:forecast",
    "learned_policies": "experiments.evaluation.policies",
    "load_model": "agents.learning.model_file",
    "load_scenario": "envs.scenario:load",
    "load_split": "experiments.evaluation.splits",
    "plan_episodes": "experiments.evaluation.splits",
    "play": "envs.play",
    "policy_of_model": "agents.policy",
    "random_policy": "agents.policy",
    "read_manifest": "agents.runtime.manifest",
    "reference_controllers": "agents.references",
    "reference_policies": "experiments.evaluation.policies",
    "save_model": "agents.learning.model_file",
    "screened_file": "experiments.calibration.screened",
    "train": "experiments.train",
    "with_split": "experiments.evaluation.episodes",
}
__all__ = [*HOMES, "__version__"]


def _loaded(name: str) -> object:
    """Load a public name where it is first used."""
    if name == "__version__":
        return _version()
    if name not in HOMES:
        raise AttributeError(f"coldaisle has no {name!r}; dir(coldaisle) lists what it has")
    module, _, called = HOMES[name].partition(":")
    try:
        found: object = getattr(import_module(module), called or name)
    except ModuleNotFoundError as error:
        raise _with_mend(name, error) from error
    globals()[name] = found
    return found


if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses every other name
    __getattr__ = _loaded


def __dir__() -> list[str]:
    """Public names, loaded or not."""
    return sorted(__all__)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("coldaisle")
    except PackageNotFoundError:
        return "0+sources"


def _with_mend(name: str, error: ModuleNotFoundError) -> ModuleNotFoundError:
    """The same error, with the line that installs what is missing."""
    from experiments.missing_package import missing_words

    return ModuleNotFoundError(missing_words(f"coldaisle.{name}", error), name=error.name, path=error.path)


require_own_packages()
import_module("envs")  # registers the ids where gymnasium is installed
