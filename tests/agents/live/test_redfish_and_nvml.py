"""What Redfish has beyond reading and writing: ETags, sessions, refusals; and a machine without accelerators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from building import Building

from agents.live.clock import SteppedClock
from agents.live.connectors import connector_of
from agents.live.point_map import read_live_map
from agents.live.reading import ConnectorFault, Key, Unreachable, WriteNote

Make = Callable[..., Building]
NOTE = WriteNote("hash", "a test", "passed", "none", 1)
PASSWORD = "a-password-of-the-service"


def test_a_write_to_a_resource_that_changed_in_between_is_refused(building: Make) -> None:
    b = building("redfish")
    connector = b.loop.parts.connector
    setpoint = b.site.setpoints[0]
    get = connector._get

    def slow(path: str) -> object:
        answer = get(path)
        b.server.versions[path] += 1  # somebody else was faster
        return answer

    connector._get = slow
    with pytest.raises(ConnectorFault, match="412 .*somebody else changed it"):
        connector.write({setpoint.channel: setpoint.low}, NOTE)
    assert not b.hall.commands


def test_a_sensor_that_is_absent_or_of_another_kind_is_a_bad_reading(building: Make) -> None:
    b = building("redfish")
    whole, key = b.server.resource, Key("tcs_supply_c")
    for changes, words in (
        ({"Status": {"State": "Absent"}}, "it is Absent"),
        ({"Reading": None}, "no number"),
        ({"Reading": "warm"}, "no number"),
    ):
        b.server.resource = lambda path, c=changes: {**whole(path), **c}
        reading = b.loop.parts.connector.read()[key]
        assert not reading.good and words in reading.why


def test_a_session_is_opened_once_used_and_ended(building: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALL_PASSWORD", PASSWORD)
    b = building("redfish")
    for told in (b.server.told, b.loop.parts.connector.told):
        told.update(user="operator", password_env="HALL_PASSWORD")
    b.loop.parts.connector.read()
    b.loop.parts.connector.read()
    assert len(b.server.sessions) == 1
    b.server.sessions.clear()  # as a service that restarts
    with pytest.raises(ConnectorFault, match="401"):
        b.loop.parts.connector.read()
    b.loop.parts.connector.read()
    b.loop.parts.connector.close()
    assert not b.server.sessions


def test_a_wrong_password_ends_in_a_refusal_that_does_not_tell_it(
    building: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALL_PASSWORD", PASSWORD)
    b = building("redfish")
    b.server.told.update(user="somebody else", password_env="HALL_PASSWORD")
    b.loop.parts.connector.told.update(user="operator", password_env="HALL_PASSWORD")
    fault = b.cycle()["fault"]
    assert "refused with 401" in fault and PASSWORD not in fault + b.events.getvalue()


def test_a_machine_without_the_driver_says_so_and_imports_nothing_before(tmp_path: Path) -> None:
    nvml = pytest.importorskip("pynvml")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        pass
    else:
        pytest.skip("this machine has the driver of NVIDIA")
    path = tmp_path / "points.yaml"
    path.write_text(
        'protocol: nvml\npoints:\n  - {name: chip_max_c, unit: degC, address: "gpu:0:temperature"}\n'
        'setpoints:\n  - {channel: rack_power_limit_frac, unit: "1", scale: 0.001, low: 0.45, high: 1, '
        'address: "gpu:0:limit"}\n'
    )
    connector = connector_of(read_live_map(path), SteppedClock())
    for call in (connector.read, connector.release, lambda: connector.write({Key("rack_power_limit_frac"): 0.7}, NOTE)):
        with pytest.raises((Unreachable, ConnectorFault), match="driver's library is not here"):
            call()
    connector.close()


@pytest.mark.parametrize(
    ("protocol", "address"),
    [("nvml", "gpu:a:limit"), ("nvml", "gpu:0:watts"), ("redfish", "/redfish/v1/Chassis/1"), ("redfish", "x#/Reading"),
     ("opcua", "hall/supply"), ("opcua", "ns=2;i=x")],
)  # fmt: skip
def test_an_address_of_another_form_is_refused_with_an_example(protocol: str, address: str, tmp_path: Path) -> None:
    path = tmp_path / "points.yaml"
    path.write_text(f'protocol: {protocol}\npoints:\n  - {{name: wet_bulb_c, unit: degC, address: "{address}"}}\n')
    with pytest.raises(ValueError, match=r"line 3: .*(give|an address is|choose)"):
        read_live_map(path)


def test_a_service_that_answers_each_question_late_is_not_asked_for_ever(
    building: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    from agents.live import reading

    monkeypatch.setattr(reading, "MOST_ASKING_S", 0.5)
    b = building("redfish")
    whole = b.server.resource

    def late(path: str) -> object:
        time.sleep(0.2)
        return whole(path)

    b.server.resource = late
    row = b.cycle()
    assert "answers too slowly" in row["fault"] and row["state"] == "released"
