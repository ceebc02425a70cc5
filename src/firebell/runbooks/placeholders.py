"""Find placeholders in code blocks, as opposed to output, templates and markup (pure)."""

import re
from collections.abc import Iterator

from firebell.runbooks.model import SHELLS, Fence

_ANGLE = re.compile(r"(?<![<\w])<(?P<name>[A-Za-z](?:[\w./()', -]*[\w.)'-])?)(?<! \d)>")
"""`<pod>`, `<pod/name>`, `<Pod Name (see above)>`; not a redirection, which has no closing `>`."""
_WORDS = re.compile(r"\{\{ *\w+ *\}\}|%%\w+%%|(?<![<\w])(?:CHANGE_?ME|REPLACE_?ME|YOUR_[A-Z]\w*)\b")
_BRACES = re.compile(r"(?<![\w${%@\\}])\{[A-Za-z][\w-]*\}(?!\})")
"""`{bucket}`: not `${bucket}`, `%{http_code}`, `@{upstream}` or a template's `{{bucket}}`."""
_PROMPT = re.compile(r"\s*(?:[\w.@~:/-]*\s?[$#%]|>|PS [^>]*>|\w+=[#>])\s+\S")
_SESSIONS = frozenset({"console", "shell-session", "terminal"})
_PRINTED = re.compile(
    r"none|(?:un)?set|not set|pending|unknown|nil|null|nobody|invalid|error|empty|no value|undefined|default"
    r"|any|all|root|eof|unlimited|missing|deleted",
    re.I,
)
"""Words that tools print in angle brackets."""
_KEYWORD = re.compile(r"(?:end)?(?:if|for|raw)|else|end|range|with|define|block|template", re.I)
"""Keywords of template languages in braces."""
_TAG = re.compile(r"a|b|body|br|code|div|head|html|i|p|pre|script|span|title", re.I)


def placeholders(fence: Fence) -> Iterator[tuple[int, str]]:
    """Yield each placeholder of a code block with its line in the document.

    The output in a terminal session is ignored, and so are elements of markup.
    """
    for number, line in _typed(fence):
        for match in _ANGLE.finditer(line):
            if not _is_markup(match["name"], fence.text):
                yield number, match[0]
        for match in _WORDS.finditer(line):
            if not _KEYWORD.fullmatch(match[0].strip("{ }")):
                yield number, match[0]
        if fence.language in SHELLS:
            for match in _BRACES.finditer(line):
                if not _KEYWORD.fullmatch(match[0].strip("{}")):
                    yield number, match[0]


def _typed(fence: Fence) -> Iterator[tuple[int, str]]:
    """Yield the lines to be typed: in a terminal session, those with a prompt and their continuations."""
    lines = list(enumerate(fence.text.split("\n"), fence.line + 1))
    is_session = fence.language in _SESSIONS or any(line.lstrip().startswith("$ ") for _, line in lines)
    prompts = [bool(_PROMPT.match(line)) for _, line in lines]
    if not (is_session and any(prompts)):
        yield from lines
        return
    continued = False
    for (number, line), prompt in zip(lines, prompts, strict=True):
        if prompt or continued:
            yield number, line
            continued = line.rstrip().endswith("\\")


def _is_markup(name: str, text: str) -> bool:
    return bool(_PRINTED.fullmatch(name) or _TAG.fullmatch(name)) or f"</{name}>" in text
