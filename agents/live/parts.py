"""What a live loop is made of, what it proposes, and what an operator may ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agents.live.clock import Clock
from agents.live.connectors import Connector
from agents.live.decider import Decider
from agents.live.decision_log import DecisionLog
from agents.live.events import Events
from agents.live.point_map import LiveMap
from agents.live.reading import Key, WriteNote
from agents.live.watchdog import Heartbeat


@dataclass
class Parts:
    """What a loop is made of.

    Attributes
    ----------
    decider : Decider
    site : LiveMap
    connector : Connector
    clock : Clock
    log : DecisionLog
    events : Events
    heartbeat : Heartbeat, optional
        None where nothing is ever written, and for a building that lives in this process.
    """

    decider: Decider
    site: LiveMap
    connector: Connector
    clock: Clock
    log: DecisionLog
    events: Events
    heartbeat: Heartbeat | None = None


@dataclass(frozen=True)
class Proposal:
    """Changes that wait for a person's word; valid until the next cycle."""

    cycle: int
    changes: Mapping[Key, float]
    note: WriteNote


@dataclass(frozen=True)
class Command:
    """What an operator asks for: ``release``, ``resume`` or ``confirm``; which proposal; who."""

    name: str
    cycle: int = 0
    who: str = ""
