"""Refuses YAML that expands from a few bytes: anchors, aliases, tags and deep nesting (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

MAX_DEPTH = 8
"""Deeper collections on one line take PyYAML time that grows with the square of their number."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a document must not have, on which line (from 1): `what` follows the name of the document."""

    line: int
    what: str
    advice: str


def refusals(text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Iterator[Refusal]:
    """Yield what a document must not have, up to the first collection that is too deep; raise `yaml.YAMLError`."""
    depth = 0
    for event in _events(text, loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            yield Refusal(line, "has an anchor or alias", "Write the value out.")
        elif tag := getattr(event, "tag", None):
            yield Refusal(line, f"has the tag {tag[:100]}", "Remove the tag.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            yield Refusal(line, f"is nested more than {MAX_DEPTH} deep", "Flatten it.")
            return


def problem_of(error: yaml.YAMLError) -> tuple[int, str]:
    """Return the line (from 1) at which a text is not YAML, and why."""
    mark = getattr(error, "problem_mark", None)
    # an error without a problem begins with the reason
    reason = getattr(error, "problem", None) or str(error).partition("\n")[0][:200]
    return mark.line + 1 if mark else 1, reason or "it can’t be read"


def _events(text: str, loader: type[yaml.SafeLoader]) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=loader)
    except (ValueError, OverflowError) as error:
        # PyYAML converts the numbers of escapes and of %YAML without a check
        raise yaml.YAMLError("an escaped character or a version does not exist") from error
