"""Reads a YAML file that lists what services depend on (pure; decision 0098).

services:
  checkout-api: [ledger-db, payments-gateway]
  search: []
"""

from collections.abc import Mapping, Sequence

import yaml

from firebell.kit import yaml_limits
from firebell.kit.errors import Invalid

MAX_FILE_CHARS = 2_000_000


def read(text: str) -> dict[str, list[str]]:
    """Return what each service of the file depends on; raise Invalid with the line of the first problem."""
    if len(text) > MAX_FILE_CHARS:
        raise _problem(1, f"The file has more than {MAX_FILE_CHARS:,} characters.", "Split it.")
    try:
        for refusal in yaml_limits.refusals(text):
            raise _problem(refusal.line, f"The file {refusal.what}.", refusal.advice)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        line, reason = yaml_limits.problem_of(error)
        raise _problem(line, f"This is not YAML: {reason}.", "Correct it.") from error
    services = _mapping(root, "services:") if root else {}
    others = [key for key in services if key.value != "services"]
    if others or not services:
        line = others[0].start_mark.line + 1 if others else 1
        raise _problem(line, "The file has no list of services.", "It must begin with services:")
    (listed,) = services.values()
    return {
        str(key.value): _slugs(value, str(key.value))
        for key, value in _mapping(listed, "checkout-api: [ledger-db]").items()
    }


def dump(services: Mapping[str, Sequence[str]]) -> str:
    """Return the file that lists what each service depends on."""
    return yaml.safe_dump(
        {"services": {slug: list(services[slug]) for slug in sorted(services)}},
        default_flow_style=None,
        sort_keys=False,
        allow_unicode=True,
    )


def _mapping(node: yaml.Node, example: str) -> dict[yaml.Node, yaml.Node]:
    """Return the pairs of a mapping, whose keys are distinct strings."""
    if not isinstance(node, yaml.MappingNode):
        raise _problem(
            _line(node),
            "This is not a mapping of keys to values.",
            f"Enter keys and values, such as {example}",
        )
    keys: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _problem(_line(key), "This key is not a single string.", "Use the slug of a service.")
        if key.value in keys:
            raise _problem(_line(key), f"{key.value[:60]} is listed twice.", "Remove one.")
        keys.add(key.value)
    return dict(node.value)


def _slugs(node: yaml.Node, service: str) -> list[str]:
    """Return the slugs of a sequence; they are read as they are written, so that the slug no is not false."""
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"):
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise _problem(
            _line(node), f"The dependencies of {service[:60]} are not a list.", "Write it like [ledger-db]."
        )
    for each in node.value:
        if not isinstance(each, yaml.ScalarNode):
            raise _problem(_line(each), "This is not the slug of a service.", "Write it like ledger-db.")
    return [str(each.value) for each in node.value]


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _problem(line: int, message: str, advice: str) -> Invalid:
    return Invalid(f"Line {line}: {message}", hint=advice)
