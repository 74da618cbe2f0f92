"""The doors of ``coldaisle serve``: what may start, what the page gives to whom, and what no log shows."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import Building

from agents.live.clock import SteppedClock
from agents.live.events import Events, secret_from
from agents.live.loop import RELEASED
from agents.live.reading import ConnectorFault
from agents.live.self_test import self_test
from agents.live.serve import begin, require_graduation, serve
from agents.live.settings import ServeSettings, settings_from
from agents.live.web import LoopServer

Make = Callable[..., Building]


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["bundle=b"], "points=... is missing"),
        (["bundle=b", "points=p", "mode=automatic"], "did you mean 'auto'?"),
        (["bundle=b", "points=p", "mode=auto"], "give two people, such as approved_by=anna,ben"),
        (["bundle=b", "points=p", "mode=auto", "approved_by=anna,anna"], "give two people"),
        (["bundle=b", "points=p", "graduation_days=0"], "graduation_days = 0 is outside 1..365"),
        (["bundle=b", "points=p", "port=abc"], "port = 'abc' is no int"),
        (["bundle=b", "points=p", "stael_s=3"], "did you mean 'stale_s'?"),
        (["bundle"], "is no key=value"),
    ],
)
def test_a_command_line_that_is_wrong_is_refused_with_the_mend(words: list[str], refusal: str) -> None:
    with pytest.raises(ValueError, match=refusal.replace("?", r"\?")):
        settings_from(ServeSettings, words)


def test_shadow_is_the_default_and_needs_nobody_s_approval() -> None:
    settings = settings_from(ServeSettings, ["bundle=b", "points=p"])
    assert settings.mode == "shadow" and not settings.writes and settings.host == "127.0.0.1"


def test_auto_does_not_begin_before_it_has_graduated(building: Make) -> None:
    b = building("simulated", mode="auto")
    with pytest.raises(ValueError, match=r"mode = auto needs 7 calibrated days in a row in .* this point map has 0"):
        begin(b.loop)
    assert not b.hall.noted


def test_a_restart_learns_from_its_log_what_it_knew(building: Make, bundle: Path) -> None:
    b = building("simulated", mode="shadow", approved_by="")
    for _ in range(40):
        b.cycle()
    told = b.loop.last_row["half_width.zone_inlet_max_c[0]"]
    b.loop.end()
    b.loop = b.made_loop(bundle)
    begin(b.loop)
    assert '"event": "learnt from its log", "cycles": 39' in b.events.getvalue()
    assert b.cycle()["half_width.zone_inlet_max_c[0]"] == pytest.approx(told, rel=1e-9)


def test_advise_without_a_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLDAISLE_TOKEN", raising=False)
    with pytest.raises(ValueError, match="waits for a person's word"):
        serve(ServeSettings("bundle", "points", "advise"))


@pytest.mark.slow
def test_two_calibrated_days_in_shadow_let_auto_begin(building: Make) -> None:
    b = building("simulated", mode="shadow", approved_by="")
    b.clock._now = 1_700_006_400.0
    for _ in range(2 * 288 + 1):
        b.cycle()
    b.loop.end()
    mine = b.loop.parts.decider.policy_hash, b.site.digest
    require_graduation(Path(b.settings.folder), mine, b.loop.cycle_s, 1)
    with pytest.raises(ValueError, match="needs 7"):
        require_graduation(Path(b.settings.folder), mine, b.loop.cycle_s, 7)
    with pytest.raises(ValueError, match="has 0"):
        require_graduation(Path(b.settings.folder), ("another bundle", b.site.digest), b.loop.cycle_s, 1)
    with pytest.raises(ValueError, match="this bundle with this point map has 0"):
        require_graduation(Path(b.settings.folder), (mine[0], "another map"), b.loop.cycle_s, 1)


@pytest.mark.parametrize("protocol", ["simulated", "bacnet", "modbus", "mqtt", "opcua", "redfish"])
def test_the_self_test_goes_through_every_step_and_moves_nothing(protocol: str, building: Make) -> None:
    b = building(protocol)
    if protocol == "mqtt":
        b.loop.settings = replace(b.settings, mode="shadow")
        b.cycle()
        b.loop.settings = b.settings
    before = b.hall.values()
    told = self_test(b.loop)
    assert len(told) == 4 and "read them back" in told[-1]
    assert b.is_handed_back()
    after = b.hall.values()
    assert after == pytest.approx(before, abs=1e-4)


def test_a_self_test_whose_read_back_fails_says_so_and_hands_back(building: Make) -> None:
    b = building("simulated")
    b.loop.parts.connector.read_back = lambda keys: dict.fromkeys(keys, 99.0)
    with pytest.raises(ConnectorFault, match="read-back failed"):
        self_test(b.loop)
    assert not b.hall.commands


def test_a_self_test_that_cannot_hand_back_leaves_the_farewell_unsaid(building: Make) -> None:
    class Beats:
        stopped = False
        pid = 1

        def start(self) -> None: ...

        def mark(self) -> None: ...

        def stop(self) -> None:
            self.stopped = True

    b = building("simulated", mode="advise", approved_by="")
    b.loop.parts.heartbeat = beats = Beats()

    def broken() -> None:
        raise ConnectorFault("no route")

    release, b.loop.parts.connector.release = b.loop.parts.connector.release, broken
    with pytest.raises(ConnectorFault):
        begin(b.loop)
    b.loop.end()
    assert not beats.stopped  # so the watchdog acts when this process is gone
    b.loop.parts.connector.release = release


def got(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", method=method, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=5.0) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def test_health_and_metrics_follow_the_loop_and_a_change_needs_the_token(building: Make) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    b = building("simulated")
    server = LoopServer(b.loop, "127.0.0.1", 0, "secret-token")
    server.start()
    assert got(server.port, "/health")[0] == 503  # no cycle yet
    b.settled()
    assert got(server.port, "/health") == (200, '{"healthy": true, "why": "", "state": "in control"}\n')
    samples = {
        s.name: s.value
        for family in parser.text_string_to_metric_families(got(server.port, "/metrics")[1])
        for s in family.samples
    }
    assert samples["coldaisle_tcs_supply_c"] == pytest.approx(b.loop.last_row["measured.tcs_supply_c[0]"])
    assert samples["coldaisle_points_held"] == len(b.loop.held) and samples["coldaisle_alarm"] == 0.0
    for headers in ({}, {"Authorization": "Bearer wrong", "X_Who": "anna"}):
        assert got(server.port, "/release", "POST", **headers)[0] == 401
    good = {"Authorization": "Bearer secret-token"}
    assert got(server.port, "/release", "POST", **good)[0] == 400
    assert got(server.port, "/stop", "POST", X_Who="anna", **good)[0] == 404
    assert got(server.port, "/release", "POST", X_Who="anna", **good)[0] == 202
    b.loop._obey()
    assert b.loop.state == RELEASED and not b.hall.commands
    status, told = got(server.port, "/health")
    assert (
        status == 503 and json.loads(told)["why"] == "released by anna; it stays released until somebody says /resume"
    )
    server.stop()


def test_confirming_a_proposal_that_is_over_is_answered_with_the_current_one(building: Make) -> None:
    b = building("simulated", mode="advise", approved_by="")
    server = LoopServer(b.loop, "127.0.0.1", 0, "secret-token")
    server.start()
    anna = {"Authorization": "Bearer secret-token", "X_Who": "anna"}
    status, told = got(server.port, "/confirm?cycle=1", "POST", **anna)
    assert status == 409 and told == "proposal 1 is over, and none waits now (state: advising); see /state\n"
    for _ in range(3):
        b.cycle()
    status, told = got(server.port, "/confirm?cycle=1", "POST", **anna)
    assert (status, told) == (409, "proposal 1 is over, the current one is 3; see /state\n")
    assert got(server.port, "/confirm?cycle=3", "POST", **anna)[0] == 202
    b.loop._obey()
    assert b.loop.held
    server.stop()


def test_a_page_that_others_can_reach_needs_a_token(building: Make) -> None:
    b = building("simulated")
    with pytest.raises(ValueError, match="can be reached by others"):
        LoopServer(b.loop, "0.0.0.0", 0, "")


def test_no_secret_stands_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    events = Events(SteppedClock(), stream, ['pass"word', "tok-en"])
    events.say("alarm", "fault", why='broker said pass"word is wrong', more={"token": "tok-en"})
    assert "tok-en" not in stream.getvalue() and "word is" not in stream.getvalue()
    assert stream.getvalue().count("***") == 2
    monkeypatch.delenv("NO_SUCH", raising=False)
    with pytest.raises(ValueError, match="environment has no NO_SUCH"):
        secret_from("NO_SUCH", "password")


def test_the_loop_s_import_needs_neither_the_simulator_nor_torch_hydra_or_gymnasium() -> None:
    absent = (
        "torch",
        "gymnasium",
        "hydra",
        "omegaconf",
        "pandas",
        "scipy",
        "mlflow",
        "matplotlib",
        "stable_baselines3",
    )
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({absent}));"
        "import experiments.serve, experiments.replay, agents.live.watchdog, experiments.cli;"
        "assert 'envs.core' not in sys.modules and 'envs.plant' not in sys.modules;"
        "sys.argv = ['coldaisle', 'serve', '--help']; assert experiments.cli.main() == 0"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_missing_library_is_named_with_the_line_that_installs_it(tmp_path: Path) -> None:
    from experiments.missing_package import missing_words

    for package in ("bacpypes3.pdu", "pymodbus", "paho.mqtt", "prometheus_client"):
        words: Any = missing_words("coldaisle serve", ModuleNotFoundError(name=package))
        assert "'.[operator]'" in words
