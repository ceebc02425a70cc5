"""The registry of channels: every module of this package that declares a `CHANNEL`."""

import pkgutil
from collections.abc import Iterable, Mapping
from importlib import import_module

from firebell import channels
from firebell.channels.base import Channel
from firebell.kit.errors import Invalid


def _declared() -> dict[str, Channel]:
    modules = [
        import_module(f"{channels.__name__}.{m.name}") for m in pkgutil.iter_modules(channels.__path__)
    ]
    declared = [m.CHANNEL for m in modules if isinstance(getattr(m, "CHANNEL", None), Channel)]
    # what can wake a person is offered first
    return {
        channel.kind: channel for channel in sorted(declared, key=lambda c: (not c.wakes, c.rank, c.kind))
    }


CHANNELS: Mapping[str, Channel] = _declared()
"""By kind, in the order in which they are offered."""
NEVER_REACHING = [kind for kind, each in CHANNELS.items() if not each.counts_as_reached]
"""The kinds whose accepted messages do not count as having reached anyone."""


def channel(kind: str) -> Channel:
    """Return the channel of a kind; raise `Invalid` for the field `kind` if there is none."""
    if kind not in CHANNELS:
        raise Invalid(f"{kind!r} is not a channel.", fields={"kind": f"Use one of {', '.join(CHANNELS)}."})
    return CHANNELS[kind]


def wakes(kind: str) -> bool:
    """Return True if messages of this kind of contact method can wake a person."""
    return kind in CHANNELS and CHANNELS[kind].wakes


def offered() -> list[Channel]:
    """Return the channels that can be set up here, in the order in which they are offered."""
    return [each for each in CHANNELS.values() if each.is_installed()]


def independent_ways(kinds: Iterable[str]) -> int:
    """Return how many of these kinds of contact methods fail independently of each other."""
    return len(set(kinds) - set(NEVER_REACHING))


def is_sealed(kind: str) -> bool:
    """Return True if addresses of this kind are stored sealed."""
    return kind in CHANNELS and CHANNELS[kind].is_sealed


def is_ready(kind: str, values: Mapping[str, str]) -> bool:
    """Return True if messages of this kind of contact method are sent with these settings."""
    return kind in CHANNELS and CHANNELS[kind].is_ready(values)


def label(kind: str) -> str:
    """Return the name of a channel; the kind of one that is no longer there."""
    return CHANNELS[kind].label if kind in CHANNELS else kind


def shown_address(kind: str, address: str) -> str:
    """Return what the owner of an address recognizes it by; the whole of one whose channel is no longer there."""
    return CHANNELS[kind].shown_address(address) if kind in CHANNELS else address


def settings(values: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of all channels by name, with their defaults where `values` has none."""
    declared = [setting for each in CHANNELS.values() for setting in each.settings]
    return {setting.name: values.get(setting.name, "").strip() or setting.default for setting in declared}


def check_settings(values: Mapping[str, str]) -> None:
    """Raise `StartupError`, naming the variable, if a channel could not send with these settings."""
    for each in CHANNELS.values():
        each.check_settings(values)
