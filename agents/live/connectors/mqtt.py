"""DSX Exchange over MQTT: values are believed after their metadata, setpoints are requests, a heartbeat keeps them.

Writing publishes a request on this integration's own topic, where the building's metadata name this integration.
Handing back publishes the request with bad quality, once, and falls silent. Every `heartbeat_s` both sides publish the
time and echo the other's; where the building's echo is older than `silence_s`, every call fails.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from agents.live.clock import Clock
from agents.live.connectors import dsx_topics as dsx
from agents.live.events import secret_from
from agents.live.point_map import LiveMap, MappedSetpoint, Place
from agents.live.reading import ConnectorFault, Key, Reading, Readings, WriteNote

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage, MQTTMessageInfo

CONNECTION: Mapping[str, Any] = {
    "host": "127.0.0.1", "port": 1883, "integration": "COLDAISLE", "user": "", "password_env": "", "ca_file": "",
    "timeout_s": 5.0, "first_s": 110.0, "heartbeat_s": 10.0, "silence_s": 30.0, "republish_s": 100.0, "hold_s": 700.0,
}  # fmt: skip


class MqttConnector:
    """A building on a broker.

    Parameters
    ----------
    site : LiveMap
        ``connection``: host, port, ``integration``, ``user``, ``password_env`` (variable of the environment),
        ``ca_file`` for TLS, and the times of the heartbeat.
    clock : Clock
    """

    def __init__(self, site: LiveMap, clock: Clock) -> None:
        self.site, self.clock = site, clock
        self.told = {**CONNECTION, **site.connection}
        self.address = f"{self.told['host']}:{self.told['port']}"
        self.places = {dsx.value_topic(place): place for place in site.places()}
        self.requests: dict[str, float] = {}
        self._sent: dict[str, MQTTMessageInfo] = {}  # the last request of each topic
        self.owners: dict[str, str] = {}
        self._units: dict[str, str] = {}
        self._values: dict[str, tuple[float, dsx.Value | None, str]] = {}
        self._changed = threading.Condition()
        self._client: Client | None = None
        self._beats: _Beats | None = None
        self._kept_until = 0.0
        self._asking = threading.Lock()  # a request that is repeated must not overtake its own withdrawal

    def read(self) -> Readings:
        """The last value of every point; the first call waits for them."""
        first = self._client is None
        self._connect()
        if first:
            self._wait(lambda: all(t in self._values and t in self._units for t in self.places), self.told["first_s"])
        self._require_heard()
        self._kept_until = time.monotonic() + float(self.told["hold_s"])
        with self._changed:
            return {place.key: self._reading(topic, place) for topic, place in self.places.items()}

    def write(self, values: Mapping[Key, float], note: WriteNote) -> None:
        """Publish a request for each setpoint."""
        self._connect()
        self._require_heard()
        wanted = {dsx.request_topic(self._owned(key), self.told["integration"]): (key, v) for key, v in values.items()}
        with self._asking:
            for topic, (key, value) in wanted.items():
                self.requests[topic] = self.site.setpoint(key).place.theirs(value)
                self._publish(topic, self.requests[topic], dsx.GOOD)

    def read_back(self, keys: Collection[Key]) -> dict[Key, float]:
        """What the building publishes as in force, once it has published every setpoint anew, or the time is over."""
        places = [self.site.setpoint(key).place for key in keys]
        topics = {dsx.value_topic(place): place for place in places}

        def answered() -> bool:
            return all(self._asked_for(t, place) for t, place in topics.items())

        self._wait(answered, float(self.told["timeout_s"]))
        with self._changed:
            return {
                Key(p.key.name.removeprefix("in_force."), p.key.row): self._reading(t, p).value
                for t, p in topics.items()
            }

    def release(self) -> None:
        """Withdraw every request, also those of an earlier process."""
        self._connect()
        with self._asking:
            self.requests.clear()
            waiting = [
                self._publish(dsx.request_topic(s, self.told["integration"]), s.place.theirs(s.low), dsx.BAD)
                for s in self.site.setpoints
            ]
        for info in waiting:
            with contextlib.suppress(RuntimeError, ValueError):
                info.wait_for_publish(float(self.told["timeout_s"]))
            if not info.is_published():
                raise ConnectorFault(f"mqtt {self.address} took no withdrawal within {self.told['timeout_s']:g} s")

    def holder(self, key: Key) -> str | None:
        """None: such a building does not say whose command stands."""
        return None

    def close(self) -> None:
        """End the connection."""
        client, self._client = self._client, None
        beats, self._beats = self._beats, None
        if beats is not None:
            beats.stop()
        if client is not None:
            client.disconnect()
            client.loop_stop()

    def _connect(self) -> None:
        if self._client is not None:
            if not self._client.is_connected():
                raise ConnectorFault(f"mqtt {self.address}: the connection is lost; it is tried again by itself")
            return
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        client = Client(CallbackAPIVersion.VERSION2, client_id=f"coldaisle-{os.getpid()}-{id(self) % 10_000}")
        if self.told["user"]:
            client.username_pw_set(self.told["user"], secret_from(self.told["password_env"], "password of the broker"))
        if self.told["ca_file"]:
            client.tls_set(self.told["ca_file"])
        client.on_connect, client.on_message = self._subscribe, self._take
        client.connect_timeout = float(self.told["timeout_s"])
        client.reconnect_delay_set(1, 10)
        ready = threading.Event()
        client.on_subscribe = lambda *_: ready.set()
        try:
            client.connect(self.told["host"], int(self.told["port"]), keepalive=15)
        except OSError as error:
            raise ConnectorFault(
                f"mqtt {self.address} cannot be reached ({error}); check the broker, its port and route"
            ) from None
        client.loop_start()
        if not ready.wait(float(self.told["timeout_s"])):
            client.disconnect()
            client.loop_stop()
            raise ConnectorFault(f"mqtt {self.address} refused the connection or the topics; check user and rights")
        self._client = client
        self._beats = _Beats(self)
        self._beats.start()

    def _subscribe(self, client: Client, *_: object) -> None:
        """Subscribe; at every connection anew, for a broker may have forgotten."""
        topics = [*self.places, *(dsx.metadata_topic(place) for place in self.places.values())]
        topics += [f"{dsx.ROOT}/{dsx.PUBLIC}/Metadata/{dsx.request_path(s)}" for s in self.site.setpoints]
        topics += [f"{dsx.ROOT}/{dsx.PUBLIC}/{kind}/System/#" for kind in ("Metadata", "Value")]
        for first in range(0, len(topics), 100):
            client.subscribe([(topic, 0) for topic in dict.fromkeys(topics[first : first + 100])])

    def _take(self, client: object, userdata: object, message: MQTTMessage) -> None:
        """A message came; garbage is kept as a bad value, with its reason."""
        topic = message.topic
        with self._changed:
            if topic.startswith(f"{dsx.ROOT}/{dsx.PUBLIC}/Metadata/"):
                self._take_metadata(topic, message.payload)
            elif "/System/" in topic and self._beats is not None:
                self._beats.take(topic, message.payload)
            elif topic in self.places:
                try:
                    self._values[topic] = (time.monotonic(), dsx.read_value(message.payload), "")
                except ValueError as problem:
                    self._values[topic] = (time.monotonic(), None, str(problem))
            self._changed.notify_all()

    def _take_metadata(self, topic: str, raw: bytes | bytearray) -> None:
        try:
            content = dsx.read_object(raw)
        except ValueError:
            return
        self.owners[topic] = str(content.get("integration", ""))
        value = topic.replace("/Metadata/", "/Value/", 1)
        if value in self.places:
            self._units[value] = str(content.get("engUnit", ""))

    def _reading(self, topic: str, place: Place) -> Reading:
        now = self.clock.now()
        if topic not in self._units:
            return Reading(math.nan, now, False, "no metadata came yet")
        if topic not in self._values:
            return Reading(math.nan, now, False, "no value came yet")
        if self._units[topic] != dsx.eng_unit(place.unit):
            why = f"its metadata say the unit {self._units[topic]!r}, the point map {dsx.eng_unit(place.unit)!r}"
            return Reading(math.nan, now, False, why)
        _, value, problem = self._values[topic]
        if value is None:
            return Reading(math.nan, now, False, problem)
        good = value.quality == dsx.GOOD
        return Reading(place.ours(value.value), value.stamp_s, good, "" if good else "its quality flag is 0")

    def _asked_for(self, topic: str, place: Place) -> bool:
        """Whether the building shows what was asked for."""
        key = Key(place.key.name.removeprefix("in_force."), place.key.row)
        wanted = self.requests.get(dsx.request_topic(self.site.setpoint(key), self.told["integration"]))
        _, value, _ = self._values.get(topic, (0.0, None, ""))
        return value is not None and wanted is not None and math.isclose(value.value, wanted, rel_tol=1e-6)

    def _owned(self, key: Key) -> MappedSetpoint:
        setpoint = self.site.setpoint(key)
        topic = f"{dsx.ROOT}/{dsx.PUBLIC}/Metadata/{dsx.request_path(setpoint)}"
        owner = self.owners.get(topic)
        if owner != self.told["integration"]:
            raise ConnectorFault(
                f"mqtt {topic}: the metadata name {owner!r}, not {self.told['integration']!r}; nobody may publish a "
                "request whose metadata do not name him"
            )
        return setpoint

    def _publish(self, topic: str, value: float, quality: int) -> MQTTMessageInfo:
        assert self._client is not None
        self._sent[topic] = self._client.publish(topic, dsx.payload(value, self.clock.now(), quality), qos=0)
        return self._sent[topic]

    def _has_left(self, topic: str) -> bool:
        """Whether the last request of a topic is on its way: one that waits for a slow broker is not queued twice."""
        with contextlib.suppress(RuntimeError, ValueError):
            return self._sent[topic].is_published()
        return True

    def _is_heard(self) -> bool:
        return self._beats is not None and self._beats.silent_s() <= float(self.told["silence_s"])

    def _require_heard(self) -> None:
        assert self._beats is not None
        silent = self._beats.silent_s()
        if silent > float(self.told["silence_s"]):
            raise ConnectorFault(
                f"mqtt {self.address}: the building's heartbeat has been silent for {silent:.0f} s, over "
                f"{self.told['silence_s']:g} s; nothing is written"
            )

    def _wait(self, done: Any, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(done, seconds)

    def keep(self) -> None:
        """Publish the requests in force again, while the loop still asks for them and the building is heard."""
        with self._asking:
            if time.monotonic() < self._kept_until and self._is_heard():
                for topic, value in self.requests.items():
                    if self._has_left(topic):
                        self._publish(topic, value, dsx.GOOD)


class _Beats:
    """Heartbeat of both sides."""

    def __init__(self, owner: MqttConnector) -> None:
        self.owner = owner
        self.heard = time.monotonic()
        self._ended = threading.Event()
        self._kept = time.monotonic()

    def start(self) -> None:
        threading.Thread(target=self._run, name="dsx heartbeat", daemon=True).start()

    def stop(self) -> None:
        self._ended.set()

    def silent_s(self) -> float:
        return time.monotonic() - self.heard

    def take(self, topic: str, raw: bytes | bytearray) -> None:
        """A heartbeat of the building, or its echo of ours."""
        try:
            value = dsx.read_value(raw)
        except ValueError:
            return
        if f"/{dsx.ECHO_BMS}/" in topic:
            self.heard = time.monotonic()
        elif f"/{dsx.HEARTBEAT_BMS}/" in topic:
            self._say(dsx.ECHO, value.value)

    def _run(self) -> None:
        every = float(self.owner.told["heartbeat_s"])
        while True:
            self._say(dsx.HEARTBEAT, round(1000.0 * self.owner.clock.now()))
            if time.monotonic() - self._kept >= float(self.owner.told["republish_s"]):
                self._kept = time.monotonic()
                self.owner.keep()
            if self._ended.wait(every):
                return

    def _say(self, point: str, value: float) -> None:
        """Publish on the topic that the building's metadata give this integration."""
        client, mine = self.owner._client, self.owner.told["integration"]
        for topic, owner in list(self.owner.owners.items()):
            if f"/System/{point}/" in topic and owner == mine and client is not None:
                client.publish(dsx.derived_topic(topic, mine), dsx.payload(value, self.owner.clock.now()), qos=0)


def check_address(address: str, where: str) -> None:
    """Refuse what is no tag path."""
    if not address or any(mark in address for mark in "+#\0 ") or address.startswith("/") or address.endswith("/"):
        raise ValueError(
            f"{where}: address = {address!r}; give a tag path without + # and blanks: hall/cdu1/supplyTemp"
        )


def objects_of(place: Place) -> list[str]:
    """The topic: one tag path may have several points of an object."""
    return [f"{place.dsx.get('object')}/{place.dsx.get('point')}/{place.address}"]


def connector(site: LiveMap, clock: Clock) -> MqttConnector:
    """A connector to a broker.

    Raises
    ------
    ModuleNotFoundError
        Where paho-mqtt is not installed.
    ValueError
        For a place without the object and point type of DSX Exchange.
    """
    import paho.mqtt  # noqa: F401  -- at the door

    for place in site.places():
        if not {"object", "point"} <= set(place.dsx):
            raise ValueError(
                f"{site.path}, line {place.line}: {place.key} has no DSX types; give dsx: {{object: CDU, point: "
                "LiquidTemperature}}"
            )
    return MqttConnector(site, clock)
