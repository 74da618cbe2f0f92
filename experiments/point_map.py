"""``coldaisle point-map``: a point map from a Brick model, or a template for a protocol."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.live.connectors import PROTOCOLS
from agents.live.settings import settings_from
from envs.unknown_name import unknown_name
from envs.whole_file import write_whole

if TYPE_CHECKING:
    from experiments.point_maps.brick_model import BrickPoint

KNOWN_BY_BRICK = ("bacnet", "table")
LIMITS = ("ask", "bundle")


@dataclass(frozen=True)
class BrickSettings:
    """Write a point map from a Brick model: what a bundle needs and the model has, and what it lacks.

    Attributes
    ----------
    model : str
        The building's Brick model, a Turtle file.
    bundle : str
        The folder that `coldaisle export` wrote.
    protocol : str
        `bacnet` takes BACnet references, `table` the ids of time series as headings.
    file : str
        Where the map goes.
    device : str
        BACnet device, where the model has several: a map reaches one.
    host : str
        Address of the device, or the file of `table`; empty takes what the model says.
    port : int
        UDP port of the device.
    limits : str
        `ask` leaves low and high of setpoints open, `bundle` takes the ranges of the bundle.
    """

    model: str
    bundle: str
    protocol: str = "bacnet"
    file: str = "points.yaml"
    device: str = ""
    host: str = ""
    port: int = 47808
    limits: str = "ask"

    def __post_init__(self) -> None:
        if self.protocol not in KNOWN_BY_BRICK:
            raise ValueError(
                f"protocol = {self.protocol!r}: a Brick model has addresses of {' and '.join(KNOWN_BY_BRICK)} alone; "
                f"for another take `coldaisle point-map template protocol={self.protocol}`"
            )
        if self.limits not in LIMITS:
            raise ValueError(unknown_name("limits", self.limits, LIMITS))


@dataclass(frozen=True)
class TemplateSettings:
    """Write a template: every point and setpoint of a bundle, with a question mark for what only the building knows.

    Attributes
    ----------
    protocol : str
        `bacnet`, `modbus`, `mqtt`, `opcua`, `redfish`, `nvml` or `table`.
    bundle : str
        The folder that `coldaisle export` wrote.
    file : str
        Where the map goes.
    """

    protocol: str
    bundle: str
    file: str = "points.yaml"

    def __post_init__(self) -> None:
        from experiments.point_maps.map_text import FORMS

        if self.protocol not in FORMS:
            raise ValueError(unknown_name("protocol", self.protocol, FORMS))


SETTINGS = BrickSettings
#: First words that make another command of the verb, each with its keys.
PARTS = {"template": TemplateSettings}


def template(told: TemplateSettings) -> str:
    """Write a template; what was written, in words."""
    from experiments.point_maps.map_text import template_text
    from experiments.point_maps.wanted import wanted_by

    _write(told.file, template_text(wanted_by(told.bundle), told.protocol))
    return f'{told.file}: a template over {PROTOCOLS[told.protocol]}; put your own in for every "?"'


def from_brick(told: BrickSettings) -> str:
    """Write a map from a Brick model; what was found and what was not, in words."""
    from experiments.point_maps.assignment import assignments
    from experiments.point_maps.brick_model import read_brick_model
    from experiments.point_maps.map_text import brick_text
    from experiments.point_maps.wanted import wanted_by

    points = read_brick_model(told.model)
    reached, connection = _reached(points, told)
    made = assignments(wanted_by(told.bundle), reached)
    _write(told.file, brick_text(made, told.protocol, connection, told.limits))
    found = sum(len(one.rows) for one in made)
    open_ = [one for one in made if not one.rows and not one.wanted.is_derived]
    lines = [f"{told.file}: {found} values of {len(points)} points of {told.model}"]
    lines += [f"- {one.wanted.name}: {one.why}" for one in open_]
    return "\n".join(lines)


def _reached(points: Sequence[BrickPoint], told: BrickSettings) -> tuple[list[BrickPoint], dict[str, object]]:
    """Points that one connection reaches, and the connection."""
    if told.protocol == "table":
        return [p for p in points if p.series], {"file": told.host or "telemetry.csv", "time": "time"}
    known = [p for p in points if p.bacnet]
    devices = sorted({p.bacnet.device for p in known if p.bacnet})
    if told.device and told.device not in devices:
        raise ValueError(unknown_name("device", told.device, devices))
    if len(devices) > 1 and not told.device:
        raise ValueError(
            f"the model's points stand on the devices {', '.join(d or 'without a number' for d in devices)}; a map "
            "reaches one: give device=..., of a gateway that has all points"
        )
    kept = [p for p in known if p.bacnet and (not told.device or p.bacnet.device == told.device)]
    hosts = sorted({p.bacnet.host for p in kept if p.bacnet and p.bacnet.host})
    host = told.host or (hosts[0] if len(hosts) == 1 else "")
    if not host:
        raise ValueError(f"the model does not say where device {told.device or devices[0]} is; give host=<address>")
    return kept, {"host": host, "port": told.port}


def _write(file: str, text: str) -> None:
    if Path(file).exists():
        raise ValueError(f"{file} is there already; move it away, or give another file=...")
    write_whole(Path(file), text)


def run() -> None:
    """``coldaisle point-map`` and ``python -m experiments.point_map``."""
    words = sys.argv[1:]
    if words[:1] == ["template"]:
        said = template(settings_from(TemplateSettings, words[1:]))
    else:
        said = from_brick(settings_from(BrickSettings, words))
    sys.stdout.write(f"{said}\n")


if __name__ == "__main__":
    run()
