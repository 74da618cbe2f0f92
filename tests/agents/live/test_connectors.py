"""Every connector against a real server of its protocol, over a wire that is cut, stalled and garbled."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import pytest
from building import Building
from faulty_proxy import GARBLE, PASS, STALL

from agents.live.reading import ConnectorFault, Key, WriteNote

BEHIND = ("bacnet", "modbus", "mqtt", "opcua", "redfish")
NOTE = WriteNote("hash", "a test", "passed", "none", 1)
Make = Callable[..., Building]


@pytest.mark.parametrize("protocol", BEHIND)
def test_what_is_read_is_what_the_hall_shows_with_quality_and_stamp(protocol: str, building: Make) -> None:
    b = building(protocol)
    b.loop.parts.connector.close()
    if protocol == "mqtt":
        b.cycle()
    shown, end = b.hall.values(), time.monotonic() + 5.0
    readings = b.loop.parts.connector.read()
    while any(r.value != pytest.approx(shown[k], rel=1e-6) for k, r in readings.items()) and time.monotonic() < end:
        time.sleep(0.1)  # a broker passes messages on in its own time
        readings = b.loop.parts.connector.read()
    assert readings.keys() == {place.key for place in b.site.places()}
    for key, reading in readings.items():
        assert reading.good, (key, reading.why)
        assert reading.value == pytest.approx(shown[key], abs=1e-4, rel=1e-6)
        assert abs(b.clock.now() - reading.stamp_s) <= b.loop.cycle_s


@pytest.mark.parametrize("protocol", BEHIND)
def test_a_written_setpoint_is_in_force_reads_back_and_is_handed_back(protocol: str, building: Make) -> None:
    b = building(protocol)
    connector = b.loop.parts.connector
    connector.read()
    b.server.publish()
    wanted = {s.channel: 0.5 * (s.low + s.high) for s in b.site.setpoints}
    connector.write(wanted, NOTE)
    back, end = connector.read_back(wanted), time.monotonic() + 10.0
    while back != pytest.approx(wanted, abs=1e-4) and time.monotonic() < end:
        back = connector.read_back(wanted)
    assert back == pytest.approx(wanted, abs=1e-4)
    assert b.hall.commands == pytest.approx(wanted, abs=1e-4)
    connector.release()
    assert b.is_handed_back()


@pytest.mark.parametrize("protocol", BEHIND)
def test_a_cut_wire_ends_in_a_fault_and_the_points_go_back_when_it_is_mended(protocol: str, building: Make) -> None:
    b = building(protocol)
    b.settled()
    b.wire.cut()
    end = time.monotonic() + 10.0
    while protocol == "mqtt" and b.loop.parts.connector._client.is_connected() and time.monotonic() < end:
        time.sleep(0.02)  # the others find out when they ask
    row = b.cycle()
    assert row["state"] == "released" and row["fault"]
    assert protocol in row["fault"]
    assert b.loop.release_pending
    b.wire.mode = PASS
    for _ in range(60):
        b.cycle()
        if not b.loop.release_pending:
            break
        time.sleep(0.2)
    assert b.is_handed_back()
    assert any(event["event"].startswith("released") for event in b.told("alarm"))
    for _ in range(12):
        if b.cycle()["state"] == "in control":
            break
    assert b.loop.held, b.events.getvalue()[-1500:]
    assert not b.outside()


@pytest.mark.parametrize("protocol", BEHIND)
def test_a_building_that_does_not_answer_ends_in_a_fault_within_the_timeout(protocol: str, building: Make) -> None:
    b = building(protocol)
    b.settled()
    b.wire.mode = STALL
    if protocol == "mqtt":
        b.wait_for_silence()
    row = b.cycle()
    assert row["state"] == "released" and row["fault"]
    b.wire.mode = PASS


@pytest.mark.parametrize("protocol", BEHIND)
def test_garbage_on_the_wire_is_never_acted_on(protocol: str, building: Make) -> None:
    b = building(protocol)
    b.settled()
    commands = len(b.hall.noted)
    known = [*b.hall.noted, *((s.channel, s.fallback) for s in b.site.setpoints if s.fallback is not None)]
    b.wire.mode = GARBLE
    if protocol == "mqtt":
        b.wait_for_silence()
    row = b.cycle()
    assert row["state"] == "released" and row["fault"]
    for key, value in b.hall.noted[commands:]:  # what is said still arrives: a fallback, or a request until withdrawn
        assert any(key == k and value == pytest.approx(v, abs=1e-5) for k, v in known)
    b.wire.mode = PASS


def test_a_bacnet_object_that_is_not_there_is_a_bad_reading(building: Make) -> None:
    b = building("bacnet")
    place = b.site.points[3].place
    b.server._app.delete_object(b.server.inputs[place.key])
    reading = b.loop.parts.connector.read()[place.key]
    assert not reading.good and reading.why.startswith("unknown object analog-input,")
    assert str(place.key) in b.cycle()["fault"]


def test_a_bacnet_sensor_that_fails_or_is_out_of_service_is_a_bad_reading(building: Make) -> None:
    b = building("bacnet")
    key = b.site.points[3].place.key
    b.server.inputs[key].reliability = "noSensor"
    assert b.loop.parts.connector.read()[key].why == "fault"
    b.server.inputs[key].reliability = "noFaultDetected"
    b.server.inputs[key].outOfService = True
    assert b.loop.parts.connector.read()[key].why == "out-of-service"
    b.server.inputs[key].outOfService = False
    assert b.loop.parts.connector.read()[key].good


def test_a_refused_bacnet_write_hands_every_point_back(building: Make) -> None:
    from bacpypes3.errors import PropertyError

    b = building("bacnet")
    refusing = b.server.values[b.site.setpoints[-1].channel]

    async def refuse(attr: object, value: object, index: object = None, priority: object = None) -> None:
        if b.server.values and str(value) != "null" and "Null" not in type(value).__name__:
            raise PropertyError("writeAccessDenied")

    object.__setattr__(refusing, "write_property", refuse)
    row = b.cycle()
    assert "write-access-denied" in row["fault"]
    assert row["state"] == "released" and b.is_handed_back()


def test_a_higher_bacnet_priority_wins_and_the_loop_hands_its_points_back(building: Make) -> None:
    import asyncio

    from bacpypes3.primitivedata import Null, Real

    b = building("bacnet")
    b.settled()
    setpoint = next(s for s in b.site.setpoints if s.channel.name == "tcs_supply_temp_setpoint_c")
    made = b.server.values[setpoint.channel]
    by_hand = made.write_property("presentValue", Real(26.0), None, 8)
    asyncio.run_coroutine_threadsafe(by_hand, b.server._loop.loop).result(5.0)
    row = b.cycle()
    assert "somebody else" in row["fault"] and row["state"] == "released"
    assert b.hall.commands.keys() == {setpoint.channel}
    assert b.hall.commands[setpoint.channel] == pytest.approx(26.0)
    (taken,) = json.loads(row["taken"])
    assert (Key(taken["channel"], taken["row"]), taken["how"]) == (setpoint.channel, "BACnet priority 8")
    later = b.cycle()
    assert later["let_go"] == row["fault"] and later["let_go_s"] == row["let_go_s"] <= row["time_s"] + 1.0
    assert json.loads(later["taken"]) == [taken]
    let_go = made.write_property("presentValue", Null(()), None, 8)
    asyncio.run_coroutine_threadsafe(let_go, b.server._loop.loop).result(5.0)
    assert b.cycle()["taken"] == "[]", "nobody else commands it any more"


def test_a_modbus_register_that_holds_no_number_is_a_bad_reading(building: Make) -> None:
    b = building("modbus")
    place = b.site.points[0].place
    work = b.server._server.async_setValues(1, 4, 0, [0x7FC0, 0])
    b.server.own_write = True
    b.server._loop.call(work, 5.0)
    b.server.own_write = False
    reading = b.loop.parts.connector.read()[place.key]
    assert not reading.good and reading.why == "not finite"


def test_a_refused_modbus_write_hands_every_point_back(building: Make) -> None:
    from pymodbus.constants import ExcCodes

    b = building("modbus")
    last = b.server.site.setpoints[-1]
    taken = b.server._taken

    async def refuse(
        function: int, start: int, address: int, count: int, registers: list[int], values: object
    ) -> object:
        if (
            not b.server.own_write
            and values is not None
            and b.server.by_register.get(address) is last
            and not b.hall.steps
        ):
            return ExcCodes.ILLEGAL_ADDRESS
        return await taken(function, start, address, count, registers, values)

    b.server._server.context.devices[1].action = refuse
    row = b.cycle()
    assert "refused" in row["fault"] and row["state"] == "released"
    assert last.channel not in b.hall.commands


def test_a_modbus_point_without_a_fallback_is_refused(building: Make) -> None:
    from agents.live.connectors import connector_of
    from agents.live.point_map import read_live_map

    b = building("modbus")
    text = b.site.path.read_text(encoding="utf-8")
    path = b.place / "without.yaml"
    path.write_text(
        "\n".join(line.split(", fallback")[0] + ("}" if ", fallback" in line else "") for line in text.split("\n"))
    )
    with pytest.raises(ValueError, match="has no fallback"):
        connector_of(read_live_map(path), b.clock)


def test_a_dsx_value_is_believed_after_its_metadata_and_in_their_unit(building: Make) -> None:
    from agents.live.connectors import dsx_topics as dsx

    b = building("mqtt")
    b.settled()
    place = next(p.place for p in b.site.points if p.place.key.name == "tcs_supply_c")
    connector = b.loop.parts.connector
    topic = dsx.value_topic(place)
    connector._units.pop(topic)
    assert connector.read()[place.key].why == "no metadata came yet"
    connector._units[topic] = "F"
    assert "the unit 'F'" in connector.read()[place.key].why


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b'{"value": "hot", "timestamp": 1, "quality": 1}', "no number"),
        (b'{"value": true, "timestamp": 1, "quality": 1}', "no number"),
        (b'{"value": 20.0, "timestamp": 1700000000000, "quality": 0}', "quality flag is 0"),
        (b"[1, 2]", "no JSON object"),
        (b"\xff\xfe", "no JSON"),
    ],
)
def test_a_dsx_message_of_the_wrong_kind_is_a_bad_reading(payload: bytes, words: str, building: Make) -> None:
    from agents.live.connectors import dsx_topics as dsx

    b = building("mqtt")
    b.settled()
    place = next(p.place for p in b.site.points if p.place.key.name == "tcs_supply_c")
    b.server.publish = lambda: None  # it says nothing that is right any more
    b.settle_wire()
    b.server.client.publish(dsx.value_topic(place), payload)
    reading, end = b.loop.parts.connector.read()[place.key], time.monotonic() + 10.0
    while reading.good and time.monotonic() < end:
        time.sleep(0.05)
        reading = b.loop.parts.connector.read()[place.key]
    assert not reading.good and words in reading.why
    assert b.loop.cycle(b.clock.now())["state"] == "released"


def test_a_dsx_request_is_published_only_where_the_metadata_name_this_integration(building: Make) -> None:
    b = building("mqtt")
    b.settled()
    connector = b.loop.parts.connector
    key = b.site.setpoints[0].channel
    connector.owners = {topic: "SOMEBODY" for topic in connector.owners}
    with pytest.raises(ConnectorFault, match="not 'COLDAISLE'"):
        connector.write({key: b.site.setpoints[0].low}, NOTE)


def test_a_dsx_request_that_the_building_does_not_take_hands_every_point_back(building: Make) -> None:
    b = building("mqtt")
    b.cycle()
    first = b.site.setpoints[0]
    object.__setattr__(b.server.by_request[next(iter(b.server.by_request))], "high", first.low - 1.0)
    for _ in range(4):
        row = b.cycle()
        if row["fault"]:
            break
    assert "read-back" in row["fault"] and row["state"] == "released"
    assert b.is_handed_back()


def test_without_the_echo_of_its_heartbeat_a_dsx_loop_writes_nothing(building: Make) -> None:
    b = building("mqtt")
    b.settled()
    b.server.echoing = False
    b.wait_for_silence()
    b.settle_wire()
    noted = len(b.hall.noted)
    time.sleep(3.0 * b.loop.parts.connector.told["republish_s"])
    assert len(b.hall.noted) == noted, "requests are not repeated to a building that is not heard"
    row = b.cycle()
    assert "heartbeat has been silent" in row["fault"] and row["state"] == "released"
    assert len(b.hall.noted) == noted and b.is_handed_back()


def test_a_dsx_request_that_is_repeated_never_comes_after_its_withdrawal(building: Make) -> None:
    b = building("mqtt")
    b.settled()
    connector, ended = b.loop.parts.connector, threading.Event()

    def repeat() -> None:
        while not ended.is_set():
            connector.keep()

    repeating = threading.Thread(target=repeat)
    repeating.start()
    time.sleep(0.2)
    connector.release()
    ended.set()
    repeating.join()
    b.settle_wire()
    assert b.is_handed_back()


def test_a_dsx_building_reverts_by_itself_when_the_integration_falls_silent(building: Make) -> None:
    b = building("mqtt")
    b.settled()
    assert b.hall.commands
    b.wire.mode = STALL
    assert b.is_handed_back(20.0)
    b.wire.mode = PASS
