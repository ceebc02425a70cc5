"""Messages without their title, and in the language of their reader (spec 10.4)."""

import json
from dataclasses import replace

from firebell.channels import email, ntfy, web_push, webhook
from firebell.channels.base import Message
from firebell.channels.phone import sms_text, voice_script
from firebell.kit.mail.addresses import Mailbox
from firebell.notify.composing.message_settings import as_set, without_title
from firebell.notify.held_messages import merged_message
from firebell.notify.model import Recipient
from tests.rules.test_channel_texts import ACK, SENT, URL, page

BRIEF = "Firebell: page 7, SEV1, Checkout"
SECRET = "Nordpost"
SHOWN = page(
    f"{SECRET} cannot pay",
    f"Card of {SECRET}",
    brief=BRIEF,
    mail_subject=f"[PG-7] SEV1 Checkout: {SECRET}",
    reply_code=47,
    data={
        "page": "PG-7",
        "severity": 1,
        "service": "Checkout",
        "message": SECRET,
        "incidents": [SECRET],
        "page_url": URL,
    },
)
HIDDEN = without_title(SHOWN)


def _sent(message: Message) -> dict[str, str]:
    """Return what each channel sends."""
    chats = {kind: json.dumps(sent(message, False)) for kind, (sent, _) in SENT.items()}
    mail = email.compose("a@b.example", message, "k", Mailbox("Firebell", "fb@b.example")).decode()
    script = voice_script.script_of(message, takes_keys=True)
    return {
        **chats,
        "email": mail,
        "webhook": webhook.body_of(message).decode(),
        "ntfy": ntfy.body_of("t", message).decode(),
        "web_push": web_push.body_of(message).decode(),
        "sms": sms_text.text_of(message, "+4915123456789"),
        "voice": script.first + script.rest,
    }


def test_no_channel_shows_a_hidden_title_and_all_keep_the_way_to_answer() -> None:
    shown, hidden = _sent(SHOWN), _sent(HIDDEN)
    for kind, sent in hidden.items():
        assert SECRET in shown[kind], kind
        assert SECRET not in sent, kind
        assert "Checkout" in sent, kind
    for kind in ("email", "webhook", "ntfy", "web_push", "gotify", "signal", "matrix", "discord"):
        assert URL in hidden[kind].replace("=\n", ""), kind
    assert ACK in hidden["web_push"]
    assert hidden["sms"].startswith(f"{BRIEF}. Reply 47a ack, 47e escalate.")
    assert HIDDEN.subject == BRIEF


def test_other_messages_say_only_that_they_are_there() -> None:
    notice = Message("shift", f"You cover {SECRET}", "low", SHOWN.composed_at, lines=(SECRET,), url=URL)
    hidden = without_title(notice)
    assert (hidden.title, hidden.lines) == ("Firebell: you have a message", ("Open Firebell to read it.",))
    # what became of a page names no more than the page, and quiet hours keep what is hidden
    over = without_title(replace(notice, brief=BRIEF, lines=("Resolved.",), is_neutral=True))
    assert (over.title, over.lines) == (BRIEF, ("Resolved.",))
    assert SECRET not in merged_message([HIDDEN, hidden], URL).text(10_000)


def test_only_the_words_around_a_title_are_translated() -> None:
    german = as_set(SHOWN, Recipient(1, "Mara", "UTC", "de"))
    text = json.loads(_sent(german)["signal"])["text"]
    assert text.startswith(f"[PG-7] SEV1 Checkout: {SECRET} cannot pay\n")
    assert f"Öffnen: {URL}" in text
    assert text.endswith("Und 390 weitere")
    assert as_set(SHOWN, Recipient(1, "Mara", "UTC", "xx")).word("Open") == "Open"
    arabic = email._html(as_set(SHOWN, Recipient(1, "Mara", "UTC", "ar")))
    assert arabic.startswith('<div lang="ar" dir="rtl"')
    assert '<h1 dir="auto"' in arabic
