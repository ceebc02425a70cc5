"""The parts of a post-mortem meeting, and what the facilitator says in each (pure, spec 11.7)."""

from dataclasses import dataclass

LONG_MINUTES, SHORT_MINUTES = 60, 30


@dataclass(frozen=True, slots=True)
class MeetingPart:
    """A part of a meeting; `sections` are the titles of the sections that the scribe writes into."""

    key: str
    title: str
    minutes: int
    sentence: str
    answer: str
    """What to answer when the talk turns to blame, or loses its way."""
    sections: tuple[str, ...] = ()


_BLAME = (
    "If someone says “I should have…”, ask: “What did the screen show you at that moment?”",
    "If two people debate a solution, say: “That sounds like an action. Let’s park it until then.”",
    "If someone gets upset, go back to the system: “Let’s look at what the tool showed.”",
)
_LEARNED = ("What went well", "What went wrong", "Lessons")
_WHYS = MeetingPart(
    "whys",
    "Whys",
    15,
    "We’re not looking for someone to blame. Everyone acted sensibly with what they could see."
    " What made this possible?",
    _BLAME[0],
    ("Root cause",),
)
_CLOSE = MeetingPart(
    "close",
    "Close",
    3,
    "What haven’t we talked about? One sentence each: what surprised you?",
    "Say when the document is due, and who reviews it.",
    ("Lessons",),
)
LONG = (
    MeetingPart(
        "open",
        "Open",
        3,
        "Welcome. We’re here to understand how this could happen, so it goes differently next time. Everyone"
        " did what made sense with what they knew.",
        "If you hear “should have”, say “hindsight”, and we’ll ask again.",
    ),
    MeetingPart(
        "roles",
        "Roles",
        2,
        "I’ll lead and ask simple questions. Who takes notes? Who tells the story? Who was up last night?",
        "Ask the people who were up first, and let them go.",
    ),
    MeetingPart(
        "timeline",
        "Timeline",
        20,
        "Begin before the first alert: what was normal that day? Then row by row: what did you see, and what did you"
        " expect to see?",
        _BLAME[0],
        ("Timeline", "Impact"),
    ),
    MeetingPart(
        "gaps",
        "Gaps",
        2,
        "Nothing is recorded for these minutes. What was going on?",
        "A gap is a question about the tools, not about a person.",
        ("What went wrong", "Timeline"),
    ),
    _WHYS,
    MeetingPart(
        "learned",
        "Well, wrong, lucky",
        6,
        "What would you be sorry to lose? What got in your way? And where were we lucky?",
        _BLAME[2],
        _LEARNED,
    ),
    MeetingPart(
        "actions",
        "Actions",
        9,
        "Look at the lowest answers. What would make each of them impossible, or at least cheap? Who takes it, and by"
        " when?",
        "If no one takes it, write down that you accept the risk.",
        ("Action items",),
    ),
    _CLOSE,
)
SHORT = (
    MeetingPart(
        "story",
        "Story",
        5,
        "Tell the story in your own words, from before the first alert. We’ll listen without interrupting.",
        _BLAME[0],
        ("Timeline", "Impact"),
    ),
    MeetingPart("whys", "Whys", 10, _WHYS.sentence, _BLAME[1], _WHYS.sections),
    MeetingPart(
        "learned",
        "Well, wrong, lucky",
        5,
        "One of each from everyone: what went well, what got in your way, and where were we lucky?",
        _BLAME[2],
        _LEARNED,
    ),
    MeetingPart(
        "actions",
        "Actions",
        8,
        "At most two actions, each with an owner and a date. Who takes the first one?",
        "If no one takes it, write down that you accept the risk.",
        ("Action items",),
    ),
    MeetingPart("close", "Close", 2, "Who else has the same problem? Send them the link.", _CLOSE.answer),
)
AGENDAS = {LONG_MINUTES: LONG, SHORT_MINUTES: SHORT}
"""The parts by the length of the meeting in minutes."""


def agenda(minutes: int) -> tuple[MeetingPart, ...]:
    """Return the parts of a meeting; one of another length than 30 or 60 minutes was held elsewhere and has none."""
    return AGENDAS.get(minutes, ())
