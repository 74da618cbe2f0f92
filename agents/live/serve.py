"""Puts a live loop together from what ``coldaisle serve`` was told, and runs it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from agents.live.clock import Clock, building_clock
from agents.live.connectors import Connector, connector_of
from agents.live.decider import Decider
from agents.live.decision_log import DecisionLog, logged_table, segments
from agents.live.events import Events, secrets_of
from agents.live.experience import learnt_from
from agents.live.first_look import first_look, unusual
from agents.live.graduation import Score, calibrated_days
from agents.live.limits import SafeSetpoints
from agents.live.loop import LiveLoop
from agents.live.parts import Parts
from agents.live.point_map import LiveMap, read_live_map
from agents.live.reading import ConnectorFault
from agents.live.self_test import self_test
from agents.live.settings import ServeSettings
from agents.live.units import IN_FORCE
from agents.live.watchdog import Heartbeat
from agents.live.web import server_of
from envs.whole_file import write_whole

MakeConnector = Callable[[LiveMap, Clock], Connector]
FIRST_READING = "first-reading.txt"
GRADUATED_BY = ("time_s", "scored_held", "scored_told", "widest", "cycle_s", "policy_hash", "map_hash", "kind")


def serve(
    settings: ServeSettings,
    clock: Clock | None = None,
    make_connector: MakeConnector = connector_of,
    stream: TextIO | None = None,
    shield: SafeSetpoints | None = None,
) -> LiveLoop:
    """Run a loop until it is stopped; the loop, after its end.

    Parameters
    ----------
    settings : ServeSettings
    clock : Clock, optional
        The wall's, at the settings' speed, when left out.
    make_connector : callable
        Of a point map and a clock.
    stream : TextIO, optional
        Gets the structured log; the standard output when left out.
    shield : SafeSetpoints, optional
        Before the site's own limits.

    Raises
    ------
    ValueError, ConnectorFault
        Where the bundle, the map, the graduation or the self-test does not allow a start.
    """
    clock = clock or building_clock(settings.points, settings.speed)
    if settings.mode == "advise" and (settings.port < 0 or not os.environ.get(settings.token_env)):
        raise ValueError(
            f"mode = advise waits for a person's word over HTTP; set {settings.token_env} in the environment, and a "
            "port of 0 or more"
        )
    loop = loop_of(settings, clock, make_connector, stream or sys.stdout, shield)
    _stop_by_signals(loop)
    page = None
    try:
        if settings.port >= 0:
            token = os.environ.get(settings.token_env, "")
            page = server_of(loop, settings.host, settings.port, token)
            page.start()
            loop.parts.events.say("info", "serves", address=f"http://{settings.host}:{page.port}")
        begin(loop)
    except BaseException:
        loop.end()
        if page is not None:
            page.stop()
        raise
    loop.run()
    if page is not None:
        page.stop()
    return loop


def loop_of(
    settings: ServeSettings, clock: Clock, make_connector: MakeConnector, stream: TextIO, shield: SafeSetpoints | None
) -> LiveLoop:
    """A loop that has not begun."""
    site = read_live_map(settings.points)
    token = os.environ.get(settings.token_env, "")
    events = Events(clock, stream, [token, *secrets_of(site.connection)])
    decider = Decider(settings.bundle, site, settings.cycle_s or None, shield)
    connector = make_connector(site, clock)
    run = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y%m%dT%H%M%S") + f"-{os.getpid()}"
    log = DecisionLog(Path(settings.folder), run)
    _keep_map(site, Path(settings.folder))
    needs_watchdog = settings.writes and site.protocol != "simulated"
    heartbeat = Heartbeat(site.path, clock=clock) if needs_watchdog else None
    return LiveLoop(Parts(decider, site, connector, clock, log, events, heartbeat), settings)


def begin(loop: LiveLoop) -> None:
    """Ask for graduation and the self-test, where the mode writes.

    Raises
    ------
    ValueError, ConnectorFault
        Where it may not begin.
    """
    settings, parts = loop.settings, loop.parts
    parts.events.say(
        "info", "begins", mode=settings.mode, bundle=parts.decider.title, policy_hash=parts.decider.policy_hash,
        map=str(parts.site.path), protocol=parts.site.protocol, cycle_s=loop.cycle_s, approved_by=settings.people,
        run=parts.log.run,
    )  # fmt: skip
    if parts.decider.looks_not_ahead:
        parts.events.say("warning", "the shield looks not ahead", why=parts.decider.looks_not_ahead)
    _look_first(loop)
    if settings.mode == "auto":
        of = parts.decider.policy_hash, parts.decider.map_hash
        require_graduation(Path(settings.folder), of, loop.cycle_s, settings.graduation_days)
    told = learnt_from(loop.predictor, Path(settings.folder), parts.decider, loop.cycle_s)
    parts.events.say("info", "learnt from its log", cycles=told)
    if settings.writes:
        parts.connector.read()  # a broker's first values may take longer than the watchdog's patience
        if parts.heartbeat is not None:
            parts.heartbeat.start()
        loop.release_pending = True  # whatever ends the self-test, the points are handed back before a farewell
        for line in self_test(loop):
            parts.events.say("info", "self-test", passed=line)
        loop.release_pending = False


def _look_first(loop: LiveLoop) -> None:
    """Show a person what each point reads, before anything is decided: to the standard error and beside the log."""
    parts, usual = loop.parts, loop.parts.decider.points()
    try:
        readings = parts.connector.read()
    except ConnectorFault as fault:  # the first cycle meets it again, and says so
        parts.events.say("warning", "no first reading", why=str(fault))
        return
    table = first_look(parts.site, readings, usual)
    path = Path(loop.settings.folder) / FIRST_READING
    write_whole(path, table)
    sys.stderr.write(table)
    left = [str(p.place.key) for p in parts.site.points if p.place.key.name.startswith(IN_FORCE)]
    guessed = [str(p.place.key) for p in parts.site.points if p.fixed is not None and p.place.key.name.endswith("_c")]
    if guessed:
        parts.events.say("warning", "temperatures that nobody measures", fixed=[k for k in guessed if k not in left])
    parts.events.say(
        "info", "first reading", table=str(path), look_at=unusual(parts.site, readings, usual), left_to_building=left
    )


def require_graduation(folder: Path, of: tuple[str, str], cycle_s: float, days: int) -> None:
    """Refuse a loop that has not shown for enough days that it knows what comes.

    Parameters
    ----------
    folder : Path
        The log.
    of : tuple of str
        Hashes of the bundle and of the point map: what one map earned says nothing of another.
    cycle_s : float
        Seconds between two cycles.
    days : int
        That are asked for.

    Raises
    ------
    ValueError
        Saying how many days the log has, and how to gain them.
    """
    found = 0
    if segments(folder):
        rows = logged_table(folder, GRADUATED_BY).to_pylist()
        told = *of, "cycle", cycle_s
        mine = [r for r in rows if (r["policy_hash"], r["map_hash"], r["kind"], r["cycle_s"]) == told]
        mine.sort(key=lambda r: r["time_s"])
        scores = [Score(r["time_s"], r["scored_held"], r["scored_told"], r["widest"]) for r in mine]
        found = calibrated_days(scores, cycle_s)
    if found < days:
        raise ValueError(
            f"mode = auto needs {days} calibrated days in a row in {folder}, this bundle with this point map has "
            f"{found}; run mode=shadow there until it has them, or mode=advise. A day counts from midnight to midnight "
            "of the loop's clock, UTC, and the running one does not count yet"
        )


def _keep_map(site: LiveMap, folder: Path) -> None:
    """A copy of the point map beside the log, for whoever replays it."""
    kept = folder / f"points-{site.digest[:12]}.yaml"
    if not kept.exists():
        shutil.copyfile(site.path, kept)


def _stop_by_signals(loop: LiveLoop) -> None:
    """A signal ends the loop after its cycle: nothing is left half written."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.stop())
