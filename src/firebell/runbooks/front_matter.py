"""Read the front matter of a runbook: YAML without anchors, tags and duplicate keys (pure, spec 11.2)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from firebell.kit import matchers, yaml_limits
from firebell.kit.findings import FindingLevel
from firebell.runbooks.execution.variables import VariableError, declared
from firebell.runbooks.model import FrontMatter, FrontProblem

MAX_CHARS = 16 * 1024
TRIGGERS_MAX = 50
SERVICES_MAX = 500
KEYS = ("title", "id", "triggers", "services", "severity", "vars", "owner_team")
_YAML = re.compile(r"\ufeff?---[ \t]*(?:\r\n|\r|\n)(?P<yaml>.*?)(?:\r\n|\r|\n)---[ \t]*(?=\r|\n|\Z)", re.S)


class _UniqueKeyLoader(yaml.SafeLoader):
    """The safe loader of YAML, which refuses a key that occurs twice."""


class _Refused(Exception):  # noqa: N818 - carries a problem to show
    """The front matter cannot be read; `line` counts from 1 within it."""

    def __init__(self, line: int, message: str, advice: str) -> None:
        super().__init__(message)
        self.line, self.message, self.advice = line, message, advice


def front_matter(text: str) -> FrontMatter:
    """Return the front matter of a runbook, an empty one if it has none. Never fails: problems are listed in it.

    What cannot be read at all is `refused`; a trigger that does not parse is left out, and the others stay.
    """
    match = _YAML.match(text)
    if match is None:
        return FrontMatter()
    try:
        document = _load(match["yaml"])
    except _Refused as refused:
        problem = FrontProblem(
            refused.line + 1, FindingLevel.ERROR, refused.message, refused.advice or "Correct the YAML."
        )
        return FrontMatter(problems=(problem,), refused=True)
    return _read(document, match["yaml"])


def _load(text: str) -> dict[str, Any]:
    if len(text) > MAX_CHARS:
        raise _Refused(1, f"The front matter has more than {MAX_CHARS:,} characters.", "Shorten it.")
    try:
        for refusal in yaml_limits.refusals(text):
            raise _Refused(refusal.line, f"The front matter {refusal.what}.", refusal.advice)
        document = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - derived from the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Refused(
            mark.line + 1 if mark else 1, f"The front matter is not valid YAML: {error.problem}.", ""
        ) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _Refused(1, f"The front matter is not valid YAML: {str(error)[:200]}.", "") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise _Refused(
            1, "The front matter is not a mapping of keys to values.", "Write 'services: [search]'."
        )
    return {str(key): value for key, value in document.items()}


def _unique_mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    keys: set[str] = set()
    for key_node, _ in node.value:
        key = str(key_node.value)
        if key in keys:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key[:100]} occurs twice", key_node.start_mark
            )
        keys.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def _read(document: Mapping[str, Any], text: str) -> FrontMatter:
    problems: list[FrontProblem] = []

    def problem(key: str, level: FindingLevel, message: str, advice: str, number: int = 0) -> None:
        problems.append(FrontProblem(_line(text, key, number), level, message, advice))

    for key in document:
        if key not in KEYS:
            advice = f"Use one of {', '.join(KEYS)}, or remove it."
            problem(
                key, FindingLevel.WARNING, f"{key[:100]} is not a key that front matter can have.", advice
            )

    def text_of(key: str) -> str:
        value = document.get(key)
        if value is None or (isinstance(value, (str, int)) and not isinstance(value, bool)):
            return "" if value is None else str(value).strip()[:200]
        problem(key, FindingLevel.ERROR, f"{key} is not text.", f"Write '{key}: some-text'.")
        return ""

    def texts_of(key: str, most: int) -> list[str]:
        value = document.get(key)
        values = [value] if isinstance(value, str) else [] if value is None else value
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            problem(
                key, FindingLevel.ERROR, f"{key} is not a list of texts.", f"Write '{key}: [first, second]'."
            )
            return []
        if len(values) > most:
            problem(
                key,
                FindingLevel.ERROR,
                f"{key} has more than {most} entries.",
                "Use one pattern for several.",
            )
        return [each.strip() for each in values[:most] if each.strip()]

    triggers = []
    for number, trigger in enumerate(texts_of("triggers", TRIGGERS_MAX)):
        try:
            parsed = matchers.parse(trigger)
        except matchers.MatcherError as error:
            message = f"Trigger {number + 1} does not parse at character {error.start + 1}: {error.message}."
            problem(
                "triggers", FindingLevel.ERROR, message, "Write it like 'alertname=\"DiskFull\"'.", number
            )
            continue
        if not parsed:
            message = f"Trigger {number + 1} matches every alert."
            problem("triggers", FindingLevel.ERROR, message, "Name at least one label.", number)
            continue
        triggers.append(matchers.print_all(parsed))
    variables = document.get("vars")
    try:
        declared(variables)
    except VariableError as error:
        problem("vars", FindingLevel.ERROR, str(error), "Write it like 'vars: {HOST: {type: host}}'.")
        variables = variables if isinstance(variables, dict) else None
    return FrontMatter(
        id=text_of("id"),
        triggers=tuple(dict.fromkeys(triggers)),
        services=tuple(dict.fromkeys(texts_of("services", SERVICES_MAX))),
        severity=text_of("severity"),
        variables=tuple(str(name) for name in variables or {}),
        owner_team=text_of("owner_team"),
        declarations=variables or {},
        problems=tuple(sorted(problems, key=lambda p: (p.line, p.message))),
    )


def _line(text: str, key: str, number: int) -> int:
    """Return the line in the file of a key, or of an entry of its list that stands on a line of its own."""
    lines = re.split(r"\r\n|\r|\n", text)
    start = next(
        (i for i, line in enumerate(lines) if re.match(rf"['\"]?{re.escape(key)}['\"]?\s*:", line)), 0
    )
    entries = list(_entries(lines, start + 1))
    return (entries[number] if key == "triggers" and number < len(entries) else start) + 2


def _entries(lines: Sequence[str], start: int) -> Iterable[int]:
    for index in range(start, len(lines)):
        if re.match(r"\s*-\s", lines[index]):
            yield index
        elif lines[index][:1].strip():
            return
