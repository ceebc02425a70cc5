"""Parses and writes a JSON file of services (pure); `service_file` reads what it says."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from firebell.catalog.file_nodes import MappingNode, Node, Place, Problems, ScalarNode, SequenceNode
from firebell.kit.text import to_storable
from firebell.kit.yaml_limits import MAX_DEPTH

_SERVICES = "services"
_TOO_DEEP = f"The file is nested more than {MAX_DEPTH} deep. Flatten it."


class _Object(list[tuple[str, Any]]):
    """The pairs of a JSON object, in their order; a key can be listed twice."""


class _TooDeepError(Exception):
    """A part of the file is nested too deep; the only argument is its place."""


def documents(text: str, problems: Problems) -> list[Node]:
    """Return the one document of a file; none, with the problem, if it can't be read.

    The items of the list `services` are numbered from 1.
    """
    try:
        # numbers stay as they are written
        root = json.loads(text, object_pairs_hook=_Object, parse_int=str, parse_float=str, parse_constant=str)
        return [_root(root)]
    except json.JSONDecodeError as error:
        problems.add(Place(error.lineno), f"This is not JSON: {error.msg}.")
    except RecursionError:
        problems.add(Place(1), _TOO_DEEP)
    except _TooDeepError as error:
        problems.add(error.args[0], _TOO_DEEP)
    return []


def dump(services: Iterable[Mapping[str, Any]]) -> str:
    """Return the file that lists these services, each on a line of its own."""
    lines = ",\n".join(json.dumps(dict(each), ensure_ascii=False) for each in services)
    return f'{{"{_SERVICES}": [\n{lines}\n]}}\n' if lines else f'{{"{_SERVICES}": []}}\n'


def _root(value: Any) -> Node:
    top = Place(1)
    if not isinstance(value, _Object):
        return _node(value, top)
    if all(key != _SERVICES for key, _ in value):
        return _node(value, Place(1, is_item=True))
    pairs = ((key, _listed(each, top) if key == _SERVICES else _node(each, top)) for key, each in value)
    return MappingNode(top, tuple((ScalarNode(top, key), node) for key, node in pairs))


def _listed(value: Any, top: Place) -> Node:
    """Return the services as a list of items, or as a mapping of slugs to them."""
    if not isinstance(value, list):  # an object is one of its pairs
        return _node(value, top)
    places = [Place(number, is_item=True) for number in range(1, len(value) + 1)]
    if isinstance(value, _Object):
        pairs = zip(places, value, strict=True)
        return MappingNode(top, tuple((ScalarNode(at, slug), _node(each, at)) for at, (slug, each) in pairs))
    return SequenceNode(top, tuple(_node(each, at) for at, each in zip(places, value, strict=True)))


def _node(value: Any, place: Place, depth: int = 1) -> Node:
    if depth > MAX_DEPTH:
        raise _TooDeepError(place)
    if isinstance(value, _Object):
        pairs = []
        for key, each in value:
            # the place has the field of the item, not what is inside it
            inner = replace(place, field=to_storable(key, 60)) if place.is_item and not place.field else place
            pairs.append((ScalarNode(inner, key), _node(each, inner, depth + 1)))
        return MappingNode(place, tuple(pairs))
    if isinstance(value, list):
        return SequenceNode(place, tuple(_node(each, place, depth + 1) for each in value))
    if isinstance(value, bool):
        return ScalarNode(place, str(value).lower())
    return ScalarNode(place, value)
