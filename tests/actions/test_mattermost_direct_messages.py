"""Messages to people in Mattermost, through the bot of a server."""

from datetime import UTC, datetime

from firebell.channels.base import Accepted, Action, Failed, Message, Retry
from firebell.channels.mattermost import CHANNEL, Mattermost, check_address, check_health, text_of
from firebell.kit.http_out import guarded_client, parse_networks
from tests.standins.mattermost import TOKEN, serving
from tests.standins.mattermost import Mattermost as Server

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
MESSAGE = Message(
    event="page",
    title="Disk *full* @channel",
    headline="SEV1 Checkout: Disk *full* @channel",
    urgency="high",
    composed_at=NOW,
    ref="PG-7",
    url="https://firebell.example.org/pages/PG-7",
    lead="",
    items=(),
    item_count=0,
    actions=(Action("Acknowledge", "https://firebell.example.org/ack/t"),),
    recipient="Mara",
)


async def test_a_page_reaches_a_person_in_mattermost() -> None:
    async with serving(Server(lambda: NOW)) as server, guarded_client(parse_networks("127.0.0.0/8")) as http:
        user = server.add_user("mara@example.org")
        channel = Mattermost(http, server.url, TOKEN)
        assert isinstance(await channel.send("mara", MESSAGE, "d-1"), Accepted)
        ((to, text),) = server.direct
        assert to == user
        assert "[Acknowledge](https://firebell.example.org/ack/t)" in text
        assert "@channel" not in text
        assert r"\*full\*" in text

        unknown = await channel.send("no.one", MESSAGE, "d-2")
        assert isinstance(unknown, Failed)
        assert unknown.suspect
        server.is_away = True
        assert isinstance(await channel.send("mara", MESSAGE, "d-3"), Retry)
        server.is_away = False
        assert isinstance(await channel.send("mara", MESSAGE, "d-3"), Accepted)
        refused = await Mattermost(http, server.url, "another").send("mara", MESSAGE, "d-4")
        assert isinstance(refused, Failed)
        assert not refused.suspect
        unset = await Mattermost(http, "", "").send("mara", MESSAGE, "d-5")
        assert isinstance(unset, Failed)
        assert not unset.suspect

        names = {"FIREBELL_MATTERMOST_URL": server.url, "FIREBELL_MATTERMOST_BOT_TOKEN": TOKEN}
        (fine,) = await check_health(http, names, None)
        (wrong,) = await check_health(http, {**names, "FIREBELL_MATTERMOST_BOT_TOKEN": "x"}, None)
        assert (fine.level, wrong.level) == ("ok", "fail")
        assert CHANNEL.is_ready(names)


def test_a_username_has_one_spelling_and_long_text_is_cut() -> None:
    assert check_address(" @Mara.Lindqvist ") == "mara.lindqvist"
    assert len(text_of(MESSAGE, short=True)) < 16_000
