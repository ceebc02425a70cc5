"""Webhooks as members of audiences: their names, and the secrets that sign what they get (pure)."""

from urllib.parse import urlsplit

from firebell.kit.errors import Invalid
from firebell.kit.http_out import check_url
from firebell.kit.signing import Signer

MAX_CHARS = 500


def checked_url(text: str) -> str:
    """Return the address of a webhook; raise `Invalid` at `members` unless it is an https address."""
    try:
        url = check_url(text, "members")
    except Invalid as error:
        raise Invalid(f"{text[:60]!r} is not a webhook.", fields=error.fields) from error
    if not url.startswith("https://") or "#" in url or len(url) > MAX_CHARS:
        raise Invalid(
            f"{text[:60]!r} is not a webhook.",
            fields={
                "members": f"Enter addresses such as https://host/path, of at most {MAX_CHARS} characters."
            },
        )
    return url


def is_webhook(address: str) -> bool:
    """Return True if an address is that of a webhook, not of a mailbox."""
    return "://" in address


def shown(address: str) -> str:
    """Return how an address is shown: of a webhook only its host, because the rest can be a secret."""
    return f"Webhook at {urlsplit(address).hostname}" if is_webhook(address) else address


def without_path(member: str) -> str:
    """Return a member; of a webhook only the host, for those who may not change audiences."""
    kind, _, url = member.partition(":")
    return f"{kind}:{urlsplit(url).hostname}" if kind == "webhook" else member


def secret_of(signer: Signer, url: str) -> bytes:
    """Return the secret that signs what a webhook gets; another address has another one."""
    return signer.seed(f"audiences.webhook.{url}")
