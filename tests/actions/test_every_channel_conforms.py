"""Every channel over HTTP passes the same conformance kit (spec 10.10: K1, K2, K4, K5, K7, K12, K13, K16, K20)."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import parse_qs

import pytest

from firebell.channels import apprise_process, email, languages, web_push
from firebell.channels.base import (
    Accepted,
    Action,
    Edges,
    Failed,
    Item,
    Message,
    Outcome,
    Retry,
    Unsent,
)
from firebell.channels.registry import CHANNELS
from firebell.kit.errors import Invalid
from firebell.kit.http_exchange import KeepAliveClient, WholeResponse
from firebell.kit.http_out import guarded_client, parse_networks
from firebell.kit.mail.addresses import Mailbox
from tests.house.source import ROOT, SRC
from tests.standins.channel_lab import LABS, NOT_OVER_HTTP, SIGNER, Lab, Switch, providing

SLOW_S = 0.05
SLOW_PROCESS_S = 10
"""Long enough for a process to start and to send its request."""
_exchange = KeepAliveClient.exchange
HOSTILE = "disk *full* @everyone <!channel> [x](javascript:1) <b>&amp; {{7*7}} %0A \u202e"
MESSAGE = Message(
    event="page",
    title=HOSTILE,
    headline=f"SEV1 Checkout: {HOSTILE}",
    urgency="high",
    composed_at=datetime(2026, 11, 24, 3, 14, tzinfo=UTC),
    ref="PG-7",
    url="https://firebell.example.org/pages/PG-7",
    lead="db-1",
    facts=(("Service", "Checkout"),),
    items=(Item(HOSTILE),),
    actions=(Action("Acknowledge", "https://firebell.example.org/ack/ttt"),),
    delivery_id=7,
    recipient="Mara",
    thread="PG-7",
)
EXPECTED = {
    Switch.OK: "accepted",
    Switch.RESET: "retry",
    Switch.ERROR: "retry",
    Switch.BUSY: "retry",
    Switch.QUOTA: "failed",
    Switch.UNAUTHORIZED: "failed",
    Switch.MISSING: "address",
    Switch.GONE: "address",
    Switch.REFUSED: "failed",
    Switch.REDIRECT: "failed",
    Switch.PORTAL: "retry",
    Switch.EMPTY: "retry",
    Switch.DEEP: "retry",
    Switch.HUGE: "retry",
    Switch.GZIP: "retry",
    Switch.SLOW: "retry",
}
"""The outcomes of spec 10.2; `address` is a failure that makes the address suspect."""


def _word(outcome: Outcome) -> str:
    match outcome:
        case Accepted():
            return "accepted"
        case Failed(suspect=True):
            return "address"
        case Failed():
            return "failed"
        case Retry():
            return "retry"
        case Unsent():
            return "unsent"


def _edges(http: object, lab: Lab, url: str) -> Edges:
    declared = {
        setting.name: setting.default for channel in CHANNELS.values() for setting in channel.settings
    }
    return Edges(http, SIGNER, {**declared, **lab.settings(url)})  # type: ignore[arg-type]


async def _exchange_soon(*arguments: Any, limit_s: float, **options: Any) -> WholeResponse:
    return await _exchange(*arguments, limit_s=min(limit_s, SLOW_S), **options)


def test_the_kit_knows_every_channel() -> None:
    assert set(CHANNELS) - set(NOT_OVER_HTTP) == set(LABS)


@pytest.mark.parametrize("kind", LABS)
async def test_each_answer_of_its_provider_has_the_outcome_of_the_table(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, channel = LABS[kind], CHANNELS[kind]
    async with providing(lab.answer) as provider, guarded_client(parse_networks("127.0.0.0/8")) as http:
        for switch in Switch:
            provider.switch = switch
            provider.got.clear()
            if switch is Switch.SLOW:
                # what takes ten seconds takes a moment
                monkeypatch.setattr(KeepAliveClient, "exchange", _exchange_soon)
                monkeypatch.setattr(apprise_process, "LIMIT_S", SLOW_PROCESS_S)
            address = lab.address(provider.url)
            # a transport that remembers nothing of the switch before
            transport = channel.open(_edges(http, lab, provider.url))
            outcome = await transport.send(address, MESSAGE, f"key-{switch.name}")
            assert _word(outcome) == lab.expected.get(switch, EXPECTED[switch]), (switch, outcome)
            assert provider.got, switch
            assert all("elsewhere" not in got.target for got in provider.got)
            if isinstance(outcome, Accepted):
                assert outcome.provider_id, switch
            else:
                assert not [s for s in lab.secrets if s in outcome.reason], (switch, outcome)
            if switch is Switch.BUSY and isinstance(outcome, Retry):
                assert outcome.after_s == 5
        monkeypatch.undo()
        # content that was refused is sent once more, shorter
        provider.switch = Switch.REFUSED
        provider.got.clear()
        await channel.open(_edges(http, lab, provider.url)).send(address, MESSAGE, "refused")
        sizes = [len(got.body) for got in provider.got]
        assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("kind", LABS)
async def test_nothing_leaves_to_a_private_address_and_without_settings_the_next_rule_acts(kind: str) -> None:
    lab, channel = LABS[kind], CHANNELS[kind]
    async with providing(lab.answer) as provider, guarded_client(()) as http:
        transport = channel.open(_edges(http, lab, provider.url))
        outcome = await transport.send(lab.address(provider.url), MESSAGE, "key")
        assert not isinstance(outcome, Accepted)
        assert provider.got == []
        if lab.settings("") and kind != "web_push":
            declared = {setting.name: "" for each in CHANNELS.values() for setting in each.settings}
            bare = channel.open(Edges(http, SIGNER, declared))
            # a failure lets the next rule act; what waits for the setting would wait for ever
            assert _word(await bare.send(lab.address(provider.url), MESSAGE, "key")) == "failed"
            assert not channel.is_ready(declared)
            assert channel.off_text


@pytest.mark.parametrize("kind", [kind for kind in LABS if CHANNELS[kind].retracts])
async def test_a_message_is_retracted_once_no_one_needs_to_act(kind: str) -> None:
    lab, channel = LABS[kind], CHANNELS[kind]
    over = Message(
        event="acked",
        title="PG-7",
        urgency="low",
        composed_at=MESSAGE.composed_at,
        ref="PG-7",
        url=MESSAGE.url,
        lines=("Acknowledged by Ana.",),
        thread="PG-7",
    )
    async with providing(lab.answer) as provider, guarded_client(parse_networks("127.0.0.0/8")) as http:
        transport = channel.open(_edges(http, lab, provider.url))
        address = lab.address(provider.url)
        sent = await transport.send(address, MESSAGE, "key")
        assert isinstance(sent, Accepted)
        provider.got.clear()
        assert isinstance(await transport.retract(address, sent.provider_id, over), Accepted)  # type: ignore[attr-defined]
        [got] = provider.got
        assert b"Escalate" not in got.body
        assert b"/ack/" not in got.body
        provider.switch = Switch.ERROR
        assert isinstance(await transport.retract(address, sent.provider_id, over), Retry)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", LABS)
def test_an_address_has_one_spelling_and_nonsense_is_refused(kind: str) -> None:
    lab, check = LABS[kind], CHANNELS[kind].check_address
    for good in lab.good:
        assert check(check(good)) == check(good)
    nonsense = ("", " ", "a@b\r\nBcc: c", "x" * 10_000, "\0", "@")
    for bad in (*lab.bad, *nonsense):
        with pytest.raises(Invalid) as refused:
            check(bad)
        assert refused.value.fields["address"], bad


def _in(code: str) -> Message:
    """Return a page as its composer writes it in a language."""
    language = languages.language(code)
    headline = language.text("UNANSWERED: {title}", title="SEV1 Checkout: disk full")
    return replace(
        MESSAGE,
        language=code,
        title="disk full",
        headline=headline,
        facts=((language.text("Service"), "Checkout"),),
        actions=(Action(language.text("Acknowledge"), MESSAGE.actions[0].url),),
        data={"page": "PG-7"},
        rank=0,
    )


def _readable(body: bytes) -> str:
    """Return the texts of a request: of JSON, of a form, or of nothing else."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        return " ".join(
            value for values in parse_qs(body.decode(errors="replace")).values() for value in values
        )


@pytest.mark.parametrize("kind", LABS)
async def test_a_page_arrives_whole_in_every_language(kind: str) -> None:
    """K20: the words around the title are of the language, and the title is as it was written."""
    lab, channel = LABS[kind], CHANNELS[kind]
    async with providing(lab.answer) as provider, guarded_client(parse_networks("127.0.0.0/8")) as http:
        transport = channel.open(_edges(http, lab, provider.url))
        for code in languages.languages():
            provider.got.clear()
            message = _in(code)
            outcome = await transport.send(lab.address(provider.url), message, f"key-{code}")
            assert isinstance(outcome, Accepted), (code, outcome)
            sent = provider.got[-1]
            assert len(sent.body) <= channel.limits.whole, code
            # what is encrypted for a device is read here before it is
            read = web_push.body_of(message) if kind == "web_push" else sent.body
            text = _readable(read)
            # a webhook is read by programs: they get the title alone
            for expected in (message.title if kind == "webhook" else message.headline, "PG-7"):
                assert re.sub(r"\W", "", expected) in re.sub(r"\W", "", text), (code, text)


@pytest.mark.parametrize("code", languages.languages())
def test_an_email_is_whole_in_every_language(code: str) -> None:
    """K20 of the channel that is not over HTTP; text messages and calls have limits of their own."""
    message = _in(code)
    raw = email.compose("mara@example.org", message, "key", Mailbox("Firebell", "firebell@example.org"))
    parsed = message_from_bytes(raw, policy=policy.default)
    text, html = (parsed.get_body((kind,)) for kind in ("plain", "html"))
    assert text
    assert html
    for part in (text.get_content(), html.get_content()):
        assert message.headline in part
        assert MESSAGE.actions[0].url in part
        assert message.actions[0].label in part
    assert f'dir="{languages.language(code).direction}"' in html.get_content()


def test_every_channel_has_an_icon_and_a_guide() -> None:
    icons = (SRC / "static/vendor/icons.svg").read_text()
    guide, settings = ((ROOT / "docs" / name).read_text() for name in ("channels.md", "operating.md"))
    for channel in CHANNELS.values():
        assert f'id="i-{channel.icon}"' in icons, channel.kind
        assert re.search(rf"^(## |\| .*){re.escape(channel.label)}", guide, re.MULTILINE), channel.kind
    documented = {setting.name for kind in LABS for setting in CHANNELS[kind].settings}
    assert [name for name in documented if f"`{name}`" not in settings] == []


@pytest.mark.parametrize("kind", ["google_chat", "matrix", "mattermost", "ntfy", "webhook"])
async def test_a_repetition_is_recognized_by_its_key(kind: str) -> None:
    """K3: the provider, or the receiver, drops a message whose key it knows."""
    lab, channel = LABS[kind], CHANNELS[kind]
    async with providing(lab.answer) as provider, guarded_client(parse_networks("127.0.0.0/8")) as http:
        transport = channel.open(_edges(http, lab, provider.url))
        keyed = []
        for key in ("key-one", "key-one", "key-two"):
            provider.got.clear()
            await transport.send(lab.address(provider.url), MESSAGE, key)
            sent = "".join(f"{got.target} {got.headers} {got.body!r}" for got in provider.got)
            keyed.append(("key-one" in sent, "key-two" in sent))
        assert keyed == [(True, False), (True, False), (False, True)]
