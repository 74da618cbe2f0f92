"""What a bundle refuses, read over real protocols: the points go back in that cycle, and the reason names one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from building import Building

from agents.live.reading import Key

BEHIND = ("bacnet", "modbus", "mqtt", "opcua", "redfish")
SUPPLY, RETURN = Key("zone_supply_c"), Key("zone_return_c")
Make = Callable[..., Building]
Values = dict[Key, float]


def in_fahrenheit(key: Key) -> Callable[[Values], Values]:
    return lambda values: {key: 32.0 + 1.8 * values[key]}


def swapped(values: Values) -> Values:
    return {RETURN: values[SUPPLY], SUPPLY: values[RETURN]}


WRONG: dict[str, tuple[Callable[[Values], Values], str]] = {
    "supply air in degF": (in_fahrenheit(SUPPLY), "zone_supply_c"),
    "outdoor air in degF": (in_fahrenheit(Key("dry_bulb_c")), "dry_bulb_c"),
    "supply and return swapped": (swapped, "zone_return_c is"),
    "a speed in percent": (
        lambda values: {Key("zone_fan_speed_frac"): 100.0 * values[Key("zone_fan_speed_frac")]},
        "zone_fan_speed_frac",
    ),
}


def shown_wrong(b: Building, wrong: Callable[[Values], Values]) -> Mapping[Key, float]:
    """Let the building show wrong values from now on, on its wire; what they are now."""
    true = type(b.hall).values

    def values() -> Values:
        found = true(b.hall)
        return found | wrong(found)

    b.hall.values = values  # type: ignore[method-assign]
    b.server.publish()
    wanted, end = wrong(true(b.hall)), time.monotonic() + 10.0
    while time.monotonic() < end:  # a broker passes messages on in its own time
        read = b.loop.parts.connector.read()
        if all(read[key].value == pytest.approx(value, rel=1e-3) for key, value in wanted.items()):
            break
        time.sleep(0.05)
    return wanted


@pytest.mark.parametrize("protocol", BEHIND)
@pytest.mark.parametrize("what", WRONG)
def test_what_only_a_wrong_unit_or_a_swap_explains_hands_the_points_back_in_that_cycle(
    what: str, protocol: str, building: Make
) -> None:
    wrong, words = WRONG[what]
    b = building(protocol)
    b.settled()
    noted = len(b.hall.noted)
    shown_wrong(b, wrong)
    row = b.cycle()
    assert words in row["fault"], row["fault"]
    assert row["state"] == "released" and b.is_handed_back()
    if protocol == "bacnet":  # elsewhere a fallback is written to hand back, or a broker passes on an older request
        assert len(b.hall.noted) == noted
    assert [b.cycle()["state"] for _ in range(5)] == ["released"] * 5, "it must not be believed after a while"


def test_a_swap_is_refused_in_the_first_cycle_of_a_loop_too(building: Make) -> None:
    b = building("bacnet")
    shown_wrong(b, swapped)
    row = b.cycle()
    assert "check whether the two are swapped" in row["fault"] and not b.hall.noted


def test_a_supply_in_degf_is_refused_in_the_first_cycle_of_a_loop_too(building: Make) -> None:
    b = building("bacnet")
    shown_wrong(b, in_fahrenheit(SUPPLY))
    row = b.cycle()
    assert "zone_supply_c" in row["fault"] and "looks like degF" in row["fault"] and not b.hall.noted


def test_a_stamp_that_stands_still_hands_the_points_back_once_it_is_too_old(building: Make) -> None:
    pytest.importorskip("asyncua")
    b = building("opcua")
    b.loop.parts.connector.told["stamps"] = "source"
    place = next(p.place for p in b.site.points if p.place.key == SUPPLY)
    show, stuck = b.server._show, datetime.fromtimestamp(b.clock.now(), UTC)

    async def stamped() -> None:
        from asyncua import ua

        await show()
        values, now = b.hall.values(), datetime.fromtimestamp(b.clock.now(), UTC)
        for each in b.site.places():
            at = stuck if each.key == place.key else now + timedelta(seconds=1)
            value = ua.Variant(each.theirs(values[each.key]), ua.VariantType.Double)
            await b.server.nodes[each.address].write_value(ua.DataValue(value, SourceTimestamp=at))

    b.server._show = stamped
    b.server.publish()
    b.cycle()
    assert b.loop.held
    faults = [b.cycle()["fault"] for _ in range(2)]
    assert not faults[0] and faults[1] == "Unusable: zone_supply_c[0] is 600 s old, over 300 s"
    assert b.is_handed_back()


def test_a_dsx_value_that_is_no_longer_published_is_refused_once_it_is_too_old(building: Make) -> None:
    b = building("mqtt")
    b.settled()
    say, silent = b.server._say, next(p.place for p in b.site.points if p.place.key == SUPPLY)

    def without(topic: str, value: float) -> None:
        if not topic.endswith(silent.address):
            say(topic, value)

    b.server._say = without
    faults = [b.cycle()["fault"] for _ in range(3)]
    assert "zone_supply_c[0] is" in faults[-1] and "over 300 s" in faults[-1]
    assert b.is_handed_back()
