"""Redfish: reads sensors, controls and power limits over HTTP, writes with the resource's ETag, ends its session.

An address is a resource and a JSON pointer: ``/redfish/v1/Chassis/1/Sensors/Inlet#/Reading``, or
``/redfish/v1/Systems/1/EnvironmentMetrics#/PowerLimitWatts/SetPoint``. A write is a PATCH with ``If-Match``: a resource
that somebody else changed in between refuses it. ``enable`` is the pointer of a ``ControlMode``: ``Automatic`` while
the loop holds the point, ``Disabled`` when it is handed back. DMTF DSP0266, clauses 7 and 13.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import math
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agents.live.clock import Clock
from agents.live.connectors.polled import PolledConnector
from agents.live.events import secret_from
from agents.live.point_map import LiveMap, MappedSetpoint, Place
from agents.live.reading import ConnectorFault, Key, Patience, Reading, Readings, Unreachable, WriteNote

CONNECTION: Mapping[str, Any] = {
    "url": "https://127.0.0.1", "user": "", "password_env": "", "ca_file": "", "session": True, "timeout_s": 5.0,
}  # fmt: skip
SESSIONS = "/redfish/v1/SessionService/Sessions"
HELD, HANDED_BACK = "Automatic", "Disabled"
LARGEST_BODY = 1 << 20
BROKEN = (urllib.error.URLError, OSError, http.client.HTTPException)


class Answer(NamedTuple):
    """What a service said: the JSON object, and the headers."""

    content: dict[str, Any]
    headers: Mapping[str, str]


class RedfishConnector(PolledConnector):
    """One Redfish service.

    Parameters
    ----------
    site : LiveMap
        ``connection``: ``url``, ``user`` and ``password_env``, ``ca_file`` for a certificate of one's own, ``session``
        false for basic authentication, ``timeout_s`` of a request.
    clock : Clock
    """

    def __init__(self, site: LiveMap, clock: Clock) -> None:
        super().__init__(site, clock, CONNECTION)
        self.url = str(self.told["url"]).rstrip("/")
        self._token = self._session = ""

    def write(self, values: Mapping[Key, float], note: WriteNote) -> None:
        """PATCH each setpoint, together with its mode."""
        for key, value in values.items():
            setpoint = self.site.setpoint(key)
            self._set(setpoint, setpoint.place.theirs(value), HELD)

    def _hand_back(self, setpoint: MappedSetpoint) -> None:
        """PATCH the fallback and the mode ``Disabled``."""
        fallback = setpoint.fallback
        self._set(setpoint, None if fallback is None else setpoint.place.theirs(fallback), HANDED_BACK)

    def close(self) -> None:
        """End the session: a service keeps few of them."""
        session, self._session = self._session, ""
        if session:
            with contextlib.suppress(ConnectorFault):  # else it ends by its own timeout
                self._ask("DELETE", session)
        self._token = ""

    def _read(self, places: Sequence[Place]) -> Readings:
        """Each resource is asked once."""
        asked, found = self.clock.now(), Readings()
        resources: dict[str, dict[str, Any]] = {}
        patience = Patience(f"redfish {self.url}")
        for place in places:
            path, pointer = place.address.split("#", 1)
            if path not in resources:
                patience.require()
                resources[path] = self._get(path).content
            found[place.key] = _reading(place, resources[path], pointer, asked)
        return found

    def _set(self, setpoint: MappedSetpoint, value: float | None, mode: str) -> None:
        """PATCH value and mode in one request where they stand in one resource."""
        path, pointer = setpoint.place.address.split("#", 1)
        body = {} if value is None else _nested(pointer, value)
        if setpoint.enable:
            other, at = setpoint.enable.split("#", 1)
            if other == path:
                body = _merged(body, _nested(at, mode))
            else:
                self._patch(other, _nested(at, mode))
        if body:
            self._patch(path, body)

    def _patch(self, path: str, body: Mapping[str, Any]) -> None:
        tag = self._get(path).headers.get("ETag", "")
        self._ask("PATCH", path, body, {"If-Match": tag} if tag else {})

    def _get(self, path: str) -> Answer:
        return self._ask("GET", path)

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, more: Mapping[str, str] | None = None
    ) -> Answer:
        headers = {"Accept": "application/json", **(more or {}), **self._credentials(path)}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=float(self.told["timeout_s"]), context=self._tls()) as answer:
                raw, told = answer.read(LARGEST_BODY), dict(answer.headers)
        except urllib.error.HTTPError as refusal:
            if refusal.code == 401:
                self._token = self._session = ""  # the session is over; the next call opens another
            raise ConnectorFault(
                f"redfish {self.url}: {method} {path} was refused with {refusal.code} {refusal.reason}; "
                f"{'somebody else changed it in between' if refusal.code == 412 else 'check path and rights'}"
            ) from None
        except BROKEN as error:
            raise Unreachable(
                f"redfish {self.url}: {method} {path} failed ({error}); check service and route"
            ) from None
        return Answer(_object(raw, f"redfish {self.url}: {method} {path}"), told)

    def _credentials(self, path: str) -> dict[str, str]:
        user = str(self.told["user"])
        if not user or path == SESSIONS:
            return {}
        if not self.told["session"]:
            password = secret_from(str(self.told["password_env"]), "password of the Redfish service")
            return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
        if not self._token:
            password = secret_from(str(self.told["password_env"]), "password of the Redfish service")
            answer = self._ask("POST", SESSIONS, {"UserName": user, "Password": password})
            self._token = answer.headers.get("X-Auth-Token", "")
            self._session = answer.headers.get("Location", "").removeprefix(self.url)
        return {"X-Auth-Token": self._token}

    def _tls(self) -> ssl.SSLContext | None:
        if not self.url.startswith("https"):
            return None
        return ssl.create_default_context(cafile=str(self.told["ca_file"]) or None)


def _reading(place: Place, content: Mapping[str, Any], pointer: str, asked: float) -> Reading:
    status = content.get("Status")
    state = status.get("State", "Enabled") if isinstance(status, Mapping) else "Enabled"
    value: object = content
    for part in pointer.strip("/").split("/"):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return Reading(math.nan, asked, False, f"{pointer} is {str(value)[:40]!r}, no number")
    return Reading(place.ours(float(value)), asked, state == "Enabled", "" if state == "Enabled" else f"it is {state}")


def _nested(pointer: str, value: object) -> dict[str, Any]:
    first, _, rest = pointer.strip("/").partition("/")
    return {first: _nested(rest, value) if rest else value}


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(one)
    for key, value in other.items():
        both = isinstance(made.get(key), Mapping) and isinstance(value, Mapping)
        made[key] = _merged(made[key], value) if both else value
    return made


def _object(raw: bytes, what: str) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ConnectorFault(f"{what} was answered with {raw[:40]!r}, no JSON object; check the service")
    return content


def check_address(address: str, where: str) -> None:
    """Refuse what is no resource with a pointer."""
    path, mark, pointer = address.partition("#")
    if not path.startswith("/redfish/v1/") or not mark or not pointer.strip("/"):
        raise ValueError(
            f"{where}: address = {address!r}; give a resource and a pointer, as "
            "/redfish/v1/Chassis/1/Sensors/Inlet#/Reading"
        )


def connector(site: LiveMap, clock: Clock) -> RedfishConnector:
    """A connector to one service.

    Raises
    ------
    ValueError
        For a setpoint that could not be handed back.
    """
    for s in site.setpoints:
        if s.fallback is None and not s.enable:
            raise ValueError(
                f"{site.path}, line {s.place.line}: {s.channel} has neither fallback nor enable; give a value that "
                "hands it back, or the pointer of its ControlMode"
            )
    return RedfishConnector(site, clock)
