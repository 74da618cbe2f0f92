from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.picture.colours import INLET_SCALE, colour_at, ink_on, rgb
from envs.picture.floor_plan import RACK_DEPTH_M, RACK_WIDTH_M, aisles, rack_places, zone_size_m
from envs.picture.hall_view import HallView, hall_view, view_of
from envs.picture.power_links import NODES
from envs.picture.zone_grid import zone_boxes
from envs.scenario import SHIPPED

SHORT = ("site.workload_weeks=1", "episode.steps=24")


@pytest.fixture(scope="module", params=SHIPPED)
def core(request: pytest.FixtureRequest) -> DataCenterCore:
    made = DataCenterCore(request.param, 2, SHORT)
    made.reset(seed=3)
    for _ in range(2):
        made.step(np.zeros((2, made.action_size), np.float32))
    return made


def through(view: HallView) -> dict[str, tuple[float, float]]:
    """What comes into each node and what leaves it [kW]."""
    into: dict[str, float] = defaultdict(float)
    out: dict[str, float] = defaultdict(float)
    for link in view.links:
        out[link.source] += link.kw
        into[link.target] += link.kw
    return {node: (into[node], out[node]) for node in {*into, *out}}


def test_each_node_hands_on_what_it_gets_and_all_power_ends_outdoors(core: DataCenterCore) -> None:
    for site in range(2):
        view = view_of(core, site)
        for node, (into, out) in through(view).items():
            assert node in NODES
            if node not in ("utility", "battery", "charging", "outdoors"):
                assert into == pytest.approx(out, rel=1e-4), node
        assert through(view)["outdoors"][0] == pytest.approx(view.totals["facility_power_kw"], rel=1e-4)
        assert through(view)["utility"][1] == pytest.approx(view.totals["grid_power_kw"], rel=1e-4)


def test_links_go_from_left_to_right(core: DataCenterCore) -> None:
    links = view_of(core).links
    assert links and all(NODES[link.source][0] < NODES[link.target][0] and link.kw > 0.0 for link in links)


def test_racks_carry_the_plants_own_numbers_of_their_site(core: DataCenterCore) -> None:
    for site in range(2):
        racks, flows = view_of(core, site).racks, core.flows
        np.testing.assert_allclose([r.top_inlet_c for r in racks], flows.rack_inlet_c[:, site])
        np.testing.assert_allclose([r.inlet_c for r in racks], flows.rack_inlet_mean_c[:, site])
        np.testing.assert_allclose([r.power_kw for r in racks], flows.rack_power_kw[:, site])
        np.testing.assert_allclose([r.air_kw + r.liquid_kw for r in racks], flows.rack_power_kw[:, site], rtol=1e-5)
        assert [r.zone for r in racks] == core.plant.layout.zone_of.tolist()
        assert len({r.name for r in racks}) == len(racks)


def test_a_rack_splits_its_heat_as_its_archetype_says() -> None:
    core = DataCenterCore("ai_hall", 1, SHORT)
    core.reset(seed=0)
    shares = {r.kind: r.liquid_kw / r.power_kw for r in view_of(core).racks}
    assert shares["nvl72"] == pytest.approx(0.85) and shares["hgx_air"] == shares["enterprise_air"] == 0.0


def test_a_view_names_every_machine_and_every_setpoint_of_its_scenario(core: DataCenterCore) -> None:
    view = view_of(core)
    names = {machine.name for machine in view.machines}
    for part in ("battery", "coolant", "chilled_water", "dx", "tower", "dry_cooler"):
        assert (part in names) == (getattr(core.scenario, part) is not None), part
    shown = {(s.name, s.row): s.value for s in view.setpoints}
    assert shown == {
        (name, row): pytest.approx(float(value))
        for name, values in core.in_force.items()
        for row, value in enumerate(values[:, 0])
    }


def test_a_view_is_json_without_a_number_that_json_lacks(core: DataCenterCore) -> None:
    text = json.dumps(view_of(core).plain(), allow_nan=False)
    assert json.loads(text)["scenario"] == core.scenario.name
    dark = core.flows._replace(it_power_kw=np.zeros_like(core.flows.it_power_kw))
    plain = hall_view(core.plant, dark, core.in_force, core.outside).plain()
    assert plain["totals"]["pue"] is None


def test_a_site_that_the_batch_lacks_is_refused(core: DataCenterCore) -> None:
    with pytest.raises(ValueError, match=r"site = 2 is outside 0\.\.1"):
        view_of(core, 2)


def test_no_two_racks_of_a_zone_stand_in_one_place() -> None:
    places = rack_places([0] * 60 + [1] * 3, [0] * 30 + [1] * 30 + [0] * 3)
    for zone in (places[:60], places[60:]):
        spots = [(p.x_m, p.y_m) for p in zone]
        assert len(set(spots)) == len(spots)
        width, depth = zone_size_m(zone)
        assert all(p.x_m + RACK_WIDTH_M / 2 <= width + 1e-9 and p.y_m + RACK_DEPTH_M / 2 <= depth + 1e-9 for p in zone)
    assert [name for name, _ in aisles(places[:60])] == ["cold aisle", "hot aisle", "cold aisle"]
    assert aisles(places[60:]) == []


def test_zones_lie_on_the_sheet_and_apart() -> None:
    for sizes in ([(3.0, 4.0)], [(3.0, 4.0), (4.2, 4.0)], [(14.4, 30.0)] * 5):
        boxes = zone_boxes(sizes, 800.0, 500.0)
        assert len(boxes) == len(sizes)
        for i, a in enumerate(boxes):
            assert a.x >= -1e-6 and a.x + a.width <= 800.0 + 1e-6 and a.y >= -1e-6 and a.y + a.height <= 500.0 + 1e-6
            for b in boxes[i + 1 :]:
                apart_x = a.x + a.width <= b.x + 1e-6 or b.x + b.width <= a.x + 1e-6
                apart_y = a.y + a.height <= b.y + 1e-6 or b.y + b.height <= a.y + 1e-6
                assert apart_x or apart_y


def test_the_scale_of_inlets_is_darkest_at_both_ends_and_told_apart_without_red_and_green() -> None:
    def blue_less_yellow(colour: tuple[float, float, float]) -> float:
        return colour[2] - 0.5 * (colour[0] + colour[1])

    comfortable, warm = colour_at(INLET_SCALE, 22.0), colour_at(INLET_SCALE, 28.0)
    assert blue_less_yellow(comfortable) > 0.05 and blue_less_yellow(warm) < -0.2
    light = [sum(rgb(colour)) for _, colour in INLET_SCALE]
    assert light.index(max(light)) not in (0, len(light) - 1)
    assert colour_at(INLET_SCALE, -50.0) == rgb(INLET_SCALE[0][1])
    assert colour_at(INLET_SCALE, 90.0) == rgb(INLET_SCALE[-1][1])
    assert ink_on(rgb("#ffffff")) != ink_on(rgb("#000000"))
