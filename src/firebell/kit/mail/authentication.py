"""What DNS and a received mail say about whether mails are believed: SPF, DKIM and DMARC (pure)."""

import email
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import policy

from firebell.kit.findings import CheckResult

SIGNED_FIELDS = ("from", "list-unsubscribe", "list-unsubscribe-post")
"""The headers that a signature must cover, so that mailbox providers offer unsubscribing by one click (RFC 8058)."""


def spf(domain: str, texts: Sequence[str]) -> CheckResult:
    """Return whether a domain says which servers send its mail."""
    records = [text for text in texts if text.lower().startswith("v=spf1")]
    if not records:
        text = f"{domain} has no SPF record. Publish one that names your mail server, such as v=spf1 mx -all."
        return CheckResult("SPF", "warn", text)
    if len(records) > 1:
        return CheckResult(
            "SPF", "fail", f"{domain} has {len(records)} SPF records, which counts as none. Keep one."
        )
    if re.search(r"(^|\s)\+?all(\s|$)", records[0].lower()):
        return CheckResult(
            "SPF", "fail", f"The SPF record of {domain} lets every server send. End it in -all."
        )
    return CheckResult("SPF", "ok", f"{domain} has an SPF record: {records[0][:200]}")


def dmarc(domain: str, texts: Sequence[str]) -> CheckResult:
    """Return whether a domain says what happens to mails that only pretend to be its own."""
    records = [text for text in texts if text.lower().startswith("v=dmarc1")]
    if len(records) != 1:
        problem = "no DMARC record" if not records else f"{len(records)} DMARC records, which counts as none"
        advice = f"Publish v=DMARC1; p=quarantine as the TXT record of _dmarc.{domain}."
        return CheckResult("DMARC", "warn", f"{domain} has {problem}. {advice}")
    tag = re.search(r"(?:^|;)\s*p\s*=\s*(\w+)", records[0], re.IGNORECASE)
    level = tag[1].lower() if tag else ""
    if level not in ("quarantine", "reject"):
        text = f"The DMARC record of {domain} has the policy {level or 'none'}. Raise it to quarantine."
        return CheckResult("DMARC", "warn", text)
    return CheckResult("DMARC", "ok", f"{domain} has a DMARC record with the policy {level}.")


@dataclass(frozen=True, slots=True)
class DkimSignature:
    """One DKIM signature of a mail: who signed, with which key, and which headers."""

    domain: str
    selector: str
    fields: frozenset[str]

    @property
    def record_name(self) -> str:
        """The name whose TXT record has the key."""
        return f"{self.selector}._domainkey.{self.domain}"


def signatures(mail: bytes) -> tuple[str, list[DkimSignature]]:
    """Return the domain of the sender of a mail, and its signatures."""
    message = email.message_from_bytes(mail, policy=policy.compat32)
    address = re.search(r"@([A-Za-z0-9.-]+)", str(message.get("From", "")))
    listed = []
    for value in message.get_all("DKIM-Signature", []):
        tags = dict(re.findall(r"(\w+)\s*=\s*([^;]*)", re.sub(r"\s+", " ", str(value))))
        fields = frozenset(name.strip().lower() for name in tags.get("h", "").split(":") if name.strip())
        domain, selector = (tags.get(name, "").strip().lower() for name in ("d", "s"))
        if domain and selector:
            listed.append(DkimSignature(domain, selector, fields))
    return (address[1].lower() if address else ""), listed


def dkim(sender_domain: str, signed: Sequence[DkimSignature]) -> CheckResult:
    """Return whether a mail is signed for its sender with the headers of one-click unsubscribing."""
    if not signed:
        text = "The email has no DKIM signature. Turn on signing at your mail server."
        return CheckResult("DKIM", "fail", text)
    aligned = [each for each in signed if _is_aligned(each.domain, sender_domain)]
    if not aligned:
        text = (
            f"The email is signed for {signed[0].domain}, but it comes from {sender_domain}. Sign for that."
        )
        return CheckResult("DKIM", "fail", text)
    missing = min(([f for f in SIGNED_FIELDS if f not in each.fields] for each in aligned), key=len)
    if missing:
        text = f"The signature does not cover {', '.join(missing)}. Add them to the signed headers (h=)."
        return CheckResult("DKIM", "warn", text)
    return CheckResult(
        "DKIM", "ok", f"The email is signed for {aligned[0].domain}, with one-click unsubscribing."
    )


def _is_aligned(domain: str, sender_domain: str) -> bool:
    """Return True if one of the domains is the other or below it, as relaxed alignment mostly means."""
    return (
        domain == sender_domain
        or f".{sender_domain}".endswith(f".{domain}")
        or domain.endswith(f".{sender_domain}")
    )
