"""Map the HTTP response of a provider to accepted, retry or failed (spec 10.2); pure."""

from firebell.channels.base import Accepted, ContentRefused, Failed, Outcome, Retry
from firebell.kit.http_out import OutboundResponse

MAX_WAIT_S = 60
"""Longest `Retry-After` that is respected; beyond it the delivery fails, so that the next rule acts."""
_RETRY = (408, 425, 429)
_CONTENT = (400, 413, 415, 422)
_ADDRESS = (404, 405, 410)
_GONE = 410


def wait_or_failed(reason: str, wait: object) -> Retry | Failed:
    """Return the outcome of a 429 that names its pause in seconds: a long one fails, so that the next rule acts."""
    try:
        seconds = float(str(wait))
    except ValueError:
        return Retry(reason)
    if not 0 <= seconds <= MAX_WAIT_S:
        return Failed(f"{reason} (retry after {seconds:.0f} s)", suspect=False)
    return Retry(reason, seconds)


def outcome_of(reply: OutboundResponse) -> Outcome | ContentRefused:
    """Return the outcome of a response (spec 10.2): only 404, 405 and 410 blame the address."""
    if reply.ok:
        return Accepted(str(reply.status))
    reason = f"{reply.status} {reply.text[:200]}"
    if reply.status in _RETRY or reply.status >= 500:
        seconds = reply.retry_after_s
        if reply.status == 429 and seconds and seconds > MAX_WAIT_S:
            return Failed(f"{reason} (retry after {seconds:.0f} s)", suspect=False)
        return Retry(reason, min(MAX_WAIT_S, seconds) if seconds is not None else None)
    if reply.status in _CONTENT:
        return ContentRefused(reason)
    return Failed(reason, suspect=reply.status in _ADDRESS, gone=reply.status == _GONE)
