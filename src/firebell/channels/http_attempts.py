"""One attempt over HTTP: its reply, or its error, as an outcome."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import httpx
import msgspec

from firebell.channels.base import Accepted, ContentRefused, Failed, Outcome, Retry, not_sent
from firebell.kit.findings import CheckResult
from firebell.kit.http_out import OutboundResponse

AttemptOutcome = Outcome | ContentRefused


async def attempt_outcome(
    reply: Awaitable[OutboundResponse], outcome_of: Callable[[OutboundResponse], AttemptOutcome]
) -> AttemptOutcome:
    """Return the outcome of a reply by `outcome_of`, or that of an error before any reply."""
    try:
        return outcome_of(await reply)
    except httpx.InvalidURL:
        return Failed("The address is not a valid URL.")
    except httpx.HTTPError as exc:
        return not_sent(exc, f"{type(exc).__name__}: {exc}")


def json_object(reply: OutboundResponse) -> dict[str, Any]:
    """Return the JSON object of a reply; empty for anything else."""
    try:
        document = msgspec.json.decode(reply.text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def object_in(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the object of a field; empty for anything else."""
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def accepted_with_id(reply: OutboundResponse, provider: str, provider_id: object) -> Accepted | Retry:
    """Return the outcome of a 2xx: without the id that proves it, a captive portal may have answered."""
    if provider_id in (None, ""):
        return Retry(f"{reply.status} without an id: is this {provider}?")
    return Accepted(str(provider_id))


async def check_token(
    kind: str,
    reply: Awaitable[OutboundResponse],
    describe: Callable[[Mapping[str, Any]], str],
    advice: str,
) -> Sequence[CheckResult]:
    """Return whether a provider accepts our token, which `describe` says of its answer, empty if it does not."""
    try:
        answer = await reply
        text, reason = describe(json_object(answer)) if answer.ok else "", str(answer.status)
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        text, reason = "", f"{type(exc).__name__}: {exc}"
    if text:
        return [CheckResult(kind, "ok", text)]
    return [CheckResult(kind, "fail", f"{advice} The check failed: {reason}")]
