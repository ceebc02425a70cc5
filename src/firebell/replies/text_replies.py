"""Apply a text that someone sends back from a contact method."""

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from firebell.channels.base import Channel
from firebell.channels.callbacks import PageAction, SignalAnswer, TextReply
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.errors import Forbidden
from firebell.notify import actions as notify
from firebell.notify.model import BUNDLE_KIND
from firebell.paging import actions as paging
from firebell.paging.model import OPEN, SUBJECT_KIND, UNANSWERED, Page
from firebell.people import actions as people
from firebell.people.model import ContactMethod
from firebell.replies import grammar, page_replies, queries, store
from firebell.replies.page_replies import Answerer

EXAMPLE = "Not understood. To acknowledge, reply with the code, such as 47a."
UNATTRIBUTED = (
    "Firebell can't tell who of this room wrote that. Add your Matrix user ID to this contact method."
)
MAX_NOT_UNDERSTOOD = 5
"""Number of texts an hour that are answered although they do nothing: two programs could answer each other."""
LISTED_PAGES = 4
NO_PAGES = "You have no open pages."


async def apply(tx: Tx, ctx: Context, channel: Channel, reply: TextReply, now: datetime) -> SignalAnswer:
    """Do what a text asks for, once, as the owner of the verified contact method that it is from.

    A text from an address that no one verified has no effect and no answer.
    """
    if not await store.claim_signal(tx, f"{channel.kind}:{reply.key}", now):
        return SignalAnswer()
    meaning = grammar.read(reply.text)
    if channel.takes_opt_out and isinstance(meaning, grammar.Stop):
        await people.opt_out(tx, channel.kind, reply.sender, now)
        return SignalAnswer()
    methods = await _verified_at(tx, channel, reply.sender)
    # providers take "yes" for START where messages were stopped, and then it acknowledges nothing
    is_start = isinstance(meaning, grammar.Start) or (not methods and grammar.is_yes(reply.text))
    if channel.takes_opt_out and is_start:
        await people.opt_in(tx, channel.kind, reply.sender, now)
        return SignalAnswer()
    answerers = await _answerers(tx, channel, methods)
    if not answerers:
        return await _unattributed(tx, channel, reply.room, now)
    answer = await _answer(tx, ctx, channel, answerers, meaning, reply, now)
    if answer.text and reply.is_answered_by_message:
        await notify.send_answer(tx, methods[0], f"{channel.kind}:{reply.key}", answer.text, now)
        return SignalAnswer()
    return answer


async def _verified_at(tx: Tx, channel: Channel, address: str) -> list[ContactMethod]:
    return [m for m in await people.methods_at(tx, channel.kind, address) if m.is_verified]


async def _unattributed(tx: Tx, channel: Channel, room: str, now: datetime) -> SignalAnswer:
    """Answer, a few times an hour, if a room is someone's contact method, but nothing says whose text it was."""
    owners = await _answerers(tx, channel, await _verified_at(tx, channel, room)) if room else []
    return await _explained(tx, owners[0], UNATTRIBUTED, now) if owners else SignalAnswer()


async def _answerers(tx: Tx, channel: Channel, methods: Sequence[ContactMethod]) -> list[Answerer]:
    """Return the people who verified an address, usually one."""
    persons = await people.people_by_id(tx, [m.person_id for m in methods])
    return [
        Answerer(persons[m.person_id], channel.kind, m.address, m.language)
        for m in methods
        if persons[m.person_id].active
    ]


async def _answer(
    tx: Tx,
    ctx: Context,
    channel: Channel,
    answerers: Sequence[Answerer],
    meaning: grammar.Meaning,
    reply: TextReply,
    now: datetime,
) -> SignalAnswer:
    match meaning:
        case grammar.PageCommand(action, code, note):
            if code:
                chosen = await _by_code(tx, answerers, action, code)
            elif reply.delivery_id is not None:
                chosen = await _by_message(tx, ctx, channel, answerers, reply, now)
            else:
                chosen = await _only_page(tx, answerers, action, reply.sent_at or now, now)
            if isinstance(chosen, SignalAnswer):
                return chosen
            answerer, page_ids = chosen
            answer, done = await page_replies.respond_to_all(tx, answerer, action, page_ids, now)
            await _record(tx, answerer, sorted(done), note, now)
            return answer
        case grammar.Help():
            pages = await _open_pages(tx, answerers, now)
            return SignalAnswer(await _lists(tx, pages) if pages else answerers[0].word(NO_PAGES))
        case _:
            return await _not_understood(tx, answerers[0], reply.text[: grammar.MAX_CHARS].strip(), now)


async def _record(tx: Tx, answerer: Answerer, page_ids: Sequence[int], note: str, now: datetime) -> None:
    """Add the note of an answer to each page, and record that its latest message was answered."""
    deliveries = []
    for page_id in page_ids:
        if note:
            await paging.add_note(tx, answerer.actor, page_id, note, now)
        about = (SUBJECT_KIND, page_id, answerer.person.id, answerer.channel)
        if delivery := await notify.latest_delivery(tx, *about):
            deliveries.append(delivery)
    await notify.record_answered(tx, deliveries, now)


_Chosen = tuple[Answerer, list[int]]
"""Who answers, and the ids of the pages that are meant."""


async def _by_message(
    tx: Tx, ctx: Context, channel: Channel, answerers: Sequence[Answerer], reply: TextReply, now: datetime
) -> _Chosen | SignalAnswer:
    """Return the page of the message below which a text was written, or the codes to choose from if it has none."""
    for answerer in answerers:
        delivery = await page_replies.answered_delivery(tx, ctx, channel, reply, answerer.address)
        if delivery and delivery.person_id == answerer.person.id:
            return answerer, [delivery.subject_id]
    return await _choice(tx, answerers, await _open_pages(tx, answerers, now))


async def _by_code(
    tx: Tx, answerers: Sequence[Answerer], action: PageAction, code: int
) -> _Chosen | SignalAnswer:
    """Return the page of a code, or the pages of a message about several, which can only be acknowledged.

    Of several subjects, because people share an address, it is the one that is open.
    """
    by_person = {answerer.person.id: answerer for answerer in answerers}
    by_pages: dict[tuple[int, ...], Answerer] = {}
    together: set[int] = set()
    for person, kind, id_ in await notify.reply_code_subjects(tx, list(by_person), code):
        page_ids = [id_] if kind == SUBJECT_KIND else []
        if kind == BUNDLE_KIND:
            page_ids = [member.subject_id for member in await notify.bundle_members(tx, id_)]
            together |= set(page_ids)
        if page_ids:
            by_pages[tuple(dict.fromkeys(page_ids))] = by_person[person]
    if len(by_pages) > 1:
        pages = await paging.pages_by_id(tx, list(dict.fromkeys(id_ for ids in by_pages for id_ in ids)))
        by_pages = {
            ids: answerer
            for ids, answerer in by_pages.items()
            if any(id_ in pages and pages[id_].state in OPEN for id_ in ids)
        }
    if len(by_pages) == 1:
        [(ids, answerer)] = by_pages.items()
        if action is not PageAction.ACK and together.issuperset(ids):
            return SignalAnswer(answerer.word(page_replies.ONLY_TOGETHER), is_done=False)
        return answerer, list(ids)
    problem = "There is no page with the code {code}. Reply ? for your open pages."
    if by_pages:
        problem = "Several pages have the code {code}. Answer in Firebell."
    return SignalAnswer(answerers[0].word(problem, code=code), is_done=False)


async def _open_pages(tx: Tx, answerers: Sequence[Answerer], now: datetime) -> list[tuple[Answerer, Page]]:
    """Return each page that waits for one of these people once, with the first of them."""
    pages: dict[int, tuple[Answerer, Page]] = {}
    for answerer in answerers:
        for page in await queries.open_pages(tx, answerer.person.id, now):
            pages.setdefault(page.id, (answerer, page))
    return list(pages.values())


async def _only_page(
    tx: Tx, answerers: Sequence[Answerer], action: PageAction, sent_at: datetime, now: datetime
) -> _Chosen | SignalAnswer:
    """Return the one page that is meant without a code, or the codes to choose from.

    A text that waited means no page that began after it was written; if there are only such pages, it lists them. An
    acknowledgment means no page that its sender has acknowledged before, unless there is no other.
    """
    open_pages = await _open_pages(tx, answerers, now)
    pages = [(answerer, page) for answerer, page in open_pages if page.triggered_at <= sent_at]
    likely = [(answerer, page) for answerer, page in pages if page.state in UNANSWERED] or pages
    if action is PageAction.ACK:
        likely = [(each, page) for each, page in likely if each.person.id not in page.acks] or likely
    if len(likely) == 1:
        return likely[0][0], [likely[0][1].id]
    return await _choice(tx, answerers, likely or open_pages)


async def _choice(
    tx: Tx, answerers: Sequence[Answerer], pages: Sequence[tuple[Answerer, Page]]
) -> SignalAnswer:
    """Return the codes to choose from."""
    text = await _lists(tx, pages) if pages else answerers[0].word(NO_PAGES)
    return SignalAnswer(text, is_done=False)


async def _lists(tx: Tx, pages: Sequence[tuple[Answerer, Page]]) -> str:
    """Return the first open pages of each person with their codes."""
    by_answerer: dict[Answerer, list[Page]] = defaultdict(list)
    for answerer, page in pages:
        by_answerer[answerer].append(page)
    return " ".join([await _list(tx, answerer, own) for answerer, own in by_answerer.items()])


async def _list(tx: Tx, answerer: Answerer, pages: Sequence[Page]) -> str:
    """Return the first open pages with their codes, and the code that acknowledges several of them together."""
    refs = {page.id: page.ref for page in pages}
    codes = await notify.reply_codes_of(tx, answerer.person.id, SUBJECT_KIND, list(refs))
    word = answerer.word
    named = [
        word("{ref} ({code}a to ack)", ref=page.ref, code=codes[page.id])
        for page in pages
        if page.id in codes
    ][:LISTED_PAGES]
    if not named:
        return word("Open pages: {count}. Answer in Firebell.", count=len(pages))
    more = len(pages) - len(named)
    together = await notify.bundle_codes_of(tx, answerer.person.id, SUBJECT_KIND, list(refs))
    code, ids = max(together.items(), key=lambda each: len(each[1]), default=(0, []))
    if len(ids) > 1:
        several = page_replies.refs(answerer, [refs[i] for i in ids])
        named.append(word("{ref} ({code}a to ack)", ref=several, code=f"{code}a"))
    listed = [*named, *([word("{count} more", count=more)] if more else [])]
    return word("Open: {pages}.", pages=", ".join(listed))


async def _not_understood(tx: Tx, answerer: Answerer, text: str, now: datetime) -> SignalAnswer:
    """Add the text to the newest page as a note, and answer with an example."""
    pages = await queries.open_pages(tx, answerer.person.id, now)
    if pages and text:
        newest = max(pages, key=lambda page: page.id)
        # someone who may only read pages writes nothing to them
        with contextlib.suppress(Forbidden):
            await paging.add_note(tx, answerer.actor, newest.id, text, now)
    return await _explained(tx, answerer, EXAMPLE, now)


async def _explained(tx: Tx, answerer: Answerer, explanation: str, now: datetime) -> SignalAnswer:
    """Answer with an explanation, a few times an hour."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    for number in range(MAX_NOT_UNDERSTOOD):
        key = f"example:{answerer.channel}:{answerer.address}:{hour.isoformat()}:{number}"
        if await store.claim_signal(tx, key, now):
            return SignalAnswer(answerer.word(explanation), is_done=False)
    return SignalAnswer(is_done=False)
