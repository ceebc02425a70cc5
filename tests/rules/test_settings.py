"""Settings that cannot work are refused at startup, naming the variable."""

import pytest

from firebell.kit.errors import StartupError
from firebell.settings import load


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FIREBELL_MAIL_FROM", "Firebell"),
        ("FIREBELL_MAIL_FROM", "a@example.org, b@example.org"),
        ("FIREBELL_MAIL_FROM", "Ops <a@example.org>, Dev <b@example.org>"),
        ("FIREBELL_MAIL_FROM", "Firebell <a;b@example.org>"),
        ("FIREBELL_MAIL_FROM", "Firebell\r\nBcc: eve@example.net <a@example.org>"),
        ("FIREBELL_SMTP_URL", "mail.example.org:25"),
        ("FIREBELL_SMTP_URL", "smtp://bell:hunter2@mail.example.org:smtp"),
        ("FIREBELL_NTFY_URL", "ntfy.sh"),
        ("FIREBELL_NTFY_URL", "https://ntfy.example.org/?auth=token"),
    ],
)
def test_invalid_mail_settings_are_refused_at_startup(name: str, value: str) -> None:
    with pytest.raises(StartupError) as refused:
        load({name: value})
    assert name in refused.value.message
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"FIREBELL_MAIL_FROM": "ACME, Bereitschaft <a@example.org>"},
        {"FIREBELL_SMTP_URL": "smtp://bell:p%40ss@mail.example.org:587"},
        {"FIREBELL_NTFY_URL": "https://ntfy.example.org/"},
    ],
)
def test_valid_mail_server_addresses_are_parsed(env: dict[str, str]) -> None:
    settings = load(env)
    assert settings.channels["FIREBELL_MAIL_FROM"] == env.get(
        "FIREBELL_MAIL_FROM", "Firebell <firebell@localhost>"
    )
