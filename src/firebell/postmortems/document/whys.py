"""The tree of whys in the section Root cause (pure): a nested list that is parsed, written and checked.

One item is `kind: text [t:1] (factor: latent.guard) -> ACT-8, ACT-9`, where the kind is effect, why, root or open. The
numbered five whys of the template are read as one chain.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from firebell.kit.findings import FindingLevel
from firebell.postmortems.document.evidence import REFERENCE, EvidenceRef, references
from firebell.postmortems.document.factors import is_factor
from firebell.postmortems.document.sections import DocumentSection, titled

CAUSE_TITLE = "Root cause"
KINDS = ("effect", "why", "root", "open")
LEAVES = ("root", "open")
CHAIN_MIN = 3
DEPTH_MAX = 20
_ITEM = re.compile(r"(?P<indent>[ \t]*)[-*+][ \t]+(?P<text>\S.*)")
_NUMBERED = re.compile(r" {0,3}(?P<number>\d{1,3})[.)][ \t]+(?P<text>\S.*)")
_KIND = re.compile(r"(?P<kind>effect|why|root|open):[ \t]*(?P<rest>.*)", re.IGNORECASE)
_ACTIONS = re.compile(r"[ \t]*->[ \t]*(?P<refs>ACT-\d+(?:[ \t]*,[ \t]*ACT-\d+)*)[ \t]*$")
_FACTOR = re.compile(r"[ \t]*\(factor:[ \t]*(?P<code>[^()]*?)[ \t]*\)[ \t]*$")
_QUESTION = re.compile(r"what made (?:this|that) possible\?[ \t]*|why\?[ \t]*", re.IGNORECASE)
_UNANSWERED = re.compile(r"_[^_]*_|\.\.\.|")


@dataclass(slots=True)
class WhyNode:
    """An item of the tree; `line` counts from 0 in the section, `actions` are the numbers of action items."""

    kind: str
    text: str
    line: int
    evidence: tuple[EvidenceRef, ...] = ()
    factor: str = ""
    actions: tuple[int, ...] = ()
    children: list["WhyNode"] = field(default_factory=list)

    def walk(self) -> Iterator["WhyNode"]:
        """Yield the item and everything below it, top to bottom."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class WhyProblem:
    """What is wrong in a line of the tree."""

    line: int
    level: FindingLevel
    text: str


@dataclass(frozen=True, slots=True)
class WhyTree:
    """The effects of a section with their causes; `start` and `end` are the lines of the outline, equal without one."""

    effects: tuple[WhyNode, ...]
    problems: tuple[WhyProblem, ...]
    start: int
    end: int

    def nodes(self) -> Iterator[WhyNode]:
        """Yield every item, top to bottom."""
        for effect in self.effects:
            yield from effect.walk()

    @property
    def chains(self) -> list[list[WhyNode]]:
        """The items from an effect to each leaf."""
        return [chain for effect in self.effects for chain in _chains(effect)]

    @property
    def factors(self) -> list[str]:
        """The factors of the roots in order, each once."""
        return list(dict.fromkeys(node.factor for node in self.nodes() if node.factor))


def parse(text: str) -> WhyTree:
    """Return the tree of a section's text, with the problems of its structure."""
    lines = text.split("\n")
    rows = [(number, match) for number, line in enumerate(lines) if (match := _ITEM.fullmatch(line))]
    outline = [row for row in rows if _KIND.match(row[1]["text"])]
    if not outline:
        chains = _numbered(lines)
        return WhyTree(tuple(chains), (), 0, 0)
    start = outline[0][0]
    last = outline[-1][0]
    inside = [(number, match) for number, match in rows if start <= number <= last]
    problems: list[WhyProblem] = []
    effects: list[WhyNode] = []
    stack: list[tuple[int, WhyNode]] = []
    for number, match in inside:
        indent = len(match["indent"].expandtabs(4))
        while stack and stack[-1][0] >= indent:
            stack.pop()
        node = _node(match["text"], number, problems)
        problems += _place_problems(node, [above for _, above in stack])
        if stack and len(stack) < DEPTH_MAX:
            stack[-1][1].children.append(node)
        else:
            effects.append(node)
        if len(stack) < DEPTH_MAX:
            stack.append((indent, node))
    return WhyTree(tuple(effects), tuple(problems), start, last + 1)


def tree_of(sections: Sequence[DocumentSection]) -> WhyTree:
    """Return the tree of a document, an empty one without a section Root cause."""
    cause = titled(sections, CAUSE_TITLE)
    return parse(cause.text if cause else "")


def write(effects: Sequence[WhyNode]) -> str:
    """Return the outline of a tree; parsing it gives the same tree."""
    lines: list[str] = []

    def add(node: WhyNode, depth: int) -> None:
        evidence = "".join(f" [{ref}]" for ref in node.evidence)
        factor = f" (factor: {node.factor})" if node.factor else ""
        actions = f" -> {', '.join(f'ACT-{number}' for number in node.actions)}" if node.actions else ""
        lines.append(f"{'  ' * depth}- {node.kind}: {node.text}{evidence}{factor}{actions}")
        for child in node.children:
            add(child, depth + 1)

    for effect in effects:
        add(effect, 0)
    return "\n".join(lines)


def with_action(text: str, node: WhyNode, number: int) -> str:
    """Return the text of a section in which an item of its tree also names an action item. Idempotent."""
    if number in node.actions:
        return text
    lines = text.split("\n")
    mark = "," if _ACTIONS.search(lines[node.line]) else " ->"
    lines[node.line] = f"{lines[node.line].rstrip()}{mark} ACT-{number}"
    return "\n".join(lines)


def check(tree: WhyTree, max_severity: int, is_about_person: Callable[[str], bool]) -> list[WhyProblem]:
    """Return what is wrong with a tree: short chains, a single leaf of a SEV0, a chain that ends at a person."""
    problems = list(tree.problems)
    chains = tree.chains
    for chain in chains:
        leaf = chain[-1]
        if len(chain) < CHAIN_MIN:
            text = f"This chain has {len(chain)} of {CHAIN_MIN} steps. Ask what made it possible."
            problems.append(WhyProblem(leaf.line, FindingLevel.WARNING, text))
        if is_about_person(leaf.text):
            text = "This chain ends at a person. Ask what made it possible for anyone."
            problems.append(WhyProblem(leaf.line, FindingLevel.WARNING, text))
        if leaf.kind == "root" and not leaf.evidence and not leaf.factor:
            problems.append(
                WhyProblem(leaf.line, FindingLevel.INFO, "This root has no evidence and no factor.")
            )
    if max_severity == 0 and len(chains) == 1:
        text = "A SEV0 has more than one cause. Follow a second branch."
        problems.append(WhyProblem(chains[0][-1].line, FindingLevel.WARNING, text))
    return sorted(problems, key=lambda each: each.line)


def _chains(node: WhyNode) -> list[list[WhyNode]]:
    if not node.children:
        return [[node]]
    return [[node, *chain] for child in node.children for chain in _chains(child)]


def _node(text: str, line: int, problems: list[WhyProblem]) -> WhyNode:
    match = _KIND.fullmatch(text)
    kind, rest = (match["kind"].lower(), match["rest"]) if match else ("why", text)
    rest = " ".join(rest.split())
    actions: tuple[int, ...] = ()
    factor = ""
    if listed := _ACTIONS.search(rest):
        rest = rest[: listed.start()]
        actions = tuple(int(number) for number in re.findall(r"\d+", listed["refs"]))
        if 0 in actions:
            problems.append(WhyProblem(line, FindingLevel.ERROR, "There is no ACT-0."))
    if code := _FACTOR.search(rest):
        rest, factor = rest[: code.start()], code["code"]
        if not is_factor(factor):
            problems.append(
                WhyProblem(line, FindingLevel.ERROR, f"There is no factor {factor or 'without a code'}.")
            )
            factor = ""
    evidence = tuple(references(rest))
    words = " ".join(REFERENCE.sub("", rest).split())
    return WhyNode(kind, words, line, evidence, factor, actions)


def _place_problems(node: WhyNode, above: Sequence[WhyNode]) -> Iterator[WhyProblem]:
    def problem(text: str) -> WhyProblem:
        return WhyProblem(node.line, FindingLevel.ERROR, text)

    if len(above) >= DEPTH_MAX:
        yield problem(f"The tree is deeper than {DEPTH_MAX} levels.")
    elif node.kind == "effect" and above:
        yield problem("An effect stands at the top.")
    elif node.kind != "effect" and not above:
        yield problem(f"{node.kind.capitalize()} stands below an effect or a why.")
    elif above and above[-1].kind in LEAVES:
        yield problem(f"Nothing stands below {'a root' if above[-1].kind == 'root' else 'an open question'}.")


def _numbered(lines: Sequence[str]) -> list[WhyNode]:
    """Return one chain for each numbered list; questions without an answer are left out."""
    chains: list[WhyNode] = []
    previous: WhyNode | None = None
    expected = 1
    for number, line in enumerate(lines):
        match = _NUMBERED.fullmatch(line)
        if match is None:
            if line.strip():
                previous, expected = None, 1
            continue
        if int(match["number"]) != expected or expected > DEPTH_MAX:
            previous, expected = None, 1
        expected += 1
        answer = _QUESTION.sub("", match["text"], count=1).strip()
        if _UNANSWERED.fullmatch(answer):
            continue
        node = _node(f"{'why' if previous else 'effect'}: {answer}", number, [])
        if previous:
            previous.children.append(node)
        else:
            chains.append(node)
        previous = node
    return chains
