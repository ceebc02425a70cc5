"""Variables of a runbook: their declarations, types, and which values they take (pure).

Values only ever enter the environment of a command. Nothing is substituted into its text, so that no value
can become a part of it.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

VALUE_MAX_BYTES = 1024
MAX_VARIABLES = 64
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_RESERVED = frozenset({"PATH", "HOME", "SHELL", "IFS", "ENV", "PS4", "SHELLOPTS", "PROMPT_COMMAND"})
_RESERVED_PREFIXES = ("BASH", "LD_", "DYLD_", "PYTHON", "GIT_", "FIREBELL_")
_NAME_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_HOST_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_INT = re.compile(r"[0-9]{1,18}")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_SOURCE = re.compile(r"(?:label|annotation)\.[A-Za-z_][A-Za-z0-9_.-]{0,127}|incident\.service")
_FIELDS = ("type", "default", "from", "secret", "min", "max", "values", "pattern", "ask")
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories of control characters, surrogates and line separators."""


class VariableError(ValueError):
    """A declaration or a value is not valid; the message says why."""


class VariableType(StrEnum):
    """The type of a variable."""

    NAME = "name"
    HOST = "host"
    INT = "int"
    BOOL = "bool"
    CHOICE = "choice"
    PATH = "path"
    URL = "url"
    TEXT = "text"


TYPES_SAFE_FROM_OUTSIDE = (VariableType.NAME, VariableType.HOST, VariableType.INT, VariableType.CHOICE)
"""Types whose proposed value is used unattended, although it came from an alert."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared variable. `source` is where a value is proposed from, such as `label.cluster`."""

    name: str
    type: VariableType = VariableType.NAME
    default: str = ""
    source: str = ""
    secret: bool = False
    minimum: int = 0
    maximum: int = 10**18 - 1
    values: tuple[str, ...] = ()
    pattern: str = ""
    ask: str = ""

    def clean(self, value: str) -> str:
        """Return the value in its canonical form; raise `VariableError` if the type refuses it."""
        _require_printable(value)
        return _CLEANERS[self.type](self, value)

    @property
    def is_safe_unattended(self) -> bool:
        """True if a value from outside is used without a person who confirms it."""
        return self.type in TYPES_SAFE_FROM_OUTSIDE


def declared(vars_: object) -> tuple[Variable, ...]:
    """Return the variables of a runbook's `vars`; raise `VariableError` for the first that is not valid."""
    if vars_ is None:
        return ()
    if not isinstance(vars_, Mapping):
        raise VariableError("vars must have one entry for each variable, such as CLUSTER: {type: name}.")
    if len(vars_) > MAX_VARIABLES:
        raise VariableError(f"A runbook has at most {MAX_VARIABLES} variables.")
    return tuple(_declared(name, entry) for name, entry in vars_.items())


def _declared(name: object, entry: object) -> Variable:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise VariableError(f"{str(name)[:80]} is not a variable name: use capitals, digits and underscores.")
    if name in _RESERVED or name.startswith(_RESERVED_PREFIXES):
        raise VariableError(f"{name} belongs to the shell or to Firebell. Choose another name.")
    fields = {} if entry is None else entry
    if not isinstance(fields, Mapping):
        raise VariableError(f"{name} must be a mapping, such as {name}: {{type: name}}.")
    if unknown := [str(key)[:80] for key in fields if key not in _FIELDS]:
        raise VariableError(f"{name} has the unknown field {unknown[0]}. Fields: {', '.join(_FIELDS)}.")
    type_ = fields.get("type", "name")
    if type_ not in list(VariableType):
        raise VariableError(f"{name} has the type {str(type_)[:80]}. Types: {', '.join(VariableType)}.")
    source = str(fields.get("from") or "")
    if source and not _SOURCE.fullmatch(source):
        raise VariableError(f"{name}: from must be label.X, annotation.X or incident.service.")
    is_secret = fields.get("secret", False)
    if not isinstance(is_secret, bool):
        raise VariableError(f"{name}: secret must be true or false.")
    variable = Variable(
        name,
        VariableType(type_),
        source=source,
        secret=is_secret,
        minimum=_bound(name, "min", fields.get("min"), 0),
        maximum=_bound(name, "max", fields.get("max"), 10**18 - 1),
        values=_choices(name, fields.get("values")),
        pattern=str(fields.get("pattern") or ""),
        ask=str(fields.get("ask") or "")[:300],
    )
    _require_complete(variable)
    default = fields.get("default")
    return variable if default is None else _with_default(variable, default)


def _with_default(variable: Variable, default: object) -> Variable:
    text = str(default).lower() if isinstance(default, bool) else str(default)
    try:
        value = variable.clean(text)
    except VariableError as error:
        raise VariableError(f"{variable.name}: the default is not valid. {error}") from None
    if variable.secret:
        raise VariableError(f"{variable.name} is secret, so its value can't stand in the runbook.")
    fields = {name: getattr(variable, name) for name in Variable.__slots__}
    return Variable(**{**fields, "default": value})


def _require_complete(variable: Variable) -> None:
    name = variable.name
    if variable.type == VariableType.CHOICE and not variable.values:
        raise VariableError(f"{name} is a choice and needs values, such as values: [eu, us].")
    if variable.type == VariableType.TEXT and not variable.pattern:
        raise VariableError(f"{name} is a text and needs a pattern, such as pattern: '[a-z ]+'.")
    if variable.minimum > variable.maximum:
        raise VariableError(f"{name}: min is greater than max.")
    try:
        re.compile(variable.pattern)
    except re.error as error:
        raise VariableError(f"{name}: the pattern is not valid: {error}.") from None


def _bound(name: str, field: str, value: object, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**18:
        raise VariableError(f"{name}: {field} must be a whole number from 0.")
    return value


def _choices(name: str, values: object) -> tuple[str, ...]:
    if values is None:
        return ()
    if not isinstance(values, Sequence) or isinstance(values, str) or not 0 < len(values) <= 100:
        raise VariableError(f"{name}: values must be a list, such as [eu, us].")
    choices = tuple(str(v).lower() if isinstance(v, bool) else str(v) for v in values)
    for choice in choices:
        try:
            _require_printable(choice)
        except VariableError as error:
            raise VariableError(f"{name}: values has an entry that can't be used. {error}") from None
    return choices


def _require_printable(value: str) -> None:
    """Raise `VariableError` for a value that no type takes."""
    if not value:
        raise VariableError("Enter a value.")
    if any(unicodedata.category(char) in _UNSEEN for char in value):
        raise VariableError("Leave out control characters and line breaks.")
    if len(value.encode()) > VALUE_MAX_BYTES:
        raise VariableError(f"Enter at most {VALUE_MAX_BYTES:,} bytes.")
    if value.startswith("-"):
        raise VariableError("A value can't begin with a hyphen: a command would take it for an option.")


def _name(_: Variable, value: str) -> str:
    if not _NAME_VALUE.fullmatch(value):
        raise VariableError("Enter letters, digits, dots, hyphens and underscores.")
    return value


def _host(_: Variable, value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        pass
    labels = value.removesuffix(".").split(".")
    is_number = labels[-1].isdecimal()
    if len(value) > 253 or is_number or not all(map(_HOST_LABEL.fullmatch, labels)):
        raise VariableError("Enter a host name or an IP address.")
    return value


def _int(variable: Variable, value: str) -> str:
    if not _INT.fullmatch(value):
        raise VariableError("Enter a whole number.")
    if not variable.minimum <= int(value) <= variable.maximum:
        raise VariableError(f"Enter a number from {variable.minimum} to {variable.maximum}.")
    return str(int(value))


def _bool(_: Variable, value: str) -> str:
    if value.lower() in _TRUE:
        return "true"
    if value.lower() in _FALSE:
        return "false"
    raise VariableError("Enter true or false.")


def _choice(variable: Variable, value: str) -> str:
    if value not in variable.values:
        raise VariableError(f"Enter one of: {', '.join(variable.values)}.")
    return value


def _path(_: Variable, value: str) -> str:
    if not value.startswith("/") or ".." in value.split("/"):
        raise VariableError("Enter an absolute path without '..'.")
    return value


def _url(_: Variable, value: str) -> str:
    try:
        parts = urlsplit(value)
        is_valid = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or any(char.isspace() for char in value):
        raise VariableError("Enter an address that begins with https://.")
    return value


def _text(variable: Variable, value: str) -> str:
    if not re.fullmatch(variable.pattern, value):
        raise VariableError(f"Enter a text that matches {variable.pattern}.")
    return value


_CLEANERS: Mapping[VariableType, Callable[[Variable, str], str]] = {
    VariableType.NAME: _name,
    VariableType.HOST: _host,
    VariableType.INT: _int,
    VariableType.BOOL: _bool,
    VariableType.CHOICE: _choice,
    VariableType.PATH: _path,
    VariableType.URL: _url,
    VariableType.TEXT: _text,
}
