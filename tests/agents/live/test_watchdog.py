"""Two real processes: the loop is killed, or hangs, and the watchdog hands a BACnet building back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from building import Building

from agents.live.clock import WallClock
from agents.live.decision_log import logged_rows

Make = Callable[..., Building]
TOKEN = "a-token-that-nobody-reads"
ROOT = str(Path(__file__).parents[3])
HANGS = """
import sys, time
from pathlib import Path
from agents.live.watchdog import Heartbeat
heartbeat = Heartbeat(Path(sys.argv[1]), silence_s=1.0)
heartbeat.start()
print("up", flush=True)
time.sleep(60.0)
"""


@contextmanager
def program(words: list[str], stdin: int | None = None, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, killed at the end."""
    whole = os.environ | {"PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1", **environ}
    process = subprocess.Popen([sys.executable, *words], stdin=stdin, stdout=subprocess.PIPE, text=True, env=whole)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def asked(port: int, path: str, token: str = "", method: str = "GET") -> tuple[int, str]:
    """Status and text of a request."""
    headers = {"Authorization": f"Bearer {token}", "X-Who": "anna"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10.0) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def until(seconds: float, done: Callable[[], Any]) -> Any:
    """What ``done`` gives, once it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = done()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing within {seconds} s")


@contextmanager
def serving(b: Building, bundle: Path, place: Path) -> Iterator[tuple[subprocess.Popen[str], int, list[str]]]:
    """``coldaisle serve`` in a process of its own; its port and what it says."""
    words = [
        *("-m", "experiments.cli", "serve", f"bundle={bundle}", f"points={b.site.path}", f"folder={place}"),
        *("mode=advise", "port=0", "speed=100", "stale_s=7200"),
    ]
    lines: list[str] = []
    with program(words, COLDAISLE_TOKEN=TOKEN) as process:
        stdout = process.stdout
        assert stdout is not None
        threading.Thread(target=lambda: lines.extend(iter(stdout.readline, "")), daemon=True).start()
        address = until(60.0, lambda: [json.loads(x)["address"] for x in lines if '"serves"' in x])[0]
        yield process, int(address.rsplit(":", 1)[1]), lines


def test_a_loop_that_is_killed_leaves_nothing_commanded_and_its_log_whole(
    building: Make, bundle: Path, tmp_path: Path
) -> None:
    b = building("bacnet")
    with serving(b, bundle, tmp_path / "log") as (process, port, lines):
        proposal = until(60.0, lambda: json.loads(asked(port, "/state")[1])["proposal"])
        assert set(proposal) >= {"cycle", "changes", "policy_hash", "reason", "shield", "expected"}
        assert asked(port, "/confirm?cycle=1", method="POST")[0] == 401
        assert not b.hall.commands

        def confirmed() -> bool:
            waiting = json.loads(asked(port, "/state")[1])["proposal"]
            if waiting and not b.hall.commands:
                assert asked(port, f"/confirm?cycle={waiting['cycle']}", TOKEN, "POST")[0] == 202
                time.sleep(0.3)
            return bool(b.hall.commands)

        until(60.0, confirmed)
        status, metrics = asked(port, "/metrics")
        assert status == 200 and 'coldaisle_zone_inlet_max_c{row="0"}' in metrics
        assert 'coldaisle_state{state="advising"} 1.0' in metrics
        until(30.0, lambda: asked(port, "/health")[0] == 200)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert b.is_handed_back(20.0)
    told = [json.loads(line)["cycle"] for line in lines if '"event": "cycle"' in line]
    assert {row["cycle"] for row in logged_rows(tmp_path / "log")} >= set(told)
    assert TOKEN not in "".join(lines) and TOKEN not in metrics
    assert not any(TOKEN.encode() in path.read_bytes() for path in (tmp_path / "log").iterdir() if path.is_file())


@pytest.mark.parametrize("protocol", ["bacnet", "modbus", "mqtt", "opcua", "redfish"])
def test_a_heartbeat_that_ends_without_a_farewell_hands_back_behind_every_protocol(
    protocol: str, building: Make
) -> None:
    b = building(protocol)
    b.settled()
    assert b.hall.commands
    b.loop.parts.connector.close()
    with program(["-m", "agents.live.watchdog", str(b.site.path), "30", "0"], stdin=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline().strip() == "ready"
        process.stdin.write("beat\n")
        process.stdin.close()
        assert process.wait(60.0) == 0
    assert b.is_handed_back()


def test_a_loop_that_hangs_is_killed_before_the_points_go_back(building: Make) -> None:
    b = building("bacnet")
    b.settled()
    assert b.hall.commands
    b.loop.parts.connector.close()
    with program(["-c", HANGS, str(b.site.path)]) as process:
        assert process.stdout is not None and process.stdout.readline().strip() == "up"
        assert process.wait(40.0) == -signal.SIGKILL
        assert b.is_handed_back(10.0)


def test_a_loop_that_ends_well_says_farewell_and_the_watchdog_does_nothing(building: Make) -> None:
    from agents.live.watchdog import Heartbeat

    b = building("bacnet")
    b.settled()
    heartbeat = Heartbeat(b.site.path)
    heartbeat.start()
    process = heartbeat._process
    assert process is not None and heartbeat.is_alive
    heartbeat.stop()
    assert process.wait(10.0) == 0 and b.hall.commands


def test_a_loop_whose_watchdog_died_writes_nothing_until_there_is_a_new_one(building: Make) -> None:
    from agents.live.watchdog import Heartbeat

    b = building("bacnet")
    b.loop.parts.heartbeat = heartbeat = Heartbeat(b.site.path)
    heartbeat.start()
    b.settled()
    first = heartbeat.pid
    assert heartbeat._process is not None
    decide = b.loop.parts.decider.decide

    def killing(measurements: Any, now: float) -> Any:
        assert heartbeat._process is not None
        heartbeat._process.kill()
        heartbeat._process.wait()
        b.loop.held.clear()  # so that it has something to write
        return decide(measurements, now)

    b.loop.parts.decider.decide = killing
    noted = len(b.hall.noted)
    row = b.cycle()
    assert "watchdog process is gone" in row["fault"] and len(b.hall.noted) == noted and b.is_handed_back()
    b.loop.parts.decider.decide = decide
    assert not b.cycle()["fault"]
    assert heartbeat.is_alive and heartbeat.pid != first
    heartbeat.stop()


def test_a_loop_that_stood_still_longer_than_the_silence_may_not_write(building: Make) -> None:
    from agents.live.reading import ConnectorFault
    from agents.live.watchdog import Heartbeat

    b = building("bacnet")
    heartbeat = Heartbeat(b.site.path, silence_s=30.0)
    heartbeat.start()
    heartbeat._last -= 31.0
    with pytest.raises(ConnectorFault, match="stood still for 31 s"):
        heartbeat.mark()
    heartbeat.stop()


def test_the_watchdog_s_events_carry_times_of_the_loop_s_clock(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hall.csv").write_text("time,OAWB\n2026-07-01T00:00:00Z,12\n", encoding="utf-8")
    points = tmp_path / "points.yaml"
    points.write_text(
        "protocol: table\nconnection: {file: hall.csv, time: time}\n"
        "points:\n  - {name: wet_bulb_c, unit: degC, address: OAWB}\n",
        encoding="utf-8",
    )
    from agents.live.watchdog import Heartbeat

    clock = WallClock(400.0, (time.time(), 4e9))
    heartbeat = Heartbeat(points, clock=clock)
    begun = clock.now()
    heartbeat.start()
    heartbeat._ended.set()
    heartbeat._process.stdin.close()
    assert heartbeat._process.wait(30.0) == 0
    told = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [event["event"] for event in told] == ["watchdog releases", "watchdog released all points"]
    assert all(begun <= event["time_s"] <= clock.now() for event in told)
