"""Find placeholders in code blocks, as opposed to output, templates and markup (pure)."""

import re
from collections.abc import Iterator

from firebell.runbooks.model import SHELLS, Fence

_ANGLE = re.compile(r"(?<![<\w])<(?P<name>[A-Za-z](?:[\w./()', -]*[\w.)'-])?)(?<! \d)>")
"""`<pod>`, `<pod/name>`, `<Pod Name (see above)>`; not a redirection, which has no closing `>`."""
_WORDS = re.compile(r"\{\{ *\w+ *\}\}|%%\w+%%|(?<![<\w])(?:CHANGE_?ME|REPLACE_?ME|YOUR_[A-Z]\w*)\b")
_BRACES = re.compile(r"(?<![\w${%@\\}])\{[A-Za-z][\w-]*\}(?!\})")
"""`{bucket}`: not `${bucket}`, `%{http_code}`, `@{upstream}` or a template's `{{bucket}}`."""
_PROMPT = re.compile(r"\s*(?:[\w.@~:/-]*\s?[$#%❯➜]|>|PS [^>]*>|\w+=[#>])\s+\S")
_USER_PROMPT = re.compile(r"\s*[$❯➜] ")
_COMMENT = re.compile(r"\s*#(?!\s*\w+=)(?:\s|$)")
"""A comment; `# NAME=value` is a command at the prompt of root."""
_OUTPUT = re.compile(
    r"\s*(?:[IWEF]\d{4} \d\d:\d\d:|\d+ \w+\.go:\d+\]"  # klog, with and without its time
    r"|[A-Z][a-z]+  +\w+  +"  # a row of a table
    r"|[A-Z][\w ]*:  +\S"  # a description
    r'|"[^"]* [^"]*"\s*$)'  # a message
)
"""Lines that tools print, in a block that shows no prompt."""
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
    """Yield the lines to be typed: in a terminal session, those with a prompt and their continuations.

    `# ` is the prompt of root in a session without another prompt, and begins a comment everywhere else.
    """
    lines = list(enumerate(fence.text.split("\n"), fence.line + 1))
    is_users = any(_USER_PROMPT.match(line) for _, line in lines)
    is_session = fence.language in _SESSIONS or is_users
    is_roots = is_session and not is_users
    prompts = [bool(_PROMPT.match(line)) for _, line in lines]
    has_comments = fence.language in SHELLS and not is_roots
    continued = False
    for (number, line), prompt in zip(lines, prompts, strict=True):
        is_comment = has_comments and _COMMENT.match(line)
        typed = prompt if is_session and any(prompts) else not _OUTPUT.match(line)
        if continued or (typed and not is_comment):
            yield number, line
            continued = line.rstrip().endswith("\\")


def _is_markup(name: str, text: str) -> bool:
    return bool(_PRINTED.fullmatch(name) or _TAG.fullmatch(name)) or f"</{name}>" in text
