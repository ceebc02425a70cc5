"""Mask what the blameless lint does not read: code, quotes, pasted chat, addresses and comments (pure).

A mask has the length of what it hides, so that every place stays where it is. Masked code and quotes become a word
without meaning, because a sentence needs its subject: in "`db-1` failed to start" that is not a person.
"""

import re

_FENCE = re.compile(
    r"^ {0,3}(?P<mark>`{3,}|~{3,})[^\n]*\n(?:.*?^ {0,3}(?P=mark)[`~]*[ \t]*$|.*)", re.M | re.S
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_FRONT_MATTER = re.compile(r"\A(?P<mark>---|\+\+\+)\n.*?^(?P=mark)[ \t]*$", re.M | re.S)
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.M)
_INDENTED = re.compile(r"(?<=\n\n)(?:(?: {4}|\t)(?![ \t]*(?:[-*+]|\d{1,9}[.)])[ \t])[^\n]*(?:\n|\Z))+")
_LIST = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]")
_CHAT_LINE = re.compile(
    r"^[ \t]*(?:[-*+][ \t]+)?(?:"
    r"\[?\d{1,2}:\d{2}(?::\d{2})?(?:[ \t]?[ap]m)?\]?[ \t]*<[@\w][\w. -]{0,40}>"
    r"|<@?\w[\w.-]{0,40}>[ \t]"
    r"|\[\d{1,2}:\d{2}(?::\d{2})?(?:[ \t]?[ap]m)?\][ \t]*@?\w[\w.-]{0,40}:[ \t]"
    r"|@?\w[\w.-]{0,40}[ \t]+\[?\d{1,2}:\d{2}(?::\d{2})?(?:[ \t]?[ap]m)?\]?[ \t]*(?::[ \t]|$)"
    r").*$",
    re.M | re.I,
)
_CODE = re.compile(r"(?<!`)(?P<mark>`{1,10})(?!`).{1,500}?(?<!`)(?P=mark)(?!`)")
_QUOTE = re.compile(
    r"\"[^\"\n|]{1,400}\"|“[^”]{1,400}”|„[^“”]{1,400}[“”]|«[^»]{1,400}»|(?<!\w)‘[^’\n]{1,200}’(?!\w)"
)
_QUOTATION_MARK = re.compile('["“„«‘]')
_ADDRESS = re.compile(
    r"(?:https?|ftp|mailto|ssh|git)://[^\s<>)\]]+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
)
_DESTINATION = re.compile(
    r"(?<=\])\([^()\n]{0,1000}\)|(?<=\])\[[^\]\n]{0,100}\]|^ {0,3}\[[^\]\n]{1,100}\]:.*$", re.M
)
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,300}>")
_MARKUP = re.compile(
    r"[*_~]{1,3}(?=[\w@“\"(])|(?<=[\w.!?,;:)”\"])[*_~]{1,3}|!?\[(?=[^\]\n]{0,300}\])|(?<!\[)\](?=[^(]|$)"
)

_MARKUP_START = re.compile(r"[*_~!\[\]]")


def _spaces(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _word(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", "X", match[0])


def _indented(match: re.Match[str]) -> str:
    """Mask an indented block, unless it continues an item of a list."""
    before = match.string[: match.start()].rstrip().rpartition("\n")[2]
    return match[0] if _LIST.match(before) or before.startswith((" ", "\t")) else _spaces(match)


def _replaced_at(pattern: re.Pattern[str], marks: re.Pattern[str], text: str) -> str:
    """Return the text with spaces for each match of a pattern that begins with one of the marks, as `sub` does.

    Marks are few: looking for them first takes a fraction of the time.
    """
    parts: list[str] = []
    end = 0
    for mark in marks.finditer(text):
        if mark.start() >= end and (match := pattern.match(text, mark.start())):
            parts += [text[end : match.start()], _spaces(match)]
            end = match.end()
    return "".join([*parts, text[end:]]) if parts else text


def masked(text: str) -> str:
    """Return the text with spaces for what is not read, and a word of the same length for code and quotes."""
    text = _FRONT_MATTER.sub(_spaces, text)
    text = _FENCE.sub(_spaces, text)
    text = _COMMENT.sub(_spaces, text)
    text = _INDENTED.sub(_indented, text)
    for pattern in (_QUOTED_LINE, _CHAT_LINE):
        text = pattern.sub(_spaces, text)
    if "`" in text:
        text = _CODE.sub(_word, text)
    if "](" in text or "][" in text or "]:" in text:
        text = _DESTINATION.sub(_spaces, text)
    if "://" in text or "@" in text:
        text = _ADDRESS.sub(_word, text)
    text = _TAG.sub(_spaces, text)
    if _QUOTATION_MARK.search(text):
        text = _QUOTE.sub(_word, text)
    return _replaced_at(_MARKUP, _MARKUP_START, text)
