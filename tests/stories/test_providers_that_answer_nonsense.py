"""Story: what a provider answers about a message that it took is nonsense, and no one is called twice for it."""

from datetime import timedelta

import pytest

from firebell.kit.clock import FakeClock
from tests.phone_world import MARA, phones


@pytest.mark.parametrize(
    ("kind", "provider", "lies"),
    [
        ("voice", "twilio", {"sid": "CA\x001"}),
        ("voice", "twilio", {"sid": "CA" + "1" * 5000}),
        ("voice", "twilio", {"num_segments": "99999999999"}),
        ("voice", "twilio", {"num_segments": "٣" * 5000}),
        ("sms", "vonage", {"message_uuid": "\x00"}),
        ("sms", "vonage", {"message_uuid": "a\ud800"}),
        ("sms", "twilio", {"num_segments": "99999999999"}),
    ],
)
async def test_no_one_is_called_again_because_of_a_nonsensical_answer(
    dsn: str, clock: FakeClock, kind: str, provider: str, lies: dict[str, str]
) -> None:
    async with phones(dsn, clock, FIREBELL_PHONE_PROVIDERS=provider) as p:
        method = await p.add(p.w.mara, kind, MARA)
        await p.rules(p.w.mara, (0, method))
        p.providers.lies = lies
        before = len(p.providers.taken)
        await p.w.alert()
        for _ in range(4):
            await p.w.settle()
            clock.advance(timedelta(seconds=65))
        assert len(p.providers.taken) == before + 1
        assert await p.receipts() == [(kind, "accepted", "accepted")]
