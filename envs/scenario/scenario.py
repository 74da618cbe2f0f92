"""One site as frozen dataclasses: machines, signals, rules, episode; cross-checked once, read without hydra."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from envs.controllers.outdoor_reset import OutdoorReset
from envs.controllers.pid import FanPi
from envs.controllers.setpoint_reset import CondenserReset, TrimRespond
from envs.equipment.air_side import AirZone
from envs.equipment.battery import Battery
from envs.equipment.breaker import Breaker
from envs.equipment.chilled_water import ChilledWater
from envs.equipment.cooling_tower import CoolingTower
from envs.equipment.dry_cooler import DryCooler
from envs.equipment.dx_unit import DxUnits
from envs.equipment.liquid_loop import CoolantDistribution, FacilityWater
from envs.equipment.power_capper import PowerCapper
from envs.equipment.power_chain import PowerChain
from envs.faults import FaultConfig
from envs.interface.channels import require_channels
from envs.interface.reward import RewardConfig, check_weights
from envs.interface.sensors import SensorModel
from envs.parameters import Parameters, parameter
from envs.plain_yaml import checked_text
from envs.scenario.checks import check_site
from envs.scenario.jobs_config import JobsConfig
from envs.scenario.rack_group import RackGroup
from envs.scenario.typed_config import checked_config, schema

FOLDER = resources.files("configs").joinpath("scenario")
#: Names of the scenarios that come with the package: the files of ``configs/scenario``.
SHIPPED = tuple(sorted(f.name.removesuffix(".yaml") for f in FOLDER.iterdir() if f.name.endswith(".yaml")))
LONGEST_PROBLEM = 1000  # characters of a fault that a message repeats
_NOTHING = (
    "an empty mapping is merged with what is there, so it changes nothing; name the keys that are to change, write "
    "null to take an optional machine away, or leave it out"
)
CAPS = ("water_filling", "proportional", "three_band", "marginal_value")


@dataclass(frozen=True)
class SiteConfig(Parameters):
    """Where the site stands and which signals it meets.

    ``climates`` are keys of the embedded climates or paths of weather files (EPW, CSV, Parquet); an environment draws
    one per
    episode. ``weather_site`` is the embedded climate whose place a CSV or Parquet file has (EPW files carry theirs).
    ``weather_seeds`` and ``workload_seeds`` name the streams of the generators: training, validation and test use
    disjoint ones. ``workload_file`` plays a trace instead of the generator, ``grid_file`` prices or carbon of a table.
    ``clock_zone`` is the IANA zone (``Europe/Berlin``) whose clock on the wall, with daylight saving, the stamps of
    these files follow where they carry no offset; empty: standard time.
    """

    climates: list[str] = field(default_factory=lambda: ["sterling_va"])
    weather_site: str = ""
    weather_seeds: list[int] = field(default_factory=lambda: [0])
    grid_zone: str = "PJM"
    tariff: str = "tou"
    grid_seed: int = 0
    grid_file: str = ""
    demand_response_per_year: float = parameter(0.0, 0.0, 365.0, "1/year", "PHYSICS F8; none by default")
    workload_seeds: list[int] = field(default_factory=lambda: [0])
    workload_weeks: int = parameter(8, 1, 60, "weeks", "in which an episode's load may begin; it goes on beyond")
    workload_file: str = ""
    workload_scale: float = parameter(1.0, 0.05, 1.0, "1", "share of the drawn activity; a study of part load")
    autoscale: bool = False
    clock_zone: str = ""

    def __post_init__(self) -> None:
        """Check ranges and that there is something to draw from."""
        super().__post_init__()
        for key in ("climates", "weather_seeds", "workload_seeds"):
            if not getattr(self, key):
                raise ValueError(f"Site.{key} = [] has nothing to draw from; give at least one entry")


@dataclass(frozen=True)
class Episode(Parameters):
    """Length and steps; time has one owner."""

    step_s: float = parameter(300.0, 1.0, 3600.0, "s", "PHYSICS 0, control interval")
    substep_s: float = parameter(60.0, 0.5, 600.0, "s", "PHYSICS 0, sub-step")
    steps: int = parameter(288, 1, 120_000, "1", "DESIGN: one day in training")
    start_day_low: int = parameter(0, 0, 364, "day", "first day of the year an episode may start on")
    start_day_high: int = parameter(365, 1, 365, "day", "one past the last day")
    random_hour: bool = True

    def __post_init__(self) -> None:
        """Check ranges and that sub-steps fill the step."""
        super().__post_init__()
        ratio = self.step_s / self.substep_s
        if abs(ratio - round(ratio)) > 1e-9:
            raise ValueError(
                f"Episode.substep_s = {self.substep_s} does not divide step_s = {self.step_s}; give a divisor"
            )
        if self.start_day_high <= self.start_day_low:
            raise ValueError(
                f"Episode.start_day_high = {self.start_day_high} must be above start_day_low = {self.start_day_low}"
            )

    @property
    def substeps(self) -> int:
        """Sub-steps per control step."""
        return round(self.step_s / self.substep_s)


@dataclass(frozen=True)
class Rules(Parameters):
    """Constants of the building's own controllers (SCENARIOS)."""

    fan: FanPi = field(default_factory=FanPi)
    supply_air: TrimRespond = field(default_factory=TrimRespond)
    chilled_water: TrimRespond = field(
        default_factory=lambda: TrimRespond(
            low=14.0, high=22.0, start=18.0, trim_k=0.2, ignore=0.0, respond_k=0.3, respond_max_k=1.0
        )
    )
    condenser_water: CondenserReset = field(default_factory=CondenserReset)
    outdoor: OutdoorReset = field(default_factory=OutdoorReset)
    request_one_c: float = parameter(25.5, 15.0, 40.0, "degC", 'SCENARIOS "Supply air trim and respond"')
    request_three_c: float = parameter(27.0, 15.0, 40.0, "degC", 'SCENARIOS "Supply air trim and respond"')
    fws_setpoint_c: float = parameter(31.0, 10.0, 45.0, "degC", 'SCENARIOS "Coolant": TCS - 4')
    tcs_setpoint_c: float = parameter(35.0, 15.0, 50.0, "degC", 'SCENARIOS "Coolant"')
    tcs_pump_speed_frac: float = parameter(1.0, 0.1, 1.0, "1", 'SCENARIOS "Coolant": constant flow')
    caps: str = "water_filling"
    caps_budget_frac: float = parameter(1.0, 0.3, 1.0, "1", "share of what the feeder may carry that the caps hand out")
    caps_high_frac: float = parameter(
        1.0, 0.45, 1.0, "1", "highest limit of the rows of lowest priority, by water-filling; none by default"
    )

    def __post_init__(self) -> None:
        """Check ranges, the name of the rule, and that every loop has room to move."""
        super().__post_init__()
        if self.caps not in CAPS:
            raise ValueError(f"Rules.caps = {self.caps!r} is unknown; choose one of {CAPS}")
        for key in ("fan", "supply_air", "chilled_water", "condenser_water"):
            loop = getattr(self, key)
            if np.any(np.asarray(loop.low) > np.asarray(loop.high)):
                raise ValueError(f"rules.{key}: low = {loop.low} is above high = {loop.high}; give low <= high")


@dataclass(frozen=True)
class Scenario(Parameters):
    """Everything about one site. A machine that is ``None`` is not there."""

    name: str = "unnamed"
    elevation_m: float = parameter(100.0, -400.0, 5000.0, "m", "site")
    racks: dict[str, RackGroup] = field(default_factory=dict)
    zones: dict[str, AirZone] = field(default_factory=dict)
    coolant: CoolantDistribution | None = None
    facility_water: FacilityWater | None = None
    chilled_water: ChilledWater | None = None
    tower: CoolingTower | None = None
    dry_cooler: DryCooler | None = None
    dx: DxUnits | None = None
    power: PowerChain = field(default_factory=PowerChain)
    breaker: Breaker = field(default_factory=Breaker)
    capper: PowerCapper = field(default_factory=PowerCapper)
    battery: Battery | None = None
    jobs: JobsConfig | None = None
    site: SiteConfig = field(default_factory=SiteConfig)
    episode: Episode = field(default_factory=Episode)
    rules: Rules = field(default_factory=Rules)
    sensors: SensorModel = field(default_factory=SensorModel)
    faults: FaultConfig = field(default_factory=FaultConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    reward_weights: dict[str, float] = field(default_factory=dict)
    agent_channels: list[str] = field(default_factory=list)
    channel_ranges: dict[str, list[float]] = field(default_factory=dict)
    encodings: dict[str, str] = field(default_factory=dict)
    reach_frac: dict[str, float] = field(default_factory=dict)
    legacy_setpoints: dict[str, float] = field(default_factory=dict)
    expected_peak_kw: float = parameter(1700.0, 1.0, 1e6, "kW", 'SCENARIOS "What the halls share"')
    forecast: bool = False

    def __post_init__(self) -> None:
        """Check each range, then what must fit together."""
        super().__post_init__()
        if not self.racks or not self.zones:
            raise ValueError(f"scenario {self.name!r} has no racks or no air zones; give at least one of each")
        check_weights(self.reward_weights)
        for key in ("agent_channels", "channel_ranges", "encodings", "reach_frac", "legacy_setpoints"):
            require_channels(list(getattr(self, key)), key)
        check_site(self)
        if self.jobs is not None and self.site.workload_file:
            raise ValueError(
                f"scenario {self.name!r} has jobs and site.workload_file = {self.site.workload_file!r}, which says "
                "what its racks do; leave one of them out"
            )

    def hash(self) -> str:
        """Twelve hex digits of every parameter, in order (racks and zones stand in it): results and bundles name it."""
        told = asdict(self)
        if self.jobs is None:  # sites without jobs keep the names that they had before there were any
            del told["jobs"]
        text = json.dumps(told, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def load(name_or_path: str, overrides: Sequence[str] = ()) -> Scenario:
    """Read a scenario: shipped name or YAML path, plus ``key=value`` overrides in dotted form.

    Raises
    ------
    ValueError
        For an unknown name or key, a wrong type, or a value that no site can have; the message says the mend.
    """
    if isinstance(overrides, str):
        raise ValueError(f"overrides = {overrides!r} is one string; give a sequence of them: [{overrides!r}]")
    try:
        base = typed_node(name_or_path)
        require_there(name_or_path, base, overrides)
        node = OmegaConf.merge(base, OmegaConf.from_dotlist(list(overrides)))
        assert isinstance(node, DictConfig)
        return checked_config(Scenario, node)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "?"
        problem = f"scenario {name_or_path!r}, key {key!r}: {str(error).splitlines()[0][:LONGEST_PROBLEM]}"
        raise ValueError(f"{problem}; {_advice(error)}") from error
    except (ValueError, TypeError, OverflowError, RecursionError, yaml.YAMLError) as error:
        if name_or_path in str(error):
            raise
        raise ValueError(f"scenario {name_or_path!r}: {str(error)[:LONGEST_PROBLEM]}") from error


def require_there(name: str, node: DictConfig, overrides: Sequence[str]) -> None:
    """Raise where an override changes nothing, or sets a parameter of a machine that nobody gave the scenario."""
    for text in overrides:
        key, _, value = text.partition("=")
        if value.strip() == "{}" and OmegaConf.is_dict(there := OmegaConf.select(node, key)) and there:
            raise ValueError(f"{text!r}: {_NOTHING}")
    added = {text.partition("=")[0] for text in overrides}
    for text in overrides:
        machine, dot, _ = text.partition("=")[0].partition(".")
        if dot and machine in node and node[machine] is None and machine not in added:
            optional = [f.name for f in fields(Scenario) if f.default is None]
            there = [key for key in optional if node[key] is not None]
            raise ValueError(
                f"{text!r}: scenario {name!r} has no {machine}; of machines that may lack it has {there}. "
                f"To add one of default size, give '{machine}={{}}' too"
            )


def _advice(error: OmegaConfBaseException) -> str:
    """What to write instead of a key or value that the dataclasses refuse."""
    owner = getattr(error, "object_type", None)
    if owner is not None and is_dataclass(owner) and "not in" in str(error):
        return f"choose one of {sorted(f.name for f in fields(owner))}"
    return "give a value of the field's type, such as episode.steps=144 or site.climates=[phoenix_az]"


def typed_node(name_or_path: str) -> DictConfig:
    """The scenario as an OmegaConf node typed by the dataclasses, before it is checked as a whole."""
    node = OmegaConf.merge(schema(Scenario), _file(name_or_path))
    assert isinstance(node, DictConfig)
    return node


def _file(name_or_path: str, seen: tuple[str, ...] = ()) -> Any:
    """Content of a scenario over that of its bases."""
    path = Path(name_or_path)
    if path.suffix.lower() in (".yaml", ".yml"):
        if not path.is_file():
            raise ValueError(f"scenario file {name_or_path!r} does not exist; shipped scenarios are {SHIPPED}")
        raw: Any = OmegaConf.create(checked_text(path))
    elif name_or_path in SHIPPED:
        text = FOLDER.joinpath(f"{name_or_path}.yaml").read_text(encoding="utf-8")
        raw = OmegaConf.create(text)
    else:
        raise ValueError(f"scenario {name_or_path!r} is unknown; give one of {SHIPPED} or the path of a YAML file")
    _require_plain(raw, f"scenario {name_or_path!r}")
    base = raw.pop("base", None)
    if base is None:
        return raw
    if not isinstance(base, str) or base in (*seen, name_or_path):
        raise ValueError(
            f"scenario {name_or_path!r}, base: found {str(base)[:60]!r}; give the name of a shipped scenario or the "
            "path of another file, which does not build on this one"
        )
    below = _file(base, (*seen, name_or_path))
    for key in _without_effect(below, raw):
        raise ValueError(f"scenario {name_or_path!r}, {key}: {_NOTHING}")
    return OmegaConf.merge(below, raw)


def _require_plain(node: Any, where: str, key: str = "") -> None:
    """Raise where a value is to be filled in from outside the file, such as ``${oc.env:HOME}``."""
    if OmegaConf.is_config(node):
        inside = node.items_ex(resolve=False) if OmegaConf.is_dict(node) else enumerate(node._iter_ex(resolve=False))
        for name, value in inside:
            _require_plain(value, where, f"{key}.{name}".lstrip("."))
    elif isinstance(node, str) and "${" in node:
        raise ValueError(f"{where}, {key}: {node[:60]!r} would be filled in from outside the file; write the value")


def _without_effect(below: Any, over: Any, key: str = "") -> Iterator[str]:
    """Places where an empty mapping lies over one that is there: merged, it would be ignored."""
    for name, value in over.items_ex(resolve=False):
        there = below.get(name)
        if OmegaConf.is_dict(value) and OmegaConf.is_dict(there):
            place = f"{key}.{name}".lstrip(".")
            yield from _without_effect(there, value, place) if value else [place] * bool(there)
