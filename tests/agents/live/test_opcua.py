"""What OPC UA has beyond reading and writing: status codes, source times, types and rights."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from building import Building

from agents.live.reading import Key

ua = pytest.importorskip("asyncua", reason="asyncua is not installed: pip install -e '.[operator]'").ua
Make = Callable[..., Building]
COOLANT = Key("tcs_supply_c")


def put(b: Building, key: Key, value: Any) -> None:
    """Write to a node of the building, as its own program would."""
    place = next(p for p in b.site.places() if p.key == key)
    b.server._loop.call(b.server.nodes[place.address].write_value(value), 10.0)


def test_a_status_that_is_not_good_is_a_bad_reading(building: Make) -> None:
    b = building("opcua")
    status = ua.StatusCode(ua.UInt32(ua.StatusCodes.BadSensorFailure))
    put(b, COOLANT, ua.DataValue(ua.Variant(21.0, ua.VariantType.Double), StatusCode=status))
    reading = b.loop.parts.connector.read()[COOLANT]
    assert not reading.good and "BadSensorFailure" in reading.why
    assert "tcs_supply_c[0]" in b.cycle()["fault"]


def test_a_value_that_is_no_finite_number_is_a_bad_reading(building: Make) -> None:
    b = building("opcua")
    put(b, COOLANT, ua.DataValue(ua.Variant(float("nan"), ua.VariantType.Double)))
    reading = b.loop.parts.connector.read()[COOLANT]
    assert not reading.good and "no finite number" in reading.why


def test_an_old_source_time_is_stale_where_the_map_believes_it(building: Make) -> None:
    b = building("opcua")
    then = datetime.now(UTC) - timedelta(hours=1)
    put(b, COOLANT, ua.DataValue(ua.Variant(21.0, ua.VariantType.Double), SourceTimestamp=then))
    connector = b.loop.parts.connector
    assert connector.read()[COOLANT].stamp_s == b.clock.now()
    connector.told["stamps"] = "source"
    assert connector.read()[COOLANT].stamp_s == pytest.approx(then.timestamp(), abs=1e-3)


def test_a_write_that_the_server_refuses_hands_every_point_back(building: Make) -> None:
    b = building("opcua")
    last = b.server.site.setpoints[-1]
    b.server._loop.call(b.server.nodes[last.place.address].set_read_only(), 10.0)
    row = b.cycle()
    assert "refused" in row["fault"] and row["state"] == "released"
    assert last.channel not in b.hall.commands
    assert not b.outside()


def test_a_node_that_is_not_there_is_a_bad_reading(building: Make) -> None:
    b = building("opcua")
    place = next(p for p in b.site.places() if p.key == COOLANT)
    b.server._loop.call(b.server.nodes[place.address].delete(), 10.0)
    reading = b.loop.parts.connector.read()[COOLANT]
    assert not reading.good and "BadNodeIdUnknown" in reading.why
