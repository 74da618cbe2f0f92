"""The floors of the house: who may import whom, read from the source of every module."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from envs.plant.state import PlantState

ROOT = Path(__file__).parents[1]
PACKAGES = ("envs", "agents", "experiments", "configs")  # scripts are tools beside the house
DOORS = (
    *("envs/one_site.py", "envs/vector_env.py", "envs/sb3_vec_env.py", "envs/placement_env.py"),
    *("envs/spaces.py", "envs/gymnasium_adapter.py", "envs/__init__.py"),
)
#: Rooms of envs from the ground up; a room may use those below it, and nothing beside or above it.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("units", "unit_text", "parameters", "trees", "unknown_name", "plain_yaml", "whole_file", "linear_solver"),
    ("yaml_entry",),
    ("physics", "feeders"),
    ("equipment", "interface", "kpi", "engine"),
    ("controllers", "faults", "shield", "signals"),
    ("scenario", "scheduling"),
    ("plant",),
    ("episodes",),
    ("building", "energyplus", "guard"),
    ("core_state", "hooks"),
    ("core_options",),
    ("core_views",),
    ("core",),
    ("play", "spaces", "step_info", "picture"),
    ("twin", "gymnasium_adapter", "autoreset"),
    ("one_site",),
    ("single_env", "vector_env", "sb3_vec_env", "placement_env"),
)
SAME_ROOM = {
    "air_moisture": {"air_zone"},
    "air_side": {"air_moisture", "air_state", "air_zone"},
    "chilled_water": {"chiller"},
    "power_swing": {"throughput"},
    "rack": {"power_swing", "rack_chips", "rack_table", "rack_archetypes", "throughput"},
    "rack_chips": {"rack_table"},
    "rack_table": {"power_swing", "rack_archetypes", "throughput"},
}
#: A plant hands the states of its machines on; nobody else touches them.
PLANTS = ("envs/plant/", "envs/equipment/", "envs/energyplus/plant.py", "experiments/validation/replay.py")
REMEMBERING = PlantState._fields[: PlantState._fields.index("inlet_c")]
PLAIN_READERS = (
    "envs/parameters.py",
    "envs/plain_yaml.py",
    "envs/unit_text.py",
    "envs/unknown_name.py",
    "envs/whole_file.py",
    "envs/yaml_entry.py",
)
BOX, NOT_IN_THE_BOX = "agents/runtime/", "agents/runtime/export.py"
#: The one door from a box to the twin, whose modules travel in the bundle; and where they begin.
TWIN_DOOR, TWIN = "agents/runtime/twin_shield.py", ("envs/twin/estimation/foresight.py", "envs/scenario/plain.py")
ENERGYPLUS_USERS = ("validate", "validation", "transfer", "transfers", "calibration", "simulated_site/energyplus_hall")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Imports = dict[str, list[tuple[str, bool]]]


def imports_of(source: str, module: str, types: bool = False) -> Iterator[tuple[str, bool]]:
    """Every imported dotted name of a module's source, and whether the import stands at module level.

    Imports for type checkers alone count where ``types`` says so.
    """
    tree = ast.parse(source)
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, FUNCTIONS) for n in ast.walk(f)}
    typing = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    skipped = {id(n) for block in typing for statement in block.body for n in ast.walk(statement)}
    for node in ast.walk(tree):
        top = id(node) not in inside
        if id(node) in skipped and not types:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*package, *([node.module] if node.module else [])])
            yield base, top
            yield from ((f"{base}.{alias.name}", top) for alias in node.names)


def house(types: bool = False) -> Imports:
    """All imports of the tree, by path."""
    found: Imports = {}
    for path in sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        module = name.removesuffix(".py").replace("/", ".")
        found[name] = list(imports_of(path.read_text(encoding="utf-8"), module, types))
    return found


HOUSE = house()
WITH_TYPES = house(types=True)


def uses(imports: Imports, start: str, *targets: str, allowed: tuple[str, ...] = ()) -> list[str]:
    """``path imports name`` for every import of a target below ``start``, outside the allowed paths."""
    return [
        f"{path} imports {name}"
        for path, names in imports.items()
        for name, _ in names
        if path.startswith(start) and not path.startswith(allowed or ("-",))
        for target in targets
        if name == target or name.startswith(target + ".")
    ]


def machines_met(imports: Imports) -> list[str]:
    """Imports of one machine by another, beyond the parts of one room."""
    crossed = []
    for line in uses(imports, "envs/equipment/", "envs.equipment"):
        path, name = line.split(" imports ")
        room, other = Path(path).stem, (name.split(".") + [""])[2]
        if other and other not in SAME_ROOM.get(room, set()):
            crossed.append(line)
    return crossed


def reached(imports: Imports, start: str) -> set[str]:
    """Paths of all modules that those below ``start`` import, directly or through others, functions included."""
    modules = {p.removesuffix(".py").removesuffix("/__init__").replace("/", "."): p for p in imports}
    waiting, seen = [p for p in imports if p.startswith(start)], set()
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += [modules[name] for name, _ in imports[path] if name in modules]
    return seen


def circle(imports: Imports) -> list[str]:
    """One import circle among module-level imports, or nothing."""
    modules = {p.removesuffix(".py").removesuffix("/__init__").replace("/", "."): p for p in imports}
    edges = {m: {n for n, top in imports[p] if top and n in modules and n != m} for m, p in modules.items()}
    done: set[str] = set()

    def walk(module: str, trail: list[str]) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return []
        found = next((c for c in (walk(n, [*trail, module]) for n in sorted(edges[module])) if c), [])
        done.add(module)
        return found

    return next((c for c in (walk(m, []) for m in sorted(modules)) if c), [])


def states_reached(source: str, machines: tuple[str, ...]) -> list[str]:
    """Places where a plant's state gives out or takes in a machine's: ``state.chw``, ``start.state.chw.supply_c``,
    ``found._replace(chw=...)``.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in machines:
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if "state" in owner:
                found.append(ast.unparse(node))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "_replace":
            given = [k.arg for k in node.keywords if k.arg in machines]
            found += [f"{ast.unparse(node.func)}({name}=...)" for name in given]
    return found


def test_nobody_outside_a_plant_reaches_into_the_state_of_a_machine() -> None:
    reaching = [
        f"{path}: {place}"
        for path in HOUSE
        if not path.startswith(PLANTS)
        for place in states_reached((ROOT / path).read_text(encoding="utf-8"), REMEMBERING)
    ]
    assert not reaching


def test_energyplus_s_plant_hands_states_on_and_looks_into_none() -> None:
    source = (ROOT / "envs/energyplus/plant.py").read_text(encoding="utf-8")
    handed = {place for place in states_reached(source, REMEMBERING) if "._replace(" not in place}
    assert "state.chw" in handed and not [place for place in handed if f"{place}." in source]


def upward(imports: Imports) -> list[str]:
    """Imports, inside envs, of a room that is not below the importer's own."""
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    found = []
    for path, names in imports.items():
        if path.startswith("envs/") and path != "envs/__init__.py":
            own = path.split("/")[1].removesuffix(".py")
            for name, _ in names:
                other = (name.split(".") + [""])[1] if name.startswith("envs.") else ""
                if other in floor and other != own and floor[other] >= floor.get(own, 0):
                    found.append(f"{path} imports {name}")
    return found


def test_the_house_is_read() -> None:
    assert len(HOUSE) > 80 and "envs/equipment/rack.py" in HOUSE


def test_physics_knows_no_equipment() -> None:
    others = [
        f"envs.{p.stem}"
        for p in (ROOT / "envs").iterdir()
        if p.stem not in ("physics", "units", "__init__", "__pycache__")
    ]
    assert not uses(HOUSE, "envs/physics/", *others, "agents", "experiments")


def test_a_machine_never_imports_another_machine() -> None:
    assert not machines_met(HOUSE)


def test_machines_know_only_units_parameters_and_physics() -> None:
    allowed = ("equipment", "physics", "units", "parameters", "__init__", "__pycache__", "py")
    others = [f"envs.{p.stem}" for p in (ROOT / "envs").iterdir() if p.stem not in allowed]
    assert not uses(HOUSE, "envs/equipment/", *others)


def test_signals_know_no_equipment() -> None:
    assert not uses(
        HOUSE, "envs/signals/", "envs.equipment", "envs.plant.datacenter", "envs.scenario", "envs.controllers"
    )


def test_the_indicators_know_flows_alone() -> None:
    assert not [
        u
        for u in uses(HOUSE, "envs/kpi.py", "envs")
        if not u.split()[-1].startswith(("envs.plant.flows", "envs.units"))
    ]


def test_every_room_of_envs_has_its_floor() -> None:
    rooms = {p.stem for p in (ROOT / "envs").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert rooms - {"__init__"} == {room for rooms in FLOORS for room in rooms}


def test_no_room_of_envs_uses_one_beside_or_above_it_not_even_for_types() -> None:
    assert not upward(WITH_TYPES)


def test_gymnasium_stays_in_the_environments_and_their_boxes() -> None:
    assert not uses(WITH_TYPES, "envs/", "gymnasium", allowed=DOORS)


def test_the_interface_needs_numpy_parameters_and_refusals_alone() -> None:
    known = {*sys.stdlib_module_names, "numpy"}
    box = reached(WITH_TYPES, "envs/interface/")
    assert box <= {
        p for p in WITH_TYPES if p.startswith(("envs/interface/", "envs/parameters.py", "envs/unknown_name.py"))
    }
    assert not [
        (path, name)
        for path in box
        for name, _ in WITH_TYPES[path]
        if name.split(".")[0] not in known and not name.startswith("envs.")
    ]


def test_the_controllers_know_the_interface_and_parameters_alone() -> None:
    below = ("envs/controllers/", "envs/interface/", "envs/parameters.py", "envs/unknown_name.py")
    assert reached(WITH_TYPES, "envs/controllers/") <= {p for p in WITH_TYPES if p.startswith(below)}


def test_the_twin_knows_no_agent_and_no_experiment() -> None:
    assert not uses(WITH_TYPES, "envs/twin/", "agents", "experiments")


def test_stable_baselines3_stays_in_learning_export_and_its_own_environment() -> None:
    allowed = ("agents/learning/", "agents/runtime/export.py", "envs/sb3_vec_env.py")
    assert not uses(HOUSE, "", "stable_baselines3", "sb3_contrib", allowed=allowed)


def test_torch_stays_in_learning_export_planners_and_calibration() -> None:
    allowed = ("agents/learning/", "agents/runtime/export.py", "agents/planners/", "envs/twin/calibration/")
    assert not uses(HOUSE, "", "torch", allowed=allowed)


def test_torch_and_mlflow_are_imported_inside_functions_but_where_torch_is_extended() -> None:
    slow = ("torch", "mlflow")
    early = {p for p, names in HOUSE.items() for name, top in names if top and name.split(".")[0] in slow}
    assert early <= {"agents/learning/apg.py"}


def test_stable_baselines3_is_imported_early_only_where_its_classes_are_extended() -> None:
    early = {
        p
        for p, names in HOUSE.items()
        for name, top in names
        if top and name.split(".")[0] in ("stable_baselines3", "sb3_contrib")
    }
    learning = {f"agents/learning/{name}.py" for name in ("apg", "callbacks", "rollouts", "two_stages")}
    assert early <= {"envs/sb3_vec_env.py", *learning}


def test_mlflow_stays_in_tracking() -> None:
    assert not uses(HOUSE, "", "mlflow", allowed=("experiments/records/tracking.py",))


def test_the_second_plant_is_used_by_its_own_experiments_only() -> None:
    homes = tuple(f"experiments/{name}" for name in ENERGYPLUS_USERS)
    assert not uses(WITH_TYPES, "", "envs.energyplus", allowed=("envs/energyplus/", *homes))


def test_energyplus_is_met_in_its_own_room_and_inside_functions_only() -> None:
    assert not uses(HOUSE, "", "pyenergyplus", allowed=("envs/energyplus/",))
    assert not [p for p, names in HOUSE.items() for name, top in names if top and name.startswith("pyenergyplus")]


def test_the_web_server_stays_in_the_page_and_inside_functions() -> None:
    web = ("fastapi", "starlette", "uvicorn")
    assert not uses(HOUSE, "", *web, allowed=("agents/page/",))
    assert not [p for p, names in HOUSE.items() for name, top in names if top and name.split(".")[0] in web]


def test_the_page_knows_tables_and_colours_alone() -> None:
    known = ("envs/interface/", "envs/picture/colours.py", "envs/parameters.py", "envs/unknown_name.py", "agents/page/")
    below = reached(WITH_TYPES, "agents/page/")
    assert below <= {p for p in WITH_TYPES if p.startswith(known)}


def test_matplotlib_is_always_imported_inside_functions() -> None:
    assert not [
        (path, name)
        for path, names in HOUSE.items()
        for name, top in names
        if top and name.split(".")[0] == "matplotlib"
    ]


def test_hydra_stays_in_experiments() -> None:
    assert not uses(HOUSE, "", "hydra", allowed=("experiments/",))


def test_the_plant_knows_nobody_above_it() -> None:
    assert not uses(HOUSE, "envs/", "agents", "experiments") and not uses(HOUSE, "agents/", "experiments")


def behind_the_door(imports: Imports) -> Imports:
    """Imports without the export, and without those by which a shield meets its twin when it is made."""
    own = {path: names for path, names in imports.items() if path != NOT_IN_THE_BOX}
    if TWIN_DOOR in own:
        own[TWIN_DOOR] = [(name, top) for name, top in own[TWIN_DOOR] if top]
    return own


def test_a_twin_s_modules_need_numpy_alone_when_they_are_imported() -> None:
    early = {path: [(name, top) for name, top in names if top] for path, names in HOUSE.items()}
    reading = "envs/scenario/reading.py"
    modules = {path for start in TWIN for path in reached(early, start)} | {"envs/scenario/__init__.py"}
    assert "envs/plant/datacenter.py" in modules and reading not in modules
    allowed = {"numpy", "envs", *sys.stdlib_module_names}
    assert not [(path, name) for path in modules for name, _ in early[path] if name.split(".")[0] not in allowed]


def carried_too_much(imports: Imports) -> list[str]:
    """Modules and packages that an operator's box would need beyond itself, interface, controllers and numpy."""
    at_work = behind_the_door(imports)
    carried = reached(imports, "envs/interface/") | reached(imports, "envs/controllers/")
    rooms = {path for path in reached(at_work, BOX) if not path.startswith(BOX)} - carried
    box = reached(at_work, BOX)
    allowed = {"numpy", "envs", "agents", *sys.stdlib_module_names}
    names = {f"{path} imports {name}" for path in box for name, _ in at_work[path] if name.split(".")[0] not in allowed}
    return sorted(rooms | names)


def test_an_operators_box_needs_the_interface_the_controllers_and_numpy_alone() -> None:
    assert "envs/interface/interface.py" in reached(HOUSE, "agents/runtime/exported_policy.py")
    assert not carried_too_much(HOUSE)


#: Libraries of the extras [operator] and [page], and the modules of the live loop that may ask for them.
LIVE_LIBRARIES = {
    "yaml": ("envs/plain_yaml.py", "envs/yaml_entry.py"),
    "pyarrow": ("agents/live/decision_log.py", "agents/live/connectors/table.py", "agents/page/log_frames.py"),
    "fastapi": ("agents/page/server.py",),
    "starlette": ("agents/page/server.py",),
    "uvicorn": ("agents/page/server.py",),
    "prometheus_client": ("agents/live/metrics.py",),
    "bacpypes3": ("agents/live/connectors/bacnet.py",),
    "pymodbus": ("agents/live/connectors/modbus.py",),
    "paho": ("agents/live/connectors/mqtt.py",),
    "asyncua": ("agents/live/connectors/opcua.py",),
    "pynvml": ("agents/live/connectors/nvml.py",),
}


def carried_by_the_loop(imports: Imports) -> list[str]:
    """Modules that the live loop would need beyond a bundle, its shield and plain readers, and packages beyond those of
    [operator] or in another place than theirs.
    """
    at_work = behind_the_door(imports)
    loop = reached(at_work, "agents/live/")
    below = (
        "agents/live/",
        "agents/explain/",
        "agents/page/",  # from one door, with the extra [page]
        "envs/picture/colours.py",
        BOX,
        "envs/interface/",
        "envs/controllers/",
        "envs/shield/",
        *PLAIN_READERS,
    )
    allowed = {"numpy", "envs", "agents", *sys.stdlib_module_names}
    names = {
        f"{path} imports {name}"
        for path in loop
        for name, _ in at_work[path]
        if name.split(".")[0] not in allowed and path not in LIVE_LIBRARIES.get(name.split(".")[0], ())
    }
    return sorted({path for path in loop if not path.startswith(below)} | names)


def test_the_live_loop_needs_a_bundle_its_shield_and_the_libraries_of_operator_alone() -> None:
    assert "agents/runtime/exported_policy.py" in reached(HOUSE, "agents/live/decider.py")
    assert not carried_by_the_loop(HOUSE)


def test_the_loop_meets_its_page_in_one_place_and_when_it_is_asked_for() -> None:
    own = ("agents/live/own_page.py", "agents/live/web.py")
    assert not uses(HOUSE, "agents/live/", "agents.page", allowed=own)
    doors = [(path, top) for path, names in HOUSE.items() for name, top in names if name == "agents.live.own_page"]
    assert doors and set(doors) == {("agents/live/web.py", False)}


def test_a_protocol_s_library_is_met_inside_functions_only() -> None:
    slow = set(LIVE_LIBRARIES) - {"yaml"}
    early = [
        (path, name)
        for path, names in HOUSE.items()
        for name, top in names
        if path.startswith("agents/live/") and top and name.split(".")[0] in slow
    ]
    assert not early


def test_the_rule_of_the_loop_sees_what_is_carried_too_much() -> None:
    bad = synthetic(
        agents__live__loop="import pandas\nfrom envs import core\nfrom agents.live import metrics",
        agents__live__metrics="def f():\n    import prometheus_client, pymodbus",
        envs__core="",
    )
    assert carried_by_the_loop(bad) == [
        "agents/live/loop.py imports pandas",
        "agents/live/metrics.py imports pymodbus",
        "envs/core.py",
    ]


def test_no_import_circle_anywhere_not_even_for_types() -> None:
    assert not circle(HOUSE) and not circle(WITH_TYPES)


def synthetic(types: bool = False, **sources: str) -> Imports:
    """Imports of invented modules, ``a__b`` standing for ``a/b.py``."""
    paths = {name.replace("__", "/") + ".py": text for name, text in sources.items()}
    return {p: list(imports_of(t, p.removesuffix(".py").replace("/", "."), types)) for p, t in paths.items()}


def test_each_rule_sees_a_violation() -> None:
    bad = synthetic(
        envs__equipment__fan="from envs.equipment import pump",
        envs__equipment__pump="from .fan import x",
        envs__physics__law="def f():\n    import torch.nn as nn",
    )
    assert len(machines_met(bad)) >= 2
    assert uses(bad, "envs/physics/", "torch") and not uses(
        bad, "envs/physics/", "torch", allowed=("envs/physics/law.py",)
    )
    assert circle(bad) == ["envs.equipment.fan", "envs.equipment.pump", "envs.equipment.fan"]


def test_a_look_into_a_machine_s_state_is_seen_wherever_the_plant_s_state_hangs() -> None:
    bad = "a = state.chw.stages\nb = run.start.state.tower\nc = found._replace(air=b, rules=1)\nd = self.state.dry"
    seen = {"found._replace(air=...)", "state.chw", "run.start.state.tower", "self.state.dry"}
    assert set(states_reached(bad, REMEMBERING)) == seen
    assert not states_reached("scenario.tower.cells\nsite.battery\nplan._replace(site=1)", REMEMBERING)


def test_the_box_s_rule_sees_what_is_carried_too_much() -> None:
    bad = synthetic(
        agents__runtime__exported_policy="import pandas\nfrom envs import core\nfrom envs.interface import action",
        envs__interface__action="import numpy\nfrom envs import units",
        envs__units="",
        envs__core="import scipy.signal",
    )
    assert carried_too_much(bad) == [
        "agents/runtime/exported_policy.py imports pandas",
        "envs/core.py",
        "envs/core.py imports scipy.signal",
    ]


def test_an_import_inside_a_function_closes_no_circle() -> None:
    lazy = synthetic(a="import b", b="def f():\n    import a")
    assert not circle(lazy) and circle(synthetic(a="import b", b="import a"))


def test_an_import_for_types_counts_where_it_is_asked_for() -> None:
    lazy = {"a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import b", "b": "import a"}
    assert not circle(synthetic(**lazy)) and circle(synthetic(types=True, **lazy))


def test_a_room_that_reaches_up_or_across_is_seen() -> None:
    bad = synthetic(envs__plant__work="from envs.core import x", envs__faults="import envs.signals.noise")
    assert len(upward(bad)) == 3
    assert not upward(synthetic(envs__core="from envs.plant import work", envs__plant__a="import envs.plant.b"))
