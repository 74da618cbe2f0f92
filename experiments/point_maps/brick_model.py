"""A Brick model: its points with class, unit, equipment, and where they stand in BACnet or in a table of series."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.term import Node

BRICK = "https://brickschema.org/schema/Brick#"
REF = "https://brickschema.org/schema/Brick/ref#"
BACNET = ("http://data.ashrae.org/bacnet/2020#", "http://data.ashrae.org/bacnet/")
#: A triple of this predicate names a point of ours where Brick has no class: ``"tcs_supply_c"``, ``"rack_inlet_c[1]"``.
OURS = "urn:coldaisle#point"
URI = re.compile(r"^bacnet://(?P<device>\d+)/(?P<object>[a-z-]+,\d+)(/present-value)?$")
OBJECT = re.compile(r"^[a-z-]+,\d+$")
MOST_UP = 8  # parts of parts that are followed upwards


class BacnetReference(NamedTuple):
    """An object, its device's instance, and the device's address; empty where the model does not say."""

    object: str
    device: str = ""
    host: str = ""


class BrickPoint(NamedTuple):
    """A point of a model.

    Attributes
    ----------
    name : str
        Label, or the end of its IRI.
    classes : tuple of str
        Local names.
    ours : str
        What a triple of `OURS` says.
    unit : str
        Local name of its QUDT unit; empty where it has none.
    equipment : str
        Name of what it belongs to.
    on : frozenset of str
        Classes of that, and of everything that is part of.
    bacnet : BacnetReference, optional
    series : str
        Identifier of its time series; empty where it has none.
    """

    name: str
    classes: tuple[str, ...]
    ours: str
    unit: str
    equipment: str
    on: frozenset[str]
    bacnet: BacnetReference | None
    series: str

    @property
    def words(self) -> str:
        """Name, class and equipment, for a person."""
        return f"{self.name} ({', '.join(self.classes)}{f' of {self.equipment}' if self.equipment else ''})"


def read_brick_model(path: Path | str) -> list[BrickPoint]:
    """Points of a Turtle file, in natural order of equipment and name.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ModuleNotFoundError
        Where rdflib is not installed; it comes with the extra ``brick``.
    ValueError
        Where the file is no Turtle, or has no point with a reference to a building.
    """
    from rdflib import Graph, URIRef

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such Brick model; give the Turtle file (.ttl) of your building")
    graph = Graph()
    try:
        graph.parse(path, format="turtle")
    except Exception as error:  # the library's errors of syntax share no base
        raise ValueError(f"{path} is no Turtle: {' '.join(str(error).split())[:160]}; export the model again") from None
    told = {*graph.subjects(URIRef(f"{REF}hasExternalReference")), *graph.subjects(URIRef(OURS))}
    points = [_point(graph, node) for node in told]
    if not any(point.bacnet or point.series for point in points):
        raise ValueError(
            f"{path}: no point has a ref:hasExternalReference with a BACnet object or the id of a series; without one "
            "a model cannot tell where anything stands"
        )
    return sorted(points, key=lambda point: (natural(point.equipment), natural(point.name)))


def natural(text: str) -> list[tuple[int, str]]:
    """Order in which 2 comes before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part.lower()) for part in re.split(r"(\d+)", text) if part]


def _point(graph: Graph, node: Node) -> BrickPoint:
    from rdflib import URIRef

    owners = [
        *graph.objects(node, URIRef(f"{BRICK}isPointOf")), *graph.subjects(URIRef(f"{BRICK}hasPoint"), node)
    ]  # fmt: skip
    units = sorted(_local(unit) for unit in graph.objects(node, URIRef(f"{BRICK}hasUnit")))
    ours = sorted(str(value) for value in graph.objects(node, URIRef(OURS)))
    references = list(graph.objects(node, URIRef(f"{REF}hasExternalReference")))
    on = frozenset(name for owner in _upwards(graph, owners) for name in _classes(graph, owner))
    return BrickPoint(
        _name(graph, node), tuple(_classes(graph, node)), ours[0] if ours else "", units[0] if units else "",
        _name(graph, min(owners, key=str)) if owners else "", on,
        next((found for found in (_bacnet(graph, one) for one in references) if found), None),
        next(iter(_texts(graph, references, [f"{REF}hasTimeseriesId"])), ""),
    )  # fmt: skip


def _upwards(graph: Graph, owners: Iterable[Node]) -> set[Node]:
    """Equipment and all that it is part of."""
    from rdflib import URIRef

    found: set[Node] = set()
    level = set(owners)
    for _ in range(MOST_UP):
        found |= level
        level = {
            whole
            for part in level
            for whole in (
                *graph.objects(part, URIRef(f"{BRICK}isPartOf")), *graph.subjects(URIRef(f"{BRICK}hasPart"), part)
            )
        } - found  # fmt: skip
    return found


def _bacnet(graph: Graph, reference: Node) -> BacnetReference | None:
    """An object by its identifier, or by the URI that names device and object."""
    from rdflib import URIRef

    uris = _texts(graph, [reference], [f"{REF}BACnetURI", f"{BRICK}BACnetURI"])
    for uri in uris:
        found = URI.match(uri.replace("device,", ""))
        if found:
            return BacnetReference(found["object"], found["device"])
    identifiers = [i for i in _texts(graph, [reference], _each("object-identifier")) if OBJECT.match(i)]
    if not identifiers:
        return None
    devices = [device for name in _each("objectOf") for device in graph.objects(reference, URIRef(name))]
    told = _texts(graph, [reference], _each("device-identifier")) + _texts(
        graph, devices, [*_each("device-instance"), *_each("object-identifier")]
    )
    hosts = _texts(graph, devices, _each("ip-address"))
    return BacnetReference(identifiers[0], told[0].rpartition(",")[2] if told else "", hosts[0] if hosts else "")


def _each(name: str) -> list[str]:
    return [space + name for space in BACNET]


def _texts(graph: Graph, nodes: Iterable[Node], predicates: Iterable[str]) -> list[str]:
    from rdflib import URIRef

    names = list(predicates)
    return [
        str(value) for node in nodes for name in names for value in sorted(graph.objects(node, URIRef(name)), key=str)
    ]


def _classes(graph: Graph, node: Node) -> list[str]:
    from rdflib import RDF

    return sorted(_local(kind) for kind in graph.objects(node, RDF.type) if str(kind).startswith(BRICK))


def _name(graph: Graph, node: Node) -> str:
    from rdflib import RDFS

    labels = sorted(str(label) for label in graph.objects(node, RDFS.label))
    return labels[0] if labels else _local(node)


def _local(node: Node) -> str:
    return re.split(r"[#/:]", str(node))[-1]
