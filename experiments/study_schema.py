"""What may be set from the command line of the studies of plant and feeders, which no tracker keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from experiments.campuses.campus_parts import Residency, Wire


@dataclass
class ValidateConfig:
    """``coldaisle validate``: our plant against EnergyPlus over a year; needs the extra ``energyplus``.

    Attributes
    ----------
    studies : list
        Which studies; empty: all.
    climates : list
        Which climates of the EnergyPlus wheel; empty: five of them.
    figures : bool
        Also draw the figures.
    keep : str
        A folder for EnergyPlus's runs, some 18 MB each: the next time only our plant runs.
    """

    studies: list[str] = field(default_factory=list)
    climates: list[str] = field(default_factory=list)
    figures: bool = True
    keep: str = ""
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class TransferConfig:
    """``coldaisle transfer``: controllers in closed loop on our plant and in EnergyPlus.

    Attributes
    ----------
    policies : dict
        A name for each policy, and its run's folder or exported bundle.
    controllers : list
        Reference controllers by name; empty: those of ``experiments.transfer.CONTROLLERS`` that the scenario has.
    weather : str
        An EPW file, or its name in the EnergyPlus wheel.
    months : list
        Months, 1 to 12, of one episode each.
    days : int
        Length of an episode.
    mixes : bool
        Racks that draw more air than the room units blow breathe the rest from EnergyPlus's room.
    hold_curves : bool
        The chiller's curves end at their published box; else EnergyPlus extrapolates its polynomials.
    """

    scenario: Any = MISSING
    policies: dict[str, str] = field(default_factory=dict)
    controllers: list[str] = field(default_factory=list)
    baseline: str = ""
    weather: str = "il_chicago"
    months: list[int] = field(default_factory=lambda: [1, 4, 7, 10])
    days: int = 7
    mixes: bool = True
    hold_curves: bool = False
    seed: int = 0
    trust: bool = False
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class PublishedConfig:
    """``coldaisle published``: every published number beside ours, measured now.

    Attributes
    ----------
    folder : str
        Gets ``published.md`` and ``published.csv``.
    """

    folder: str = "docs/validation"


@dataclass
class ForecastConfig:
    """``coldaisle forecast``: inlets and cooling power up to a day ahead, of your hall or judged on simulated halls.

    Attributes
    ----------
    telemetry : str
        Log of your hall, CSV or Parquet: its coming day is forecast. Empty: simulated halls are judged.
    points : str
        Its point map, a YAML file.
    limit_c : float
        Of your hall: which rack is first over this inlet [degC].
    halls : int
        Halls that are drawn around the scenario; the forecaster has the scenario alone.
    train_days : int
        Days of telemetry that the forecaster learns from.
    blocks : int
        Judged stretches of each hall, 27 h apart.
    spread : float
        Standard deviation of a hall's parameters around the scenario's, as a share.
    match : bool
        Bring the scenario near each hall by its training telemetry.
    failures_alone : bool
        Judge only which rack is first over the limit when room units fail.
    jobs : int
        Processes side by side.
    """

    scenario: Any = MISSING
    telemetry: str = ""
    points: str = ""
    limit_c: float = 32.0
    halls: int = 30
    train_days: int = 28
    blocks: int = 30
    spread: float = 0.20
    match: bool = True
    failures_alone: bool = False
    seed: int = 0
    jobs: int = 2
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class ComplyConfig:
    """``coldaisle comply``: the figures that regulation and standards ask of a year, each traced to its meters.

    Attributes
    ----------
    meters : str
        A YAML file that names the meters; without it a year of `scenario`, which must be named, is simulated.
    residency : str
        A table of where jobs ran and moved, such as `coldaisle campus records=` writes: gets a statement.
    log : str
        The folder of `coldaisle serve`: who wrote which setpoint in the year, when and why.
    trail : str
        The audit trail that this report is appended to; without it `audit.jsonl` in the folder.
    verify : str
        An audit trail: its last report is worked out again, and the first link that does not hold is named.
    seal : str
        With `verify`: the seal that was kept elsewhere, which the trail must still have.
    """

    scenario: Any = None
    meters: str = ""
    residency: str = ""
    log: str = ""
    trail: str = ""
    verify: str = ""
    seal: str = ""
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class CurtailConfig:
    """``coldaisle curtail``: whether a hall with jobs holds a load target of the grid, and what that costs its jobs.

    The scenario is played in steps of a minute.

    Attributes
    ----------
    reduce_frac : float
        Of the power of the quarter of an hour before the event.
    hours : float
        How long it is held.
    ramp_s : float
        Seconds in which the power falls.
    best_effort : bool
        Tiers keep their least throughput, also where the target is then missed.
    least_load_frac : float
        What the site takes before an event, over its limit, at least; 0 for any load.
    ways : list
        ``tiers``, ``caps``, ``pauses``, ``storage``: limits by tier and then pauses, one limit for all jobs, pauses
        alone, a battery before limits by tier.
    storage_kwh_per_mw : float
        What the battery of ``storage`` can give, by MW of the site's limit; 0 for the scenario's own battery.
    events : int
        Days that are played, each with one event.
    """

    scenario: Any = MISSING
    reduce_frac: float = 0.25
    hours: float = 3.0
    ramp_s: float = 60.0
    best_effort: bool = False
    least_load_frac: float = 0.75
    ways: list[str] = field(default_factory=lambda: ["tiers", "caps", "pauses"])
    storage_kwh_per_mw: float = 0.0
    events: int = 200
    seed: int = 0
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class CampusConfig:
    """``coldaisle campus``: which waiting jobs move between several sites of one hall, and what each rule saves.

    Attributes
    ----------
    sites : dict
        By name: climate, grid zone and region of each site. Those given are added to virginia, texas and frankfurt;
        ``~sites.texas`` takes one away.
    wire : Wire
        What it costs and how long it takes to move a job's data.
    residency : Residency
        Which share of the jobs must stay at home or in its region.
    rules : list
        ``round_robin``, ``cheapest``, ``greenest``, ``emptiest``, ``transport`` (a linear program; needs the extra
        ``planner``) and ``clairvoyant``, the same with every job of the next day known; ``home`` is always played.
    occupancy : float
        Offered load of each site over its capacity, instead of the scenario's.
    every_s : float
        Seconds between two looks of a rule.
    least_work_h : float
        Waiting jobs with fewer accelerator-hours left stay where they are.
    campuses : int
        Campuses that are played, each on days of its own.
    days : float
        Length of each.
    records : str
        The rule of which `residency.csv` keeps where each job ran and moved; `coldaisle comply residency=` judges it.
    """

    scenario: Any = MISSING
    sites: dict[str, dict[str, str]] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)
    residency: Residency = field(default_factory=Residency)
    rules: list[str] = field(
        default_factory=lambda: ["round_robin", "cheapest", "greenest", "emptiest", "transport", "clairvoyant"]
    )
    occupancy: float = 0.6
    every_s: float = 900.0
    least_work_h: float = 1.0
    campuses: int = 24
    records: str = ""
    days: float = 2.0
    seed: int = 1
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class PlaceConfig:
    """``coldaisle place``: racks to come onto positions, feeds and CDUs; needs the extra ``planner``.

    Attributes
    ----------
    hall : str
        A YAML file of the hall, whose positions are a CSV or an export of NetBox or Nautobot; empty: the shipped
        example.
    arrivals : str
        A table of the racks to come, CSV or an export; empty: the shipped example.
    later : str
        A table of what may come later, from which futures are drawn; empty: they are drawn from the arrivals.
    later_racks : int
        Racks of each drawn future, for which room is kept; 0: none.
    futures : int
        Futures that are drawn.
    overload_frac : float
        What a feeder carries in the seconds until racks are capped or shed, as a share of its limit.
    nodes : int
        Nodes of the search at which a solve stops, alike on every machine.
    seconds : float
        Seconds after which it stops all the same.
    """

    hall: str = ""
    arrivals: str = ""
    later: str = ""
    later_racks: int = 0
    futures: int = 1
    overload_frac: float = 1.25
    nodes: int = 200
    seconds: float = 20.0
    seed: int = 0
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class PowerplanConfig:
    """``coldaisle powerplan``: how many more racks fit under the feeders, and what every cap and feeder costs in work.

    Attributes
    ----------
    tree : str
        A YAML file with feeders of your own, which may cross; empty: the scenario's. Crossed feeders need the extra
        ``planner``.
    minima : str
        A YAML file with what classes and tenants get at least; empty: nothing is promised.
    groups : list
        Rack groups that grow; empty: all, in proportion.
    lost_frac : float
        Share of the asked work that may be lost.
    trips_per_year : float
        Trips that may be expected in a year.
    failover : str
        ``reserve``: caps hold after any single loss without being changed; ``react``: they fall after a loss.
    objective : str
        What caps keep most of: ``work``, or its ``value`` by the scenario's prices.
    held_frac : float
        Share of each limit that caps fill; the rest is for what demand rises in a step.
    reaction_s : float
        Seconds from an overload to the fast protection's cut.
    losses_per_year : float
        How often each feeder that may fail is lost.
    years : int
        Hall-years of losses that are simulated.
    weeks : int
        Weeks of load of each seed.
    seeds : list
        Of the load.
    ratios : list
        Demand over the feeder at which the curve of work is drawn; empty: no curve.
    """

    scenario: Any = MISSING
    tree: str = ""
    minima: str = ""
    groups: list[str] = field(default_factory=list)
    lost_frac: float = 0.01
    trips_per_year: float = 0.0
    failover: str = "reserve"
    objective: str = "work"
    held_frac: float = 0.96
    reaction_s: float = 10.0
    losses_per_year: float = 0.5
    years: int = 1000
    weeks: int = 2
    seeds: list[int] = field(default_factory=lambda: [1, 2, 3, 4])
    ratios: list[float] = field(default_factory=lambda: [0.9, 1.0, 1.1, 1.2, 1.25, 1.3, 1.4])
    seed: int = 0
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class DesignConfig:
    """``coldaisle design``: which hall to build, by years of thousands of designs; needs the extra ``planner``.

    Attributes
    ----------
    climate : str
        Embedded climate, or path of a weather file.
    designs : int
        How many are played, 8 or more; in whole generations, so the last one may add some.
    population : int, optional
        How many of them at a time, from 8 to ``designs``; where it is left out a quarter of them, 500 at most. The
        first generation fills the space, the others are bred from the best.
    objectives : list
        What the front is over: ``cost_usd_kw_year``, ``pue``, ``wue_l_kwh``, ``deployable_frac``, ``stranded_frac``,
        ``ride_through_s``.
    fixed : dict
        Variables of a design that do not move, such as ``fixed.rack=liquid_190`` and ``fixed.feeder_mw=12``.
    costs : str
        A YAML file of costs; empty: the shipped one.
    check : int
        Designs of the front that are also played on all 365 days.
    replay : str
        A folder of an earlier search, of which one design is played again instead.
    point : int
        Its number.
    """

    climate: str = "sterling_va"
    designs: int = 2000
    population: int | None = None
    objectives: list[str] = field(
        default_factory=lambda: ["cost_usd_kw_year", "pue", "wue_l_kwh", "deployable_frac", "ride_through_s"]
    )
    fixed: dict[str, Any] = field(default_factory=dict)
    costs: str = ""
    check: int = 4
    replay: str = ""
    point: int = 0
    seed: int = 0
    folder: str = "${hydra:runtime.output_dir}"


STUDIES = {
    "transfer": TransferConfig,
    "validate": ValidateConfig,
    "published": PublishedConfig,
    "forecast": ForecastConfig,
    "powerplan": PowerplanConfig,
    "place": PlaceConfig,
    "curtail": CurtailConfig,
    "comply": ComplyConfig,
    "campus": CampusConfig,
    "design": DesignConfig,
}
