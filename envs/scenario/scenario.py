"""One site as frozen dataclasses: machines, signals, rules, episode; cross-checked once, read without hydra."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

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
from envs.scenario.checks import check_site
from envs.scenario.jobs_config import JobsConfig
from envs.scenario.rack_group import RackGroup, profile_hash
from envs.signals.workload.latency import ALONE_MS

ORDER = ("order_small_h", "order_short_h", "order_urgent_h", "backfill_grace_h")  # of the queue of jobs
CAPS = ("water_filling", "proportional", "three_band", "marginal_value", "open")


@dataclass(frozen=True)
class SiteConfig(Parameters):
    """Where the site stands and which signals it meets.

    ``climates`` are keys of the embedded climates or paths of weather files (EPW, CSV, Parquet); an environment draws
    one per
    episode. ``weather_site`` is the embedded climate whose place a CSV or Parquet file has (EPW files carry theirs).
    ``weather_seeds`` and ``workload_seeds`` name the streams of the generators: training, validation and test use
    disjoint ones. ``workload_file`` plays a trace instead of the generator, ``grid_file`` prices or carbon of a table.
    ``clock_zone`` is the IANA zone (``Europe/Berlin``) whose clock on the wall, with daylight saving, the stamps of
    these files follow where they carry no offset; empty: standard time. ``load_targets`` names a file of events in
    which the grid asks the site to draw less (`envs/signals/grid/load_targets.py`), beside those that are drawn.
    ``serving_batch_max`` limits the requests that a replica of a serving rack holds: more are turned away.
    ``token_target_ms`` judges how much work is served with more time between tokens, and changes nothing else.
    """

    climates: list[str] = field(default_factory=lambda: ["sterling_va"])
    weather_site: str = ""
    weather_seeds: list[int] = field(default_factory=lambda: [0])
    grid_zone: str = "PJM"
    tariff: str = "tou"
    grid_seed: int = 0
    grid_file: str = ""
    load_targets: str = ""
    demand_response_per_year: float = parameter(0.0, 0.0, 365.0, "1/year", "PHYSICS F8; none by default")
    workload_seeds: list[int] = field(default_factory=lambda: [0])
    workload_weeks: int = parameter(8, 1, 60, "weeks", "in which an episode's load may begin; it goes on beyond")
    workload_file: str = ""
    workload_scale: float = parameter(1.0, 0.05, 1.0, "1", "share of the drawn activity; a study of part load")
    autoscale: bool = False
    serving_batch_max: int = parameter(0, 0, 4096, "requests", "WORKLOAD 6e, that a replica holds; 0: no limit")
    token_target_ms: float = parameter(0.0, 0.0, 10_000.0, "ms", "WORKLOAD 6e, between two tokens; 0: none is judged")
    clock_zone: str = ""

    def __post_init__(self) -> None:
        """Check ranges and that there is something to draw from."""
        super().__post_init__()
        for key in ("climates", "weather_seeds", "workload_seeds"):
            if not getattr(self, key):
                raise ValueError(f"Site.{key} = [] has nothing to draw from; give at least one entry")
        if 0.0 < self.token_target_ms < ALONE_MS:
            raise ValueError(
                f"Site.token_target_ms = {self.token_target_ms} is less than the {ALONE_MS:.2f} ms of a request alone; "
                "give more, or 0 for no target"
            )


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
    order_small_h: float = parameter(0.0, -240.0, 240.0, "h", "lead of small jobs; none by default, HANDBOOK J3")
    order_short_h: float = parameter(0.0, -240.0, 240.0, "h", "lead of short jobs; none by default, HANDBOOK J3")
    order_urgent_h: float = parameter(0.0, -240.0, 240.0, "h", "lead of jobs without slack; none by default, J3")
    backfill_grace_h: float = parameter(0.0, -240.0, 240.0, "h", "the first may be passed so long; not by default, J3")

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

    def hashed_parts(self) -> dict[str, Any]:
        """Every parameter as plain data; what is newer and not in use is left out, so hashes last."""
        told = asdict(self)
        if self.jobs is None:
            del told["jobs"]
        else:
            for newer in ("topology", "curtail"):
                if not getattr(self.jobs, newer):
                    del told["jobs"][newer]
        for newer in ("load_targets", "serving_batch_max", "token_target_ms"):
            if not getattr(self.site, newer):
                del told["site"][newer]
        for key, group in self.racks.items():
            del told["racks"][key]["cap_curves"]
            if group.cap_profile or group.cap_curves:
                told["racks"][key]["cap_profile"] = profile_hash(group)
            else:
                del told["racks"][key]["cap_profile"]
        for newer in ORDER:
            if not np.any(getattr(self.rules, newer)):
                del told["rules"][newer]
        told["rules"]["outdoor"] = self.rules.outdoor.plain()
        return told

    def hash(self) -> str:
        """Twelve hex digits of every parameter, in order (racks and zones stand in it): results and bundles name it."""
        text = json.dumps(self.hashed_parts(), default=_told)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _told(value: object) -> str:
    """What JSON lacks, as text: of arrays every bit, where ``str`` would leave out what stands between the ends."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    return str(value)
