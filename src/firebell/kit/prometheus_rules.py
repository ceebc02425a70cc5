"""The alerting rules of a Prometheus rule file, each with its place in the text (pure).

Reads Prometheus' format, and the Kubernetes resources PrometheusRule and VMRule; several documents in a file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from firebell.kit import yaml_limits

LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader of libyaml is twenty times as fast; both count the same characters."""
KUBERNETES_KINDS = frozenset({"PrometheusRule", "VMRule"})


class NotARuleFileError(Exception):
    """The text is not a rule file; the message says why."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alerting rule: its name, group and static labels, and its nodes in the text.

    `document`, `group_number` and `number` are its place in the file, each from 0.
    """

    name: str
    group: str
    labels: Mapping[str, str]
    node: yaml.MappingNode
    rules_key: yaml.Node
    rules_node: yaml.SequenceNode
    document: int
    group_number: int
    number: int


def alert_rules(text: str) -> list[AlertRule]:
    """Return the alerting rules of a file in order; raise `NotARuleFileError` if it is not a rule file."""
    rules: list[AlertRule] = []
    is_rule_file = False
    try:
        for refusal in yaml_limits.refusals(text, LOADER):
            raise NotARuleFileError(f"It {refusal.what}. {refusal.advice}", refusal.line)
        for number, root in enumerate(yaml.compose_all(text, Loader=LOADER)):
            groups = _groups(root)
            if groups is not None:
                is_rule_file = True
                rules += _rules(groups, number)
    except yaml.YAMLError as error:
        line, reason = yaml_limits.problem_of(error)
        raise NotARuleFileError(f"It is not valid YAML: {reason}.", line) from error
    if not is_rule_file:
        raise NotARuleFileError("It is not a Prometheus rule file: it has no groups.")
    return rules


def pair(node: yaml.Node | None, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    """Return the key and the value of a mapping at a key, None if the node is not a mapping or has no such key."""
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.value == key:
                return key_node, value_node
    return None


def value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """Return the value of a mapping at a key, as `pair` does."""
    entry = pair(node, key)
    return entry[1] if entry else None


def scalar(node: yaml.Node | None) -> str | None:
    """Return the text of a scalar, None for another node."""
    return node.value if isinstance(node, yaml.ScalarNode) else None


def _groups(root: yaml.Node | None) -> yaml.SequenceNode | None:
    if scalar(value(root, "kind")) in KUBERNETES_KINDS:
        root = value(root, "spec")
    groups = value(root, "groups")
    return groups if isinstance(groups, yaml.SequenceNode) else None


def _rules(groups: yaml.SequenceNode, document: int) -> Iterator[AlertRule]:
    for group_number, group in enumerate(groups.value):
        rules = pair(group, "rules")
        if rules is None or not isinstance(rules[1], yaml.SequenceNode):
            continue
        for number, rule in enumerate(rules[1].value):
            name = scalar(value(rule, "alert"))
            if name is None or not isinstance(rule, yaml.MappingNode):
                continue
            labels = value(rule, "labels")
            static = {
                key.value: item.value
                for key, item in (labels.value if isinstance(labels, yaml.MappingNode) else ())
                if isinstance(key, yaml.ScalarNode)
                and isinstance(item, yaml.ScalarNode)
                and "{{" not in item.value
            }
            yield AlertRule(
                *(name, scalar(value(group, "name")) or "", static, rule, rules[0], rules[1]),
                *(document, group_number, number),
            )
