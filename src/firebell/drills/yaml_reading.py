"""Read YAML with the line of each value, and collect problems instead of stopping at the first (pure)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import yaml

from firebell.kit import yaml_limits

_TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class FileProblem:
    """What is wrong in a file, on which line (from 1), and what to do."""

    line: int
    message: str
    advice: str


@dataclass(slots=True)
class Reader:
    """Collects the problems of one file."""

    problems: list[FileProblem] = field(default_factory=list)

    def add(self, line: int, message: str, advice: str) -> None:
        """Note a problem."""
        self.problems.append(FileProblem(line, message, advice))


def read_root(text: str, reader: Reader) -> "Mapped | None":
    """Return the mapping of a document, None if it is not one; raise `yaml.YAMLError`."""
    for refusal in yaml_limits.refusals(text):
        reader.add(refusal.line, f"The file {refusal.what}.", refusal.advice)
    if reader.problems:
        return None
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        reader.add(1, "The file is not a mapping of keys to values.", "Begin with scenario: {...}.")
        return None
    return Mapped(root, reader)


class Mapped:
    """A mapping of the file. Each reading method notes a problem and returns an empty value if one is wrong."""

    def __init__(self, node: yaml.MappingNode, reader: Reader) -> None:
        self._node, self._reader = node, reader
        self._values: dict[str, yaml.Node] = {}
        self._keys: dict[str, int] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in self._values:
                reader.add(key.start_mark.line + 1, f"The key {name[:60]} occurs twice.", "Remove one.")
            self._values[name], self._keys[name] = value, key.start_mark.line + 1

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def problem(self, key: str, message: str, advice: str) -> None:
        """Note a problem at the line of a key, or where the mapping begins."""
        self._reader.add(self._keys.get(key, self._node.start_mark.line + 1), message, advice)

    def refuse_others(self, keys: Sequence[str]) -> None:
        """Note a problem for each key that is not among these."""
        for key in self._values:
            if key not in keys:
                self.problem(key, f"{key[:60]} is not a key here.", f"Use {', '.join(keys)}.")

    def text(self, key: str, *, required: bool = True, most: int) -> str:
        """Return a text without surrounding spaces; numbers are read as they are written."""
        node = self._values.get(key)
        if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
            if required:
                self.problem(key, f"{key} is missing.", f"Add {key}.")
            return ""
        if not isinstance(node, yaml.ScalarNode):
            self.problem(key, f"{key} is not text.", f"Write {key}: ...")
            return ""
        value = " ".join(str(node.value).split())
        if not value and required:
            self.problem(key, f"{key} is empty.", f"Write {key}: ...")
        if "\0" in value or len(value) > most:
            self.problem(key, f"{key} is longer than {most} characters.", "Shorten it.")
            return ""
        return value

    def matching(self, key: str, pattern: re.Pattern[str], what: str) -> str:
        """Return a text that matches a pattern."""
        value = self.text(key, most=80)
        if value and not pattern.fullmatch(value):
            self.problem(key, f"{value} is not allowed for {key}.", f"Use {what}.")
        return value

    def choice(self, key: str, options: Sequence[str], *, default: str | None = None) -> str:
        """Return one of the options; a missing one is the default, if there is one."""
        if key not in self and default is not None:
            return default
        value = self.text(key, most=80)
        if value and value not in options:
            self.problem(key, f"{value} is not a known {key}.", f"Use {', '.join(options)}.")
            return ""
        return value

    def whole(self, key: str, *, least: int, most: int, default: int | None = None) -> int:
        """Return a whole number in a range."""
        if key not in self and default is not None:
            return default
        value = self.text(key, most=20)
        if value and not (value.isascii() and value.isdecimal() and least <= int(value) <= most):
            self.problem(
                key, f"{key} is not a whole number from {least} to {most}.", f"Write {key}: {least}."
            )
            return least
        return int(value) if value else least

    def truth(self, key: str) -> bool:
        """Return true or false; false if it is missing."""
        if key not in self:
            return False
        value = self.text(key, most=20)
        if value and value not in _TRUTHS:
            self.problem(key, f"{key} is not true or false.", f"Write {key}: true.")
        return _TRUTHS.get(value, False)

    def mapping(self, key: str, *, required: bool = True) -> "Mapped | None":
        """Return a mapping."""
        node = self._values.get(key)
        if isinstance(node, yaml.MappingNode):
            return Mapped(node, self._reader)
        if node is not None or required:
            self.problem(key, f"{key} is not a mapping of keys to values.", f"Write {key}: {{...}}.")
        return None

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return all keys with their texts."""
        return tuple((key, self.text(key, most=200)) for key in self._values)

    def texts(self, key: str, *, among: Sequence[str] = ()) -> tuple[str, ...]:
        """Return a list of up to 20 texts, each one of `among` if there are any."""
        node = self._values.get(key)
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode) or len(node.value) > 20:
            self.problem(key, f"{key} is not a list of up to 20 texts.", f"Write {key}: [one, two].")
            return ()
        texts = []
        for item in node.value:
            line = item.start_mark.line + 1
            if not isinstance(item, yaml.ScalarNode) or not item.value or len(item.value) > 200:
                self._reader.add(line, f"An entry of {key} is not a short string.", "Enter a short string.")
            elif among and item.value not in among:
                self._reader.add(line, f"{item.value} is not known in {key}.", f"Use {', '.join(among)}.")
            else:
                texts.append(str(item.value))
        return tuple(texts)

    def entries(self, key: str, *, most: int, required: bool = True) -> Iterator["Mapped"]:
        """Yield the mappings of a list."""
        node = self._values.get(key)
        if node is None and not required:
            return
        if not isinstance(node, yaml.SequenceNode) or len(node.value) > most:
            self.problem(key, f"{key} is not a list of up to {most} entries.", f"Write {key}: [...].")
            return
        for item in node.value:
            if isinstance(item, yaml.MappingNode):
                yield Mapped(item, self._reader)
            else:
                line = item.start_mark.line + 1
                self._reader.add(line, f"An entry of {key} has no keys.", "Write {id: ...}.")
