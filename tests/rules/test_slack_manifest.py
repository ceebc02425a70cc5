"""The manifest of the Slack app is one that Slack takes, by its published schema, and asks for what is used."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firebell.chat.slack import scopes
from firebell.chat.slack.manifest import manifest

FACTS = json.loads(Path("tests/standins/slack/manifest_facts.json").read_text())


def problems(value: Any, path: str = "") -> Iterator[str]:
    """Yield why Slack would refuse a part of a manifest."""
    if isinstance(value, dict):
        fact = FACTS["objects"].get(path)
        if fact is None:
            yield f"{path} is unknown"
            return
        yield from (f"{path} has no {name}" for name in set(value) - set(fact["fields"]))
        yield from (f"{path} lacks {name}" for name in set(fact["required"]) - set(value))
        for name, each in value.items():
            if name not in fact["fields"]:
                continue
            yield from problems(each, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        least, most = FACTS["lists"][path]
        if not least <= len(value) <= most:
            yield f"{path} has {len(value)} items"
        if all(isinstance(each, str) for each in value) and len(set(value)) != len(value):
            yield f"{path} names something twice"
        for each in value:
            yield from problems(each, f"{path}[]")
    elif isinstance(value, str):
        least, most, pattern = FACTS["texts"][path]
        if not least <= len(value) <= most or (pattern and not re.fullmatch(pattern, value)):
            yield f"{path} is {value!r}"
    elif not isinstance(value, bool):
        yield f"{path} is {value!r}"


@pytest.mark.parametrize("socket", [False, True])
def test_slack_takes_the_manifest(socket: bool) -> None:
    document = manifest("https://firebell.example", socket=socket)
    assert list(problems(document)) == []
    assert document["settings"]["socket_mode_enabled"] is socket
    assert ("https://" in json.dumps(document)) is not socket
    assert set(document["oauth_config"]["scopes"]["bot"]) == set(scopes.SCOPES)


def test_a_wrong_manifest_would_be_noticed() -> None:
    document = manifest("https://firebell.example", socket=False)
    document["features"]["slash_commands"][0]["command"] = "incident"
    document["settings"]["interactivity"]["url"] = "https://firebell.example"
    document["features"]["shortcuts"][0]["name"] = "x" * 25
    del document["features"]["bot_user"]["display_name"]
    assert len(list(problems(document))) == 4
