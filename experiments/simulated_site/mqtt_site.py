"""A simulated hall that publishes to DSX Exchange, takes requests within its guard rails, and reverts by itself."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from agents.live.clock import Clock
from agents.live.connectors import dsx_topics as dsx
from agents.live.connectors.mqtt import CONNECTION
from agents.live.point_map import LiveMap, Place
from agents.live.reading import ConnectorFault
from experiments.simulated_site.hall import SimulatedHall

WAIT_S = 10.0
SYSTEM = "hall"


class MqttSite:
    """Publishes the points of a point map.

    Parameters
    ----------
    site : LiveMap
    hall : SimulatedHall
    clock : Clock
    """

    def __init__(self, site: LiveMap, hall: SimulatedHall, clock: Clock) -> None:
        self.site, self.hall, self.clock = site, hall, clock
        self.told = {**CONNECTION, **site.connection}
        self.mine = str(self.told["integration"])
        self.by_request = {dsx.request_topic(s, self.mine): s for s in site.setpoints}
        self.client = Client(CallbackAPIVersion.VERSION2, client_id="coldaisle-simulated-site")
        self.heard = time.monotonic()
        self.echoing = True
        self._ended = threading.Event()
        self._ready = threading.Event()

    def start(self) -> None:
        """Connect, publish metadata and values, begin the heartbeat."""
        self.client.on_connect, self.client.on_message = self._connected, self._take
        self.client.on_subscribe = lambda *_: self._ready.set()
        try:
            self.client.connect(str(self.told["host"]), int(self.told["port"]), keepalive=15)
        except OSError as error:
            raise ConnectorFault(
                f"no broker at {self.told['host']}:{self.told['port']} ({error}); start one: mosquitto -p "
                f"{self.told['port']}"
            ) from None
        self.client.loop_start()
        if not self._ready.wait(WAIT_S):
            raise ConnectorFault("the broker let the simulated hall not subscribe; check its rights")
        threading.Thread(target=self._beat, name="site heartbeat", daemon=True).start()
        self.publish()

    def publish(self) -> None:
        """Publish every value as of now."""
        values = self.hall.values()
        for place in self.site.places():
            self._say(dsx.value_topic(place), place.theirs(values[place.key]))

    def stop(self) -> None:
        """End the connection."""
        self._ended.set()
        self.client.disconnect()
        self.client.loop_stop()

    def _connected(self, client: Client, *_: object) -> None:
        for place in self.site.places():
            self._describe(dsx.metadata_topic(place), place, place.key.name.startswith("in_force."))
        for setpoint in self.site.setpoints:
            topic = f"{dsx.ROOT}/{dsx.PUBLIC}/Metadata/{dsx.request_path(setpoint)}"
            self._describe(topic, setpoint.place, True, integration=self.mine)
        for point in (dsx.HEARTBEAT, dsx.ECHO):
            self._describe_system(point, integration=self.mine)
        for point in (dsx.HEARTBEAT_BMS, dsx.ECHO_BMS):
            self._describe_system(point)
        client.subscribe(f"{dsx.ROOT}/{self.mine}/Value/#")

    def _describe(self, topic: str, place: Place, is_setpoint: bool, **more: str) -> None:
        object_type, point_type = topic.split("/")[4:6]
        content: dict[str, Any] = {
            "objectType": object_type, "pointType": point_type, "objectName": place.dsx.get("id", object_type),
            "objectId": place.dsx.get("id", object_type), "processArea": place.dsx.get("process_area", []),
            "engUnit": dsx.eng_unit(place.unit), "isSetpoint": is_setpoint, **more,
        }  # fmt: skip
        self.client.publish(topic, json.dumps(content), qos=0, retain=True)

    def _describe_system(self, point: str, **more: str) -> None:
        content = {"objectType": "System", "pointType": point, "objectName": SYSTEM, "objectId": SYSTEM, **more}
        topic = f"{dsx.ROOT}/{dsx.PUBLIC}/Metadata/System/{point}/{SYSTEM}"
        self.client.publish(topic, json.dumps(content), qos=0, retain=True)

    def _take(self, client: object, userdata: object, message: MQTTMessage) -> None:
        """A request, a heartbeat or an echo of the integration."""
        try:
            value = dsx.read_value(message.payload)
        except ValueError:
            return
        if f"/System/{dsx.HEARTBEAT}/" in message.topic:
            self.heard = time.monotonic()
            if self.echoing:
                self._say(f"{dsx.ROOT}/{dsx.PUBLIC}/Value/System/{dsx.ECHO_BMS}/{SYSTEM}", value.value)
        elif message.topic in self.by_request:
            self._asked(message.topic, value)

    def _asked(self, topic: str, value: dsx.Value) -> None:
        """Guard rails: a request outside the limits changes nothing; one of bad quality is withdrawn."""
        setpoint = self.by_request[topic]
        wanted = setpoint.place.ours(value.value)
        slack = 1e-6 * (setpoint.high - setpoint.low)
        if value.quality != dsx.GOOD:
            self.hall.relinquish(setpoint.channel)
        elif setpoint.low - slack <= wanted <= setpoint.high + slack:
            self.hall.command(setpoint.channel, wanted)
        self._say(dsx.value_topic(setpoint.place), setpoint.place.theirs(self.hall.values()[setpoint.place.key]))

    def _beat(self) -> None:
        shown = time.monotonic()
        while not self._ended.wait(float(self.told["heartbeat_s"])):
            topic = f"{dsx.ROOT}/{dsx.PUBLIC}/Value/System/{dsx.HEARTBEAT_BMS}/{SYSTEM}"
            self._say(topic, round(1000.0 * self.clock.now()))
            if time.monotonic() - shown >= float(self.told["republish_s"]):
                shown = time.monotonic()
                self.publish()
            if time.monotonic() - self.heard > float(self.told["silence_s"]):
                for setpoint in self.site.setpoints:
                    self.hall.relinquish(setpoint.channel)

    def _say(self, topic: str, value: float) -> None:
        self.client.publish(topic, dsx.payload(value, self.clock.now()), qos=0)
