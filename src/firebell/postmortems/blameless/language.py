"""Guess whether a text is English (pure).

Only the words that every text of a language has count, because post-mortems are full of product names and English
terms of the trade.
"""

import re
from collections import Counter

ENGLISH = "en"
_ENOUGH_WORDS = 8
"""The number of such words below which a text counts as English: three words in a heading prove nothing."""
_WORDS = {
    ENGLISH: "the of and to in was that for is on were with by at from it as be this had not but which are",
    "de": "der die das und ist nicht den von zu mit auf für eine ein war wurde wurden im dem des auch bei nach",
    "fr": "le la les des et est une du dans que pour pas sur avec qui par été était nous au aux ce cette",
    "es": "el los las y es una del que para por con se fue no como más al lo su está en la un",
    "pt": "o os as e é uma do da que para por com se foi não como mais ao em um dos das no na",
    "it": "il gli e è una del della che per con si non come più al di un nel dei è stato alla",
    "nl": "de het een en van is niet op te dat met voor was zijn werd door naar bij ook aan",
    "pl": "i w na nie się z do jest to że był przez od dla jak po został która",
}
_LANGUAGES_OF = {
    word: [language for language, listed in _WORDS.items() if word in listed.split()]
    for words in _WORDS.values()
    for word in words.split()
}
_WORD = re.compile(r"[^\W\d_]+")
_OTHER_SCRIPT = re.compile(r"[\u0370-\u1fff\u2e80-\ud7ff]")
UNKNOWN = "und"
"""The language of a text in another script, as ISO 639 writes it."""


def language_of(text: str) -> str:
    """Return the ISO 639 code of the language of a text; `en` if nothing speaks for another one."""
    written = _WORD.findall(text.lower())
    if not text.isascii():
        letters = sum(map(len, written))
        if letters and len(_OTHER_SCRIPT.findall(text)) * 2 > letters:
            return UNKNOWN
    counts: Counter[str] = Counter()
    for word, number in Counter(written).items():
        for language in _LANGUAGES_OF.get(word, ()):
            counts[language] += number
    if not counts or sum(counts.values()) < _ENOUGH_WORDS:
        return ENGLISH
    return max(counts, key=lambda language: (counts[language], language == ENGLISH))
