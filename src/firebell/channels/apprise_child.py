"""The child process in which Apprise sends one message or reads one address, restricted before it reads the address.

It connects only to addresses that `kit/ip_addresses.py` allows, starts no process, writes no file, and reads only
files of installed packages: an address may name a file whose content it would send.
"""

import contextlib
import ipaddress
import json
import os
import sys
import sysconfig
from collections.abc import Sequence
from typing import Any

from firebell.channels.apprise_addresses import ON_THIS_MACHINE, kind_of
from firebell.kit import child_limits
from firebell.kit.ip_addresses import Network, allowed

_MEMORY_BYTES = 1024**3
_READ_LIMIT_S = 60.0
"""Longer than the process lives."""
_DIALS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_DENIED = (
    *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system"),
    *("os.chmod", "os.chown", "os.kill", "os.killpg", "os.link", "os.mkdir", "os.remove", "os.rename"),
    *("os.rmdir", "os.setxattr", "os.symlink", "os.truncate", "os.utime", "socket.bind", "webbrowser.open"),
    *("ctypes.", "pty.", "shutil.", "sqlite3.", "subprocess.", "syslog.", "tempfile.", "winreg."),
)
"""Audit events, or prefixes of their names, that no message needs."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Guard:
    """An audit hook that refuses what the process may not do, and remembers what its last refusal was about."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks
        self._readable = _package_folders()
        self.refused = ""
        """`address` for an address that may not be connected to, `act` for anything else, empty without a refusal."""

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Raise `PermissionError` for what is refused."""
        if event in _DIALS:
            if args[1] is not None and not self._may_dial(args[1]):
                self._refuse("address")
        elif event == "open":
            self._check_open(*args)
        elif event.startswith(_DENIED):
            self._refuse("act")

    def _may_dial(self, address: object) -> bool:
        """Return True for an IP address that may be connected to, False for a name: it could resolve to another."""
        if not isinstance(address, tuple) or not address or not isinstance(address[0], str):
            return False
        try:
            return allowed(address[0], self._networks)
        except ValueError:
            return False

    def _check_open(self, path: object, mode: object, flags: object) -> None:
        if isinstance(flags, int) and flags & _WRITING:
            self._refuse("act")
        if isinstance(path, (str, bytes, os.PathLike)):
            real = os.path.realpath(os.fsdecode(path))
            if not real.startswith(self._readable):
                self._refuse("act")

    def _refuse(self, what: str) -> None:
        self.refused = what
        raise PermissionError("not allowed for an Apprise address")


def _package_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {path for path in sys.path if path.endswith("site-packages")}
    return tuple(f"{os.path.realpath(folder)}{os.sep}" for folder in folders)


def _deny_files() -> None:
    """Have the system refuse writes to files as well, where it can."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _usable(kind: str) -> bool:
    """Return True if the kind is built into Apprise, its packages are installed, and it doesn't act on this machine."""
    from apprise import NotificationManager

    manager: Any = NotificationManager  # it has no types
    plugins = manager()
    if kind in ON_THIS_MACHINE or kind not in plugins:
        return False
    plugin = plugins[kind]
    return bool(
        plugin.enabled and plugin.category == "native" and plugin.__module__.startswith("apprise.plugins")
    )


def _instantiated(address: str, networks: Sequence[Network]) -> tuple[Any, Any, Guard]:
    """Restrict this process, and return what Apprise reads the address as, None if it can't, with its asset."""
    from apprise import Apprise, AppriseAsset, PersistentStoreMode

    asset = AppriseAsset(
        storage_mode=PersistentStoreMode.MEMORY,
        timezone="UTC",
        language="en",
        allow_templates=False,
        service_timeout=0,
        result_log_disk_size=0,
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
    )
    guard = Guard(networks)
    _deny_files()
    sys.dont_write_bytecode = True
    sys.addaudithook(guard)
    service: Any = Apprise.instantiate(address, asset=asset)
    if service is not None and kind_of(address) not in (
        *_names(service.protocol),
        *_names(service.secure_protocol),
    ):
        service = None
    return service, asset, guard


def send(request: dict[str, Any]) -> dict[str, str]:
    """Send one message and return its `result`: `sent`, `refused`, `unusable` or `invalid`; and what was denied."""
    from apprise import Apprise, NotifyFormat, NotifyType

    if not _usable(kind_of(request["address"])):
        return {"result": "unusable"}
    networks = [ipaddress.ip_network(network) for network in request["networks"]]
    service, asset, guard = _instantiated(request["address"], networks)
    if service is None:
        return {"result": "invalid", "denied": guard.refused}
    # not even if the address asks for them
    service.redirects = False
    # Apprise calls a slow service a refusal, so the process is killed first
    service.socket_read_timeout = _READ_LIMIT_S
    sender = Apprise(asset=asset)
    sender.add(service)
    sent = sender.notify(
        title=request["title"],
        body=request["body"],
        body_format=NotifyFormat.TEXT,
        notify_type=NotifyType.FAILURE if request["is_urgent"] else NotifyType.INFO,
    )
    return {"result": "sent" if sent else "refused", "denied": guard.refused}


def _names(protocol: object) -> tuple[str, ...]:
    if isinstance(protocol, str):
        return (protocol,)
    return tuple(map(str, protocol)) if isinstance(protocol, (tuple, list, set, frozenset)) else ()


def check(request: dict[str, Any]) -> dict[str, str]:
    """Return the version of Apprise, and which of the `kinds` it cannot send to, comma-separated."""
    import apprise

    unusable = [kind for kind in request["kinds"] if not _usable(kind)]
    return {"result": "checked", "version": str(apprise.__version__), "unusable": ", ".join(unusable)}


def count_targets(request: dict[str, Any]) -> dict[str, str]:
    """Return the number of `targets` of an address; Apprise sends each of them a request of its own."""
    address = request["targets_of"]
    if not _usable(kind_of(address)):
        return {"result": "unusable"}
    service, _, _ = _instantiated(address, ())
    return {"result": "invalid"} if service is None else {"result": "counted", "targets": str(len(service))}


_HANDLERS = {"kinds": check, "targets_of": count_targets, "title": send}
"""The handler of each request, by a field that only its requests have."""


def main() -> None:
    """Read a request from standard input; write the answer as JSON to standard output."""
    answers, sys.stdout = sys.stdout, sys.stderr
    child_limits.end_after(float(sys.argv[1]))
    child_limits.limit_memory(_MEMORY_BYTES)
    request = json.load(sys.stdin)
    [handle] = [handle for name, handle in _HANDLERS.items() if name in request]
    answer = handle(request)
    answers.write(json.dumps(answer))
    answers.flush()


if __name__ == "__main__":
    main()
