"""A source is one file in `alerts/sources`, with its fixtures and its row in the documentation."""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from firebell import app, cli
from firebell.alerts import actions as alerts
from firebell.alerts import sources
from firebell.alerts.source_base.recognition import source_of
from firebell.alerts.source_base.registry import registry
from firebell.alerts.source_base.source import MAX_KEYED_BODY_BYTES, KeyedAddress, Source
from firebell.kit.clock import FakeClock
from firebell.kit.slice import DeclarationError
from tests.api.api_clients import browser, sign_in
from tests.house.source import ROOT, SRC
from tests.sources.inbound_client import Door, door
from tests.world import world

DOCUMENTATION = (ROOT / "docs" / "sending-alerts.md").read_text(encoding="utf-8")
TOYS = Path(__file__).parent / "toy_sources"
SOURCES = registry().sources


def undocumented(sources: tuple[Source, ...], page: str) -> list[str]:
    """Return the names of the sources that the page does not explain."""
    return [
        source.name
        for source in sources
        if (
            source.address is not None
            and source.path.removesuffix("<key>").rpartition("<key>")[2] not in page
        )
        or (source.recognition is not None and not re.search(rf"^\| `{source.name}` \|", page, re.M))
    ]


def extend(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Add the modules of a folder to the sources until the test ends."""
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(folder)])
    registry.cache_clear()


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Remove the sources that a test adds."""
    yield
    registry.cache_clear()
    added = [
        name
        for name, module in sys.modules.items()
        if name.startswith(f"{sources.__name__}.") and SRC not in Path(str(module.__file__)).parents
    ]
    for name in added:
        del sys.modules[name]
        delattr(sources, name.rpartition(".")[2])


@pytest.fixture
def toys(forgotten: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add one file per toy, and nothing else."""
    extend(monkeypatch, TOYS)


async def send_example(d: Door, source: Source, spaces: int = 0) -> int:
    """Post the example of a source to its address, and return the status of the answer."""
    words = shlex.split(source.curl("", d.world.key))
    path, headers = words[3], dict(words[i + 1].split(": ") for i, word in enumerate(words) if word == "-H")
    answer = await d.http.post(path, content=words[-1] + " " * spaces, headers=headers)
    return answer.status_code


@pytest.mark.parametrize("source", SOURCES, ids=[source.name for source in SOURCES])
def test_a_source_is_named_after_its_file_and_has_setup_text(source: Source) -> None:
    assert (SRC / "alerts" / "sources" / f"{source.name.replace('-', '_')}.py").is_file()
    assert source.setup.endswith(".")
    assert isinstance(json.loads(source.example), dict | list)
    assert "'" not in source.example


def test_the_documentation_explains_every_source() -> None:
    assert undocumented(SOURCES, DOCUMENTATION) == []


async def test_the_example_of_every_source_is_received(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        for source in SOURCES:
            before = len(await d.alerts())
            assert await send_example(d, source) in (200, 202)
            kept, received_as = (await d.raw())[0], source.name if source.address else "generic"
            assert (kept.source, kept.error) == (received_as, None)
            assert await send_example(d, source) in (200, 202)
            opened = [(alert.status, alert.count) for alert in (await d.alerts())[before:]]
            # a redelivery is not counted
            assert opened == ([] if source.name == "pagerduty-change" else [("firing", 1)]), source.name
        async with d.world.ctx.db.tx() as tx:
            assert len(await alerts.changes(tx, [d.world.service])) == 1
        assert await d.states()


@pytest.mark.parametrize("source", [s for s in SOURCES if s.is_drop_in], ids=lambda source: source.name)
async def test_a_message_that_is_too_large_pages_at_the_address_of_every_product(
    dsn: str, clock: FakeClock, source: Source
) -> None:
    async with door(dsn, clock) as d:
        limit = (
            source.address.max_body_bytes
            if isinstance(source.address, KeyedAddress)
            else MAX_KEYED_BODY_BYTES
        )
        assert await send_example(d, source, spaces=limit) == 413
        changes_only = source.name == "pagerduty-change"
        assert [alert.dedup_key for alert in await d.alerts()] == ([] if changes_only else ["too-large"])
        assert [kept.source for kept in await d.raw()] == ([] if changes_only else [source.name])


def test_the_generic_address_reads_the_example_of_a_recognized_tool_as_that_tool() -> None:
    for source in SOURCES:
        if source.recognition is not None:
            data = json.loads(source.example)
            first = next(r for r in registry().recognitions if r.matches(data))
            assert first is source.recognition, source.name


async def test_a_new_source_receives_alerts_at_its_addresses(dsn: str, clock: FakeClock, toys: None) -> None:
    async with door(dsn, clock) as d:
        klaxon, relay = registry().by_name["klaxon"], registry().by_name["klaxon-relay"]
        assert await send_example(d, klaxon) == 202
        assert [alert.title for alert in await d.alerts()] == ["Deck 4 is loud"]
        assert await d.states() == ["triggered"]
        answer = await d.post("generic", {"klaxon": "Deck 4", "loud": False})
        assert answer.json()["read_as"] == "klaxon"
        assert await d.states() == ["resolved"]
        assert await send_example(d, relay) == 200
        assert await d.states() == ["resolved", "triggered"]
        assert (await d.http.post("/klaxon/hear", json={"key": "x", "klaxon": "y"})).status_code == 418
        assert (await d.http.post("/klaxon/hear", content=b"x" * (1024 * 1024 + 1))).status_code == 413
        assert (await d.post("klaxon", b"x" * (1024 * 1024 + 1))).status_code == 413
        assert (await d.post("klaxon", b"honk")).json()["status"] == "stored"
        hint = (await d.http.post("/klaxon/other")).json()["hint"]
        assert "/in/<key>/klaxon" in hint
        assert "/klaxon/hear" in hint


async def test_the_service_page_shows_how_to_set_up_a_new_source(
    dsn: str, clock: FakeClock, toys: None
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        page = (await http.get("/services/checkout")).text
        for name in ("klaxon", "klaxon-relay"):
            assert registry().by_name[name].title in page
            assert registry().by_name[name].setup in page
        assert "/klaxon&#39;}" in page


def test_the_command_line_lists_a_new_source_and_shows_how_to_set_it_up(toys: None) -> None:
    listed = json.loads(CliRunner().invoke(cli.main, ["alert", "sources", "--json"]).output)
    assert {"klaxon", "klaxon-relay"} < {each["name"] for each in listed}
    shown = json.loads(CliRunner().invoke(cli.main, ["alert", "sources", "klaxon", "--json"]).output)
    assert shown["text"] == "Point the klaxon to this address."
    assert shown["snippet"].endswith("/in/INTEGRATION_KEY/klaxon'}")
    assert CliRunner().invoke(cli.main, ["alert", "sources", "no-such"]).exit_code != 0


def test_a_new_source_without_documentation_is_noticed(toys: None) -> None:
    assert undocumented(registry().sources, DOCUMENTATION) == ["klaxon", "klaxon-relay"]
    page = f"{DOCUMENTATION}\n/klaxon\n| `klaxon` | a toy |\n/klaxon/hear\n"
    assert undocumented(registry().sources, page) == []


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("NAME = 'rival'", "rival declares no SOURCE"),
        ("SOURCE = Source('rival', '', '', '')", "rival has neither"),
        (
            "SOURCE = Source('generic', '', '', '', recognition=Recognition(1, None, None))",
            "source generic is declared by",
        ),
        ("SOURCE = Source('rival', '', '', '', KeyedAddress('/rival', None, None, ''))", "two segments"),
        (
            "SOURCE = Source('rival', '', '', '', KeyedAddress('/v2/enqueue', None, None, ''))",
            "path /v2/enqueue",
        ),
    ],
)
def test_a_source_that_cannot_receive_stops_the_start(
    lines: str, message: str, forgotten: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    imports = "from firebell.alerts.source_base.source import KeyedAddress, Recognition, Source\n"
    (tmp_path / "rival.py").write_text(imports + lines)
    extend(monkeypatch, tmp_path)
    with pytest.raises(DeclarationError, match=message):
        registry()


async def test_a_source_cannot_hide_the_pages_of_the_product(
    dsn: str, clock: FakeClock, forgotten: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "rival.py").write_text(
        "from firebell.alerts.source_base.source import KeyedAddress, Source\n"
        "SOURCE = Source('rival', '', '', '', KeyedAddress('/pages/enqueue', None, None, ''))\n"
    )
    extend(monkeypatch, tmp_path)
    async with world(dsn, clock) as w:
        with pytest.raises(DeclarationError, match="hides the route /pages/"):
            await app.build(w.ctx).load()


SHAPES = re.compile(
    r'(<(path d="[-MmLlHhVvCcSsQqTtAaZz0-9., ]+"'
    r'|circle cx="[\d.]+" cy="[\d.]+" r="[\d.]+"'
    r'|rect x="[\d.]+" y="[\d.]+" width="[\d.]+" height="[\d.]+"( rx="[\d.]+")?)/>)+'
)
"""What an icon consists of: shapes in the color of the text, and nothing that loads, runs or links."""


def test_every_source_has_an_icon_of_its_own() -> None:
    assert [source.name for source in SOURCES if not SHAPES.fullmatch(source.icon)] == []
    assert len({source.icon for source in SOURCES}) == len(SOURCES)
    assert max(len(source.icon) for source in SOURCES) <= 400


@pytest.mark.parametrize("source", [s for s in SOURCES if s.recognition], ids=lambda s: s.name)
def test_a_stored_message_is_shown_with_the_tool_that_sent_it(source: Source) -> None:
    shown, recognition = source_of("generic", source.example), source.recognition
    assert shown is not None
    assert recognition is not None
    assert shown.recognition is recognition or recognition.unwrap
