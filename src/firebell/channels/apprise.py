"""Apprise: many more services, by addresses such as `mailto://…`, from a child process.

Apprise opens its own connections, with code that blocks, and reports only success or failure, so its messages never
count as having reached anyone (decision 0110).
"""

from collections.abc import Mapping, Sequence

import httpx

from firebell.channels import apprise_addresses, sealed_addresses
from firebell.channels.apprise_addresses import KINDS, kind_of, kinds_of, service_of
from firebell.channels.apprise_process import (
    LIMIT_S,
    TURN_LIMIT_S,
    answer_of,
    is_installed,
    targets_of,
    turn,
    unusable_kinds,
)
from firebell.channels.base import (
    Accepted,
    Channel,
    ContentRefused,
    Edges,
    Failed,
    Message,
    MessageLimits,
    Outcome,
    Retry,
    SendRate,
    Setting,
    Unsent,
    not_sent,
    whole_or_short,
)
from firebell.channels.http_attempts import AttemptOutcome
from firebell.channels.message_text import compose
from firebell.kit.errors import Invalid, StartupError, Unavailable
from firebell.kit.findings import CheckResult
from firebell.kit.http_out import reachable_networks
from firebell.kit.signing import Signer
from firebell.kit.truncation import cut

OFF = f"Install Firebell with pip install 'firebell[apprise]', and set {KINDS} to the kinds of addresses to allow."


class Apprise:
    """Sends to a sealed address of a kind that the setting lists."""

    limits = MessageLimits(title=200, text=1500, whole=16_000)
    """Many of its services take no more, and cut or split longer messages, each in its own way."""

    def __init__(self, http: httpx.AsyncClient, signer: Signer, kinds: str) -> None:
        self._http = http
        self._signer = signer
        self._kinds = kinds

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Send one message; if it is refused, send it once more, shorter."""
        if not is_installed() or not self._kinds:
            return Failed(OFF, suspect=False)
        try:
            opened = sealed_addresses.open_sealed(self._signer, address)
        except Invalid as exc:
            return Failed(f"{exc.message} {exc.hint}")
        kind = kind_of(opened)
        if kind not in kinds_of(self._kinds):
            return Failed(f"{kind}:// is not one of the kinds in {KINDS}.", suspect=False)

        async def attempt(short: bool) -> AttemptOutcome:
            request = {
                "address": opened,
                "title": cut(message.subject, self.limits.title // 2 if short else self.limits.title),
                "body": compose(message, 0, self.limits.text, short=short)
                or cut(message.title, self.limits.text),
                "is_urgent": message.urgency == "high",
                "networks": [str(network) for network in reachable_networks(self._http)],
            }
            try:
                answer = await answer_of(request)
            except TimeoutError:
                # whether it arrived is unknown: as for any channel, it is sent again
                return Retry(f"{kind}:// gave no answer within {LIMIT_S:g} s.")
            except OSError as exc:
                return not_sent(exc, f"Apprise cannot be started: {type(exc).__name__}")
            return _outcome(answer, kind, key)

        try:
            async with turn(service_of(opened)):
                return await whole_or_short(attempt)
        except Unavailable as exc:
            return Unsent(exc.message)


def _outcome(answer: Mapping[str, str], kind: str, key: str) -> AttemptOutcome:
    needs_machine = f"{kind}:// needs a file or a program of this machine, which is not allowed."
    match answer.get("result"), answer.get("denied"):
        case "sent", _:
            return Accepted(key)
        case "refused", "address":
            return ContentRefused(
                f"{kind}:// leads to a private address; FIREBELL_ALLOWED_NETWORKS can allow it."
            )
        case "refused", "act":
            return ContentRefused(needs_machine)
        case "refused", _:
            return ContentRefused(f"{kind}:// did not take the message. Apprise does not say why.")
        case "invalid", "act":
            return Failed(needs_machine)
        case "invalid", _:
            return Failed(f"Apprise cannot read this address of the kind {kind}://.")
        case "unusable", _:
            return Failed(f"Apprise cannot send to {kind}:// here. Run firebell doctor.", suspect=False)
        case _:
            return Retry("The process of Apprise ended without an answer.")


def complete_address(address: str, settings: Mapping[str, str]) -> str:
    """Return the address; raise `Invalid` if Apprise is off, or if its kind is not listed."""
    if not is_installed() or not settings[KINDS]:
        raise Invalid("Apprise is off.", hint=OFF, fields={"address": OFF})
    apprise_addresses.check_kind(address, settings[KINDS])
    return address


async def check_targets(address: str) -> None:
    """Raise `Invalid` for an address with several targets: if one refuses a message, the others would get it again.

    An address whose targets can't be counted now is accepted.
    """
    try:
        async with turn(service_of(address)):
            count = await targets_of(address)
    except (TimeoutError, OSError, Unavailable):
        return
    if count is not None and count > 1:
        raise Invalid(
            f"This address sends to {count} targets. If one refuses a message, the others get it again.",
            fields={"address": f"Add one contact method for each of the {count} targets."},
        )


def check_settings(settings: Mapping[str, str]) -> None:
    """Raise `StartupError` if a listed kind may not be used."""
    try:
        kinds_of(settings[KINDS])
    except ValueError as exc:
        raise StartupError(f"{KINDS}: {exc}.", hint="Example: mailto,mailtos,tgram") from exc


async def check_health(
    http: httpx.AsyncClient, settings: Mapping[str, str], addresses: Sequence[str] | None
) -> list[CheckResult]:
    """Return whether Apprise is installed and can send to each kind that is listed or in use."""
    kinds = kinds_of(settings[KINDS])
    if not kinds or not is_installed():
        return [CheckResult("apprise", "fail", OFF)] if kinds or addresses else []
    findings = []
    unlisted = sorted({kind_of(address) for address in addresses or ()} - set(kinds))
    if unlisted:
        named = ", ".join(f"{kind}://" for kind in unlisted)
        text = f"Contact methods use {named}, which {KINDS} does not list. They get no messages."
        findings.append(CheckResult("apprise", "fail", text))
    try:
        answer = await unusable_kinds(kinds)
    except (TimeoutError, OSError) as exc:
        answer = {"error": type(exc).__name__}
    if "version" not in answer:
        why = answer.get("error", "it ended without an answer")
        return [*findings, CheckResult("apprise", "fail", f"Apprise cannot be started: {why}.")]
    if answer["unusable"]:
        text = (
            f"Apprise {answer['version']} cannot send to {answer['unusable']}: it does not know them, or needs another"
            f" package. Correct {KINDS}."
        )
        return [*findings, CheckResult("apprise", "fail", text)]
    return [
        *findings,
        CheckResult("apprise", "ok", f"Apprise {answer['version']} can send to {', '.join(kinds)}."),
    ]


def _open(edges: Edges) -> Apprise:
    return Apprise(edges.http, edges.signer, edges.settings[KINDS])


CHANNEL = Channel(
    kind="apprise",
    label="Apprise",
    icon="message-square",
    address_label="Apprise address",
    address_help="mailto://… or another kind that your admin allows",
    limits=Apprise.limits,
    open=_open,
    check_address=apprise_addresses.check_address,
    complete_address=complete_address,
    check_typed_address=check_targets,
    shown_address=sealed_addresses.shown,
    address_warning=lambda address: (
        "Apprise doesn’t report whether messages arrive. Use it alongside another contact method, never alone."
    ),
    settings=(Setting(KINDS),),
    check_settings=check_settings,
    is_installed=is_installed,
    is_ready=lambda settings: is_installed() and bool(settings[KINDS]),
    off_text=OFF,
    check_health=check_health,
    rate=SendRate(per_s=2, burst=32),
    attempt_limit_s=2 * LIMIT_S + TURN_LIMIT_S + 2,
    # nothing shows that a message arrived
    wakes=False,
    counts_as_reached=False,
    is_sealed=True,
)
