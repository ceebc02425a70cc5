"""Names of incident channels: the vectors of the specification, and what every name has in common."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.incidents.channel_names import MATTERMOST_MAX_CHARS, SLACK_MAX_CHARS, channel_name

DAY = date(2026, 11, 24)
BASE = "incident-2026-11-24-"
FIRST = {
    "Card payments fail": (214, "card-payments-fail"),
    "Incident: SEV1 API down": (215, "api-down"),
    "Überlastung der Datenbank (Köln)": (216, "uberlastung-der-datenbank-koln"),
    "Не работают платежи": (217, "ne-rabotayut-platezhi"),
    "支払いができません": (218, "zhifanigadekimasen"),
    "결제 실패": (219, "gyeolje-silpae"),
    "فشل الدفع": (220, "fshl-ldf"),
    "🔥🔥🔥": (221, "inc-221"),
    "🔥 DB down!": (222, "db-down"),
    "---": (223, "inc-223"),
    "a" * 200: (224, "a" * 50),
    "checkout " * 20: (225, "checkout-checkout-checkout-checkout-checkout"),
    "Bobby's big spill": (226, "bobbys-big-spill"),
    "db-3_primary.eu-west-1 I/O 100 %": (227, "db-3-primary-eu-west-1-i-o-100"),
    "SEV1": (229, "inc-229"),
    "P1: 15 % errors on /api/v1/pay?x=<script>": (230, "15-errors-on-api-v1-pay-x-script"),
    "ﬁle ﬂow ①": (231, "file-flow-1"),
    "e\u0301le\u0301ment casse\u0301": (232, "element-casse"),
    "Straße ßẞ Æsir Łódź": (233, "strasse-ssss-aesir-lodz"),
    "<!channel> @here everybody": (234, "channel-here-everybody"),
    "Kubernetes control plane unreachable in eu-central-1 after certificate rotation": (
        235,
        "kubernetes-control-plane-unreachable-in-eu-central",
    ),
    "İstanbul Iı \u200bzero\u200dwidth": (236, "istanbul-ii-zerowidth"),
    "\u202eevil txt": (237, "evil-txt"),
}


@pytest.mark.parametrize("title", FIRST)
def test_the_first_name_is_made_of_the_title(title: str) -> None:
    number, expected = FIRST[title]

    assert channel_name(title, number, DAY) == BASE + expected


def test_a_taken_name_gets_the_reference_and_then_numbers() -> None:
    names = [channel_name("Card payments fail", 228, DAY, attempt) for attempt in (1, 2, 3, 4)]

    assert names == [
        f"{BASE}card-payments-fail",
        f"{BASE}card-payments-fail-inc-228",
        f"{BASE}card-payments-fail-inc-228-2",
        f"{BASE}card-payments-fail-inc-228-3",
    ]


def test_a_title_without_letters_is_numbered_by_its_reference() -> None:
    names = [channel_name("🔥🔥🔥", 221, DAY, attempt) for attempt in (1, 2, 3)]

    assert names == [f"{BASE}inc-221", f"{BASE}inc-221-2", f"{BASE}inc-221-3"]


def test_a_long_title_makes_room_for_its_reference() -> None:
    title = "Kubernetes control plane unreachable in eu-central-1 after certificate rotation"

    name = channel_name(title, 1234567, DAY, 2)

    assert name == f"{BASE}kubernetes-control-plane-unreachable-in-eu-inc-1234567"
    assert len(name) == 74


def test_a_private_name_says_nothing_of_the_title() -> None:
    assert channel_name("Keys leaked", 240, DAY, private=True) == f"{BASE}private-inc-240"
    assert channel_name("Keys leaked", 240, DAY, 2, private=True) == f"{BASE}private-inc-240-2"


def test_a_drill_says_so() -> None:
    assert channel_name("Region lost", 9, DAY, drill=True) == "drill-2026-11-24-region-lost"


@given(
    title=st.text(max_size=300),
    number=st.integers(1, 10**12),
    attempt=st.integers(1, 50),
    drill=st.booleans(),
    private=st.booleans(),
    limit=st.sampled_from((SLACK_MAX_CHARS, MATTERMOST_MAX_CHARS)),
)
def test_every_name_is_accepted_by_the_chat(
    title: str, number: int, attempt: int, drill: bool, private: bool, limit: int
) -> None:
    def name(attempt: int) -> str:
        return channel_name(title, number, DAY, attempt, drill=drill, private=private, max_chars=limit)

    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name(attempt))
    assert len(name(attempt)) <= limit
    assert name(attempt) != name(attempt + 1)
    assert name(attempt).startswith("drill-2026-11-24-" if drill else BASE)
