"""Which Apprise addresses may be used, what its process may do, and how the addresses are stored."""

import ipaddress
import os
import sys
from pathlib import Path

import pytest

from firebell.channels import apprise, apprise_addresses, registry, sealed_addresses
from firebell.channels.apprise_child import Guard
from firebell.kit.errors import Invalid, StartupError
from firebell.kit.signing import Signer
from firebell.people import validation
from tests.standins.channel_lab import SIGNER

ADDRESS = "mailto://mara:a-quiet-night@example.org?to=mara@example.org"


@pytest.mark.parametrize("kinds", ["dbus", "mailto,Syslog", "file://", "https", "ma ilto", "json,ma!l"])
def test_no_setting_allows_a_kind_that_acts_on_the_machine(kinds: str) -> None:
    with pytest.raises(StartupError) as refused:
        apprise.check_settings({apprise_addresses.KINDS: kinds})
    assert apprise_addresses.KINDS in refused.value.message


def test_kinds_are_listed_as_people_write_them() -> None:
    assert apprise_addresses.kinds_of(" mailto://, TGRAM,,mailto ") == ("mailto", "tgram")
    assert apprise_addresses.kinds_of("") == ()


def test_a_kind_that_is_not_listed_is_refused_with_those_that_are() -> None:
    settings = {apprise_addresses.KINDS: "json,tgram"}
    assert apprise.complete_address("JSON://example.org/x", settings) == "JSON://example.org/x"
    with pytest.raises(Invalid) as refused:
        apprise.complete_address(ADDRESS, settings)
    assert "mailto://" in refused.value.message
    assert "json://, tgram://" in refused.value.fields["address"]
    assert "a-quiet-night" not in f"{refused.value.message} {refused.value.fields}"


def test_without_its_extra_apprise_is_offered_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {apprise_addresses.KINDS: "json"}
    assert apprise.CHANNEL in registry.offered()
    assert apprise.CHANNEL.is_ready(settings)
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert apprise.CHANNEL not in registry.offered()
    assert not apprise.CHANNEL.is_ready(settings)
    with pytest.raises(Invalid) as refused:
        apprise.complete_address("json://example.org/x", settings)
    assert "firebell[apprise]" in refused.value.hint


@pytest.mark.parametrize(
    ("address", "service"),
    [
        (ADDRESS, "mailto://example.org"),
        ("mailto://jun@example.org:2525", "mailto://example.org"),
        ("tgram://123:token/chat", "tgram://123"),
        # what has no host that can be read shares the processes of its kind
        ("json://[x", "json://"),
        ("json://:80/x", "json://"),
    ],
)
def test_people_with_one_mail_server_have_one_service(address: str, service: str) -> None:
    assert apprise_addresses.service_of(address) == service


def test_a_sealed_address_shows_its_kind_alone() -> None:
    stored = sealed_addresses.seal(SIGNER, ADDRESS)
    assert stored.startswith("mailto://")
    assert stored == sealed_addresses.seal(SIGNER, ADDRESS), "the same one is not added twice"
    assert not [part for part in ("mara", "example", "quiet") if part in stored]
    assert sealed_addresses.open_sealed(SIGNER, stored) == ADDRESS
    assert registry.shown_address("apprise", stored) == "mailto://…"
    assert validation.mask_address("apprise", stored) == "mailto://…"


@pytest.mark.parametrize(
    "stored",
    [
        "mailto://",
        "mailto://AAAA",
        sealed_addresses.seal(SIGNER, ADDRESS)[:-2],
        sealed_addresses.seal(Signer(b"t" * 32), ADDRESS),
        ADDRESS,
    ],
)
def test_an_address_that_was_not_sealed_here_is_not_opened(stored: str) -> None:
    with pytest.raises(Invalid):
        sealed_addresses.open_sealed(SIGNER, stored)


def test_apprise_does_not_count_as_an_independent_way() -> None:
    assert registry.independent_ways(["webhook", "apprise"]) == 1
    assert registry.independent_ways(["webhook", "ntfy", "ntfy", "apprise"]) == 2
    assert not registry.wakes("apprise")


PUBLIC, PRIVATE = "93.184.215.14", "10.1.2.3"


@pytest.mark.parametrize(
    ("event", "args", "refused"),
    [
        ("socket.connect", (None, (PUBLIC, 443)), ""),
        ("socket.connect", (None, ("192.168.7.1", 443)), ""),
        ("socket.connect", (None, ("2606:2800:220:1::1", 443, 0, 0)), ""),
        ("socket.connect", (None, (PRIVATE, 443)), "address"),
        ("socket.connect", (None, ("::ffff:10.1.2.3", 443, 0, 0)), "address"),
        ("socket.connect", (None, ("fe80::1%eth0", 443, 0, 0)), "address"),
        ("socket.connect", (None, ("169.254.169.254", 80)), "address"),
        # a name could be resolved to another address than the one that was checked
        ("socket.connect", (None, ("localhost", 443)), "address"),
        ("socket.connect", (None, "/run/dbus/system_bus_socket"), "address"),
        ("socket.connect", (None, b"\0abstract"), "address"),
        ("socket.sendto", (None, (PRIVATE, 514)), "address"),
        ("socket.sendto", (None, (PUBLIC, 514)), ""),
        ("socket.sendmsg", (None, (PRIVATE, 514)), "address"),
        ("socket.sendmsg", (None, None), ""),
        ("socket.bind", (None, ("0.0.0.0", 0)), "act"),
        ("open", ("/etc/passwd", "r", os.O_RDONLY), "act"),
        ("open", ("/proc/self/environ", "rb", os.O_RDONLY), "act"),
        ("open", (os.__file__, "rb", os.O_RDONLY), ""),
        ("open", (f"{Path(os.__file__).parent}/../../../../../etc/passwd", "r", os.O_RDONLY), "act"),
        ("open", (f"{os.__file__}.new", "w", os.O_WRONLY | os.O_CREAT), "act"),
        ("open", (os.__file__, "a", os.O_RDWR), "act"),
        ("open", (7, "r", os.O_RDONLY), ""),
        ("subprocess.Popen", ("sh", ["sh"], None, None), "act"),
        ("os.posix_spawn", ("sh", ["sh"], None), "act"),
        ("os.fork", (), "act"),
        ("os.system", ("true",), "act"),
        ("ctypes.dlopen", ("libc.so.6",), "act"),
        ("tempfile.mkstemp", ("/srv/x",), "act"),
        ("os.remove", ("/srv/x", -1), "act"),
        ("socket.getaddrinfo", ("example.org", 443, 0, 0, 0), ""),
        ("import", ("json", None, None, None, None), ""),
    ],
)
def test_the_process_of_apprise_may_only_send(event: str, args: tuple[object, ...], refused: str) -> None:
    guard = Guard([ipaddress.ip_network("192.168.7.0/24")])
    if refused:
        with pytest.raises(PermissionError):
            guard(event, args)
    else:
        guard(event, args)
    assert guard.refused == refused
