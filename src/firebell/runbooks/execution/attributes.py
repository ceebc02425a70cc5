"""What the info string of a code block says about running it, such as `run=auto timeout=90s` (pure)."""

import re
from dataclasses import dataclass
from enum import StrEnum

DEFAULT_TIMEOUT_S = 600
MAX_TIMEOUT_S = 2 * 3600
_EXPECT_MAX_CHARS = 500
_TOKEN = re.compile(r"""expect=/(?P<regex>(?:[^/\\]|\\.)*)/(?=\s|$)|(?P<word>\S+)""")
_DURATION = re.compile(r"(\d{1,5})(s|m|h)?")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, None: 1}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


class RunMode(StrEnum):
    """Who starts a code block: the command without asking, a person who confirms it, or a person by hand."""

    AUTO = "auto"
    CONFIRM = "confirm"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class FenceAttributes:
    """The attributes of one code block; `warnings` say what could not be read, and then `mode` is CONFIRM.

    `expect` must match in standard output, `undo` names the blocks of Rollback that revert this one, and
    `danger` names the variable whose value the person types again.
    """

    mode: RunMode = RunMode.CONFIRM
    timeout_s: int = DEFAULT_TIMEOUT_S
    expect: str = ""
    id: str = ""
    undo: tuple[str, ...] = ()
    idempotent: bool = False
    danger: str = ""
    warnings: tuple[str, ...] = ()


def read_attributes(info: str) -> FenceAttributes:
    """Return the attributes that follow the language in an info string. Never fails.

    A block with anything that is not understood is only run after a person confirms it.
    """
    fields: dict[str, object] = {}
    warnings: list[str] = []
    for match in _TOKEN.finditer(info):
        name, value, problem = _read(match)
        if not problem and name in fields:
            problem = f"{name} appears twice"
        if problem:
            warnings.append(problem)
        else:
            fields[name] = value
    if warnings and fields.get("mode") != RunMode.MANUAL:
        fields["mode"] = RunMode.CONFIRM
    return FenceAttributes(**fields, warnings=tuple(warnings))  # type: ignore[arg-type]


def _read(match: re.Match[str]) -> tuple[str, object, str]:
    """Return the field, its value, and what is wrong with it, empty if nothing."""
    if match["regex"] is not None:
        return _expect(match["regex"].replace("\\/", "/"))
    word = match["word"]
    name, sign, value = word.partition("=")
    if name == "run":
        is_known = value in list(RunMode)
        return (
            "mode",
            RunMode(value) if is_known else None,
            "" if is_known else f"run={value} is not auto, confirm or manual",
        )
    if name == "timeout":
        return _timeout(value)
    if name == "expect":
        return "expect", None, "expect needs a pattern between slashes, such as expect=/ready/"
    if name == "id":
        return "id", value, "" if _ID.fullmatch(value) else f"id={value} is not a name"
    if name == "undo":
        ids = tuple(value.split(","))
        return "undo", ids, "" if all(map(_ID.fullmatch, ids)) else f"undo={value} is not a list of ids"
    if name == "danger":
        return "danger", value, "" if _VARIABLE.fullmatch(value) else f"danger={value} is not a variable"
    if name == "idempotent" and not sign:
        return "idempotent", True, ""
    return name, None, f"{word} is not an attribute"


def _timeout(value: str) -> tuple[str, object, str]:
    match = _DURATION.fullmatch(value)
    seconds = int(match[1]) * _UNIT_SECONDS[match[2]] if match else 0
    is_allowed = 0 < seconds <= MAX_TIMEOUT_S
    return "timeout_s", seconds, "" if is_allowed else f"timeout={value} is not between 1s and 2h"


def _expect(pattern: str) -> tuple[str, object, str]:
    if not pattern or len(pattern) > _EXPECT_MAX_CHARS:
        return "expect", None, "the pattern of expect is empty or too long"
    try:
        re.compile(pattern, re.M)
    except re.error as error:
        return "expect", None, f"the pattern of expect is not valid: {error}"
    return "expect", pattern, ""
