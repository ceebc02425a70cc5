"""Parses a YAML file of services (pure); `service_file` reads what it says."""

import yaml

from firebell.catalog.file_nodes import MappingNode, Node, Place, Problems, ScalarNode, SequenceNode
from firebell.kit import yaml_limits


def documents(text: str, problems: Problems) -> list[Node]:
    """Return the documents of a file; none, with the problems, if it can't be read."""
    try:
        for refusal in yaml_limits.refusals(text):
            problems.add(Place(refusal.line), f"The file {refusal.what}. {refusal.advice}")
        if problems.by_place:
            return []
        return [_node(document) for document in yaml.compose_all(text, Loader=yaml.SafeLoader) if document]
    except yaml.YAMLError as error:
        line, reason = yaml_limits.problem_of(error)
        problems.add(Place(line), f"This is not YAML: {reason}.")
        return []


def _node(node: yaml.Node) -> Node:
    place = Place(node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return MappingNode(place, tuple((_key(key), _node(value)) for key, value in node.value))
    if isinstance(node, yaml.SequenceNode):
        return SequenceNode(place, tuple(map(_node, node.value)))
    # as it is written, so that the label `no` is not false
    return ScalarNode(place, None if node.tag.endswith(":null") else str(node.value))


def _key(node: yaml.Node) -> Node:
    """Return a key, which is text even if it is written like null."""
    if isinstance(node, yaml.ScalarNode):
        return ScalarNode(Place(node.start_mark.line + 1), str(node.value))
    return _node(node)
