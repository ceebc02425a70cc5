"""A push message is what RFC 8291 says, and nothing but a browser's subscription is taken as an address."""

import json
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.channels import web_push
from firebell.channels.base import Accepted, ContentRefused, Failed, Retry
from firebell.kit import push_encryption
from firebell.kit.errors import Invalid, StartupError
from firebell.kit.http_out import OutboundResponse
from firebell.kit.push_encryption import CURVE, from_base64, to_base64
from firebell.kit.signing import Signer
from tests.rules.test_channel_limits import WILD, alert, message

P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
ENDPOINT = "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABk"
ADDRESS = f"{ENDPOINT}#auth={AUTH}&p256dh={P256DH}"
SIGNER = Signer(b"installation")


def test_a_message_is_the_example_of_rfc_8291() -> None:
    private = int.from_bytes(from_base64("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
    body = push_encryption.encrypt(
        b"When I grow up, I want to be a watermelon",
        from_base64(P256DH),
        from_base64(AUTH),
        salt=from_base64("DGv6ra1nlYgDCS1FRnbzlw"),
        sender_key=ec.derive_private_key(private, CURVE),
    )
    assert to_base64(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w"
        "EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert len(body) == 144


def test_the_sender_has_the_same_key_after_a_restart_and_no_other_installation_has_it() -> None:
    assert web_push.public_key(SIGNER) == web_push.public_key(Signer(b"installation"))
    assert web_push.public_key(SIGNER) != web_push.public_key(Signer(b"another"))
    assert len(from_base64(web_push.public_key(SIGNER))) == 65


@pytest.mark.parametrize(
    "address",
    [
        "",
        ENDPOINT,
        f"{ENDPOINT}#",
        f"{ENDPOINT}#auth={AUTH}",
        f"{ENDPOINT}#auth=AAAA&p256dh={P256DH}",
        f"{ENDPOINT}#auth={AUTH}&p256dh={AUTH}",
        f"{ENDPOINT}#auth={AUTH}&p256dh={'A' * 87}",
        f"{ENDPOINT}#auth=%%&p256dh={P256DH}",
        f"http://push.example.org/a#auth={AUTH}&p256dh={P256DH}",
        f"https://u:p@push.example.org/a#auth={AUTH}&p256dh={P256DH}",
        f"javascript:alert(1)#auth={AUTH}&p256dh={P256DH}",
        f"https:///a#auth={AUTH}&p256dh={P256DH}",
    ],
)
def test_what_no_browser_subscribed_with_is_refused(address: str) -> None:
    with pytest.raises(Invalid) as refused:
        web_push.check_address(address)
    assert set(refused.value.fields) == {"address"}


def test_an_address_has_one_spelling_and_shows_the_browser() -> None:
    assert web_push.check_address(f" {ENDPOINT}#p256dh={P256DH}&auth={AUTH}== \n") == ADDRESS
    assert web_push.check_address(ADDRESS) == ADDRESS
    assert web_push.shown_address(ADDRESS) == "Firefox"
    assert web_push.shown_address("https://push.example.org/1#auth=a") == "push.example.org"


@settings(max_examples=40)
@given(WILD, WILD, st.booleans())
def test_every_message_fits_a_push_service_with_its_button(title: str, body: str, short: bool) -> None:
    many = message(title, alerts=[alert(n, title, body * 20) for n in range(9)])
    plain = web_push.body_of(many, short=short)
    assert len(plain) <= push_encryption.MAX_PLAIN_BYTES
    shown = json.loads(plain)
    assert shown["actions"] == [{"label": a.label, "url": a.url} for a in many.actions]
    assert (shown["tag"], shown["urgent"]) == ("PG-7", True)


def test_a_text_is_pushed_without_its_markdown_and_without_its_url() -> None:
    text = message(lines=(), markdown="**Half** of it works again.\n\n- retry", alerts=())
    shown = json.loads(web_push.body_of(text))
    assert shown["body"].split() == ["Half", "of", "it", "works", "again.", "-", "retry"]
    assert shown["url"] == text.url


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (201, Accepted("https://push.example.org/m/1")),
        (404, Failed("404 no", gone=True)),
        (410, Failed("410 no", gone=True)),
        (400, Failed("400 no", suspect=False)),
        (401, Failed("401 no", suspect=False)),
        (403, Failed("403 no", suspect=False)),
        (413, ContentRefused("413 no")),
        (429, Retry("429 no", 7)),
        (503, Retry("503 no", 7)),
    ],
)
def test_an_answer_blames_the_address_only_if_it_is_gone(status: int, outcome: object) -> None:
    headers = {"location": "https://push.example.org/m/1"}
    assert web_push._outcome_of(OutboundResponse(status, "7", "no", headers)) == outcome


def test_one_token_for_each_push_service_is_renewed_before_it_expires() -> None:
    now = [1_795_749_120.0]
    transport = web_push.WebPush(None, SIGNER, "mailto:ops@example.org", lambda: now[0])  # type: ignore[arg-type]
    first = transport._token(ENDPOINT)
    claims = jwt.decode(
        first,
        push_encryption.parse_public_key(from_base64(web_push.public_key(SIGNER))),
        algorithms=["ES256"],
        audience="https://updates.push.services.mozilla.com",
        options={"verify_exp": False},
    )
    assert claims["sub"] == "mailto:ops@example.org"
    assert claims["exp"] - now[0] <= 24 * 3600
    now[0] += 10 * 3600
    assert transport._token(ENDPOINT) == first
    assert transport._token("https://web.push.apple.com/q") != first
    now[0] += 2 * 3600
    assert transport._token(ENDPOINT) != first


def test_push_is_off_until_a_push_service_can_contact_the_sender() -> None:
    assert not web_push.contact({"FIREBELL_BASE_URL": "http://127.0.0.1:8080"})
    assert web_push.contact({"FIREBELL_BASE_URL": "https://firebell.example.org"})
    assert web_push.contact({"FIREBELL_WEB_PUSH_CONTACT": "mailto:ops@example.org"})
    for wrong in ("ops@example.org", "mailto:", "mailto:a@b@c", "http://example.org"):
        with pytest.raises(StartupError):
            web_push.CHANNEL.check_settings({"FIREBELL_WEB_PUSH_CONTACT": wrong})
    assert urlsplit(ADDRESS).fragment
