"""What doctor says about SPF, DKIM and DMARC."""

import pytest

from firebell.kit.mail import authentication


@pytest.mark.parametrize(
    ("texts", "level"),
    [
        ([], "warn"),
        (["google-site-verification=x"], "warn"),
        (["v=spf1 mx -all", "x"], "ok"),
        (["V=SPF1 include:amazonses.com ~all"], "ok"),
        (["v=spf1 mx -all", "v=spf1 a -all"], "fail"),
        (["v=spf1 +all"], "fail"),
        (["v=spf1 all"], "fail"),
    ],
)
def test_spf(texts: list[str], level: str) -> None:
    assert authentication.spf("kestrel.example", texts).level == level


@pytest.mark.parametrize(
    ("texts", "level"),
    [
        ([], "warn"),
        (["v=DMARC1; p=none"], "warn"),
        (["v=DMARC1; sp=reject"], "warn"),
        (["v=DMARC1; p=quarantine; rua=mailto:x@y.example"], "ok"),
        (["v=DMARC1;p=reject"], "ok"),
        (["v=DMARC1; p=reject", "v=DMARC1; p=none"], "warn"),
    ],
)
def test_dmarc(texts: list[str], level: str) -> None:
    assert authentication.dmarc("kestrel.example", texts).level == level


ALL = "From:To:Subject:List-Unsubscribe:\r\n List-Unsubscribe-Post"


@pytest.mark.parametrize(
    ("domain", "fields", "level"),
    [
        ("kestrel.example", ALL, "ok"),
        ("status.kestrel.example", ALL, "ok"),
        ("example", ALL, "ok"),
        ("other.example", ALL, "fail"),
        ("strel.example", ALL, "fail"),
        ("kestrel.example", "From:To:List-Unsubscribe", "warn"),
    ],
)
def test_dkim(domain: str, fields: str, level: str) -> None:
    mail = (
        f"DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=mail;\r\n h={fields};\r\n bh=x=; b=y==\r\n"
        "From: Kestrel <status@kestrel.example>\r\n\r\nHello\r\n"
    )
    sender, signed = authentication.signatures(mail.encode())
    assert (sender, [each.record_name for each in signed]) == (
        "kestrel.example",
        [f"mail._domainkey.{domain}"],
    )
    assert authentication.dkim(sender, signed).level == level


@pytest.mark.parametrize("mail", [b"", b"From: x\r\n\r\n", b"DKIM-Signature: nonsense\r\n\r\n"])
def test_a_mail_without_a_signature_fails(mail: bytes) -> None:
    assert authentication.dkim(*authentication.signatures(mail)).level == "fail"
