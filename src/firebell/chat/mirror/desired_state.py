"""What the chat of an incident or a page should be (spec 8.9); pure.

Nothing here knows what is in the chat already: `plan.py` compares.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from firebell.chat.adapter_base.message_model import Button, Content, digest
from firebell.chat.adapter_base.operations import Desired, Rank, Wanted, WantedKind
from firebell.chat.facts import EntryFact, IncidentFacts, PageFacts, Someone
from firebell.chat.mirror import messages as mirror_messages
from firebell.chat.mirror import room_members
from firebell.chat.model import Account, Capabilities, ChatKind, OncallGroup, Room, RoomState
from firebell.incidents.channel_names import channel_name
from firebell.incidents.model import Phase

SUMMARY_SETTLE_S = 15
TOPIC_SETTLE_S = 60
ANNOUNCEMENT_SETTLE_S = 30
UNEDITABLE_SETTLE_S = 60
"""The interval of messages in a chat that cannot edit them."""
RENAME_SETTLE_S = 600
STABLE_FOR = timedelta(minutes=30)
ARCHIVE_AFTER_REVIEW = timedelta(hours=72)
ARCHIVE_AFTER_CLOSING = timedelta(days=7)
ARCHIVE_NOTICE = timedelta(hours=24)
REMINDER_SHARE = 0.8
ROLES_INTERVAL = timedelta(minutes=1)
"""How often an incident is looked at again while a role is missing."""
_NOT_SHOWN = frozenset({"canvas", "declared"})
"""Kinds of entries that the room shows otherwise: the summary has them."""
STORM_PAGES = 20
STORM_WINDOW = timedelta(seconds=60)
"""More pages in one channel within this time are shown in one message."""
STORM_SETTLE_S = 5
STORM_KEY_S = 600


def wants_room(facts: IncidentFacts, account: Account, can: Capabilities, room: Room | None) -> bool:
    """Return True if the incident should have a channel of its own here."""
    if not can.rooms or (room and room.state in (RoomState.LOST, RoomState.THREAD, RoomState.ARCHIVED)):
        return False
    if room and room.state is not RoomState.WANTED:
        return True
    if not facts.is_open or (facts.private and not can_be_private(account)):
        return False
    by_rule = facts.severity in account.settings.room_severities and not facts.drill
    return by_rule or facts.private or facts.is_requested or room is not None


def can_be_private(account: Account) -> bool:
    """Return True if the account may create private channels; a private incident gets no other."""
    return account.kind is not ChatKind.SLACK or "groups:write" in account.scopes


def incident(
    facts: IncidentFacts,
    account: Account,
    can: Capabilities,
    room: Room | None,
    members: Mapping[int, str],
    known_keys: Sequence[str],
    now: datetime,
) -> Desired:
    """Return all that is wanted of an incident: its room, its announcements, its reminders.

    `members` has the users of people that are known; `known_keys` are the objects that exist, whose questions
    are answered when they are no longer open.
    """
    wanted: list[Wanted] = []
    times: list[datetime] = []
    if wants_room(facts, account, can, room):
        wanted += _room(facts, can, room, members, now)
        reminders, reminder_times = _questions(facts, room, members, known_keys, now)
        archive, archive_times = _archive(facts, room, now)
        wanted += [*reminders, *archive]
        times += [*reminder_times, *archive_times, *room_members.next_check(room, now)]
    if facts.private:
        prefixes = (_key(facts, "ann@"), _key(facts, "post-"))
        wanted += [
            Wanted(key, WantedKind.GONE, Rank.SUMMARY, channel="-")
            for key in known_keys
            if key.startswith(prefixes)
        ]
    else:
        wanted += _announcements(facts, account, can, room)
        wanted += _requested_posts(facts, can, account, room)
    return Desired(tuple(wanted), min((at for at in times if at > now), default=None))


def _key(facts: IncidentFacts, part: str) -> str:
    return f"inc-{facts.id}/{part}"


def _urgent(facts: IncidentFacts) -> str:
    """Return what readers must see at once: severity, commander and phase."""
    commander = facts.commander.id if facts.commander else 0
    return f"{facts.severity}/{facts.provisional}/{facts.phase}/{commander}"


def topic_mark(facts: IncidentFacts) -> str:
    """Return the owner to store when a person sets the topic."""
    return topic_mark_of(facts.severity, facts.commander.id if facts.commander else 0)


def topic_mark_of(severity: int, commander_id: int) -> str:
    """Return the owner of a topic that a person set while this severity and commander were in force."""
    return f"human {severity}/{commander_id}"


def room_url(account: Account, room: Room) -> str:
    """Return the address that opens a channel."""
    if not room.external_id:
        return ""
    if account.kind is ChatKind.SLACK:
        return f"https://slack.com/app_redirect?team={account.external_id}&channel={room.external_id}"
    team = account.bot_id
    return f"{account.address}/{team}/channels/{room.name}" if account.address and team else ""


def _room(
    facts: IncidentFacts, can: Capabilities, room: Room | None, members: Mapping[int, str], now: datetime
) -> list[Wanted]:
    owners = room.owners if room else {}
    wanted = [Wanted(_key(facts, "room"), WantedKind.ROOM, Rank.ROOM, (str(facts.private),))]
    summary_key = _key(facts, "summary")
    summary = mirror_messages.summary(facts)
    wanted.append(
        Wanted(
            summary_key,
            WantedKind.MESSAGE,
            Rank.SUMMARY,
            content=summary if can.buttons else summary.without_actions(),
            settle_s=SUMMARY_SETTLE_S,
            urgent=_urgent(facts),
        )
    )
    if len(facts.template) > mirror_messages.TEMPLATE_MAX_CHARS and facts.is_open:
        template = mirror_messages.update_template(facts)
        wanted.append(
            Wanted(
                _key(facts, "template"),
                WantedKind.MESSAGE,
                Rank.SUMMARY,
                content=template,
                settle_s=SUMMARY_SETTLE_S,
            )
        )
    wanted += room_members.room_members(facts, room, members)
    if can.pins and "pin" not in owners:
        wanted.append(Wanted(_key(facts, "pin"), WantedKind.PIN, Rank.PIN, (summary_key,)))
    if owners.get("topic", "") != topic_mark(facts):
        wanted.append(
            Wanted(
                _key(facts, "topic"),
                WantedKind.TOPIC,
                Rank.TOPIC,
                (mirror_messages.topic(facts),),
                settle_s=TOPIC_SETTLE_S,
                urgent=_urgent(facts),
            )
        )
    if "purpose" not in owners:
        purpose = (mirror_messages.purpose(facts),) if not facts.private else (facts.ref,)
        wanted.append(
            Wanted(_key(facts, "purpose"), WantedKind.PURPOSE, Rank.TOPIC, purpose, settle_s=TOPIC_SETTLE_S)
        )
    if "name" not in owners and facts.is_open:
        wanted.append(
            Wanted(
                _key(facts, "name"),
                WantedKind.NAME,
                Rank.NAME,
                (facts.title,) if not facts.private else ("",),
                settle_s=RENAME_SETTLE_S,
            )
        )
    if can.bookmarks and "bookmarks" not in owners:
        links = (("Incident", facts.url), *facts.runbooks[:3])
        wanted += [
            Wanted(_key(facts, f"bookmark-{n}"), WantedKind.BOOKMARK, Rank.BOOKMARK, (label, url))
            for n, (label, url) in enumerate(links)
        ]
    wanted += _entries(facts, room)
    if facts.phase in (Phase.CLOSED, Phase.REVIEWED):
        wanted.append(
            Wanted(
                _key(facts, "closed"),
                WantedKind.MESSAGE,
                Rank.REMINDER,
                content=mirror_messages.closed(facts),
            )
        )
    if facts.postmortem_published and facts.phase is Phase.REVIEWED:
        learned = mirror_messages.postmortem_published(facts)
        wanted.append(Wanted(_key(facts, "learned"), WantedKind.MESSAGE, Rank.REMINDER, content=learned))
    return wanted


def _entries(facts: IncidentFacts, room: Room | None) -> list[Wanted]:
    channel = room.external_id if room else ""
    return [
        Wanted(
            _key(facts, f"e-{entry.id}"),
            WantedKind.LINE,
            Rank.ENTRY,
            content=mirror_messages.entry(entry, facts.tz),
            entry=entry,
            tz=facts.tz,
        )
        for entry in facts.entries
        if entry.kind not in _NOT_SHOWN and not (entry.origin and entry.origin == channel)
    ]


def _stamp(at: datetime) -> str:
    return str(int(at.timestamp()))


def _questions(
    facts: IncidentFacts,
    room: Room | None,
    members: Mapping[int, str],
    known_keys: Sequence[str],
    now: datetime,
) -> tuple[list[Wanted], list[datetime]]:
    """Return the reminder of the next update and the closing poll; those of the past are marked as done."""
    wanted: list[Wanted] = []
    times: list[datetime] = []
    open_keys = set()
    reminder, poll = _key(facts, "update-due-"), _key(facts, "poll-")
    due_at = facts.update_due_at
    if facts.is_open and due_at and due_at > facts.declared_at:
        remind_at = facts.update_from + (due_at - facts.update_from) * REMINDER_SHARE
        times += [remind_at, due_at]
        if now >= remind_at:
            lead = facts.comms or facts.commander
            mentions = (members[lead.id],) if lead and lead.id in members else ()
            key = reminder + _stamp(due_at)
            content = mirror_messages.update_reminder(facts, due_at, overdue=now >= due_at, mentions=mentions)
            wanted.append(Wanted(key, WantedKind.MESSAGE, Rank.REMINDER, content=content))
            open_keys.add(key)
    roles = _key(facts, "roles-missing")
    if facts.is_open and facts.missing_roles:
        times.append(now + ROLES_INTERVAL)
    if facts.is_open and facts.late_roles:
        content = mirror_messages.missing_roles(facts)
        wanted.append(Wanted(roles, WantedKind.MESSAGE, Rank.REMINDER, content=content))
    elif roles in known_keys:
        wanted.append(
            Wanted(roles, WantedKind.MESSAGE, Rank.REMINDER, content=mirror_messages.roles_filled())
        )
    if facts.phase is Phase.MONITORING and facts.stable_since:
        asked_at = facts.stable_since + STABLE_FOR
        times.append(asked_at)
        if now >= asked_at:
            key = poll + _stamp(facts.stable_since)
            content = mirror_messages.closing_poll(facts, STABLE_FOR)
            wanted.append(Wanted(key, WantedKind.MESSAGE, Rank.REMINDER, content=content))
            open_keys.add(key)
    for key in known_keys:
        if key in open_keys:
            continue
        if key.startswith(reminder):
            past = datetime.fromtimestamp(int(key.removeprefix(reminder)), UTC)
            done: Content = mirror_messages.reminder_done(facts, past)
        elif key.startswith(poll):
            done = mirror_messages.closing_poll_done(facts)
        else:
            continue
        wanted.append(Wanted(key, WantedKind.MESSAGE, Rank.REMINDER, content=done))
    return wanted, times


def archive_at(facts: IncidentFacts) -> datetime | None:
    """Return when the room may be archived, None while that is not known (spec 8.9)."""
    if facts.closed_at is None or facts.is_open:
        return None
    owes_review = facts.postmortem_due_at is not None and not facts.postmortem_published
    if owes_review:
        return None
    reviewed_at = facts.reviewed_at or facts.closed_at
    return max(facts.closed_at + ARCHIVE_AFTER_CLOSING, reviewed_at + ARCHIVE_AFTER_REVIEW)


def _archive(facts: IncidentFacts, room: Room | None, now: datetime) -> tuple[list[Wanted], list[datetime]]:
    at = archive_at(facts)
    if at is None or room is None or "archive" in room.owners:
        return [], []
    wanted = []
    if now >= at - ARCHIVE_NOTICE:
        text = "This channel is archived in 24 hours."
        button = Button("Keep channel", "fb_open", url=facts.url)
        content = Content(text=text, paragraphs=(text,), buttons=(button,))
        key = _key(facts, "archive-notice")
        wanted.append(Wanted(key, WantedKind.MESSAGE, Rank.REMINDER, content=content))
    if now >= at:
        wanted.append(Wanted(_key(facts, "archive"), WantedKind.ARCHIVE, Rank.ARCHIVE))
    return wanted, [at - ARCHIVE_NOTICE, at]


def _announcements(
    facts: IncidentFacts, account: Account, can: Capabilities, room: Room | None
) -> list[Wanted]:
    rules = [
        rule
        for rule in account.settings.rules
        if not facts.drill and rule.takes_incident(facts.severity, facts.service_ids, facts.team_ids)
    ]
    channels = list(dict.fromkeys(rule.channel for rule in rules))
    wanted: list[Wanted] = []
    is_there = room is not None and room.state is RoomState.OPEN
    for channel in channels:
        key = _key(facts, f"ann@{channel}")
        room_name = room.name if room and is_there else ""
        content = mirror_messages.announcement(
            facts, room_name, room_url(account, room) if room_name and room else ""
        )
        wanted.append(
            Wanted(
                key,
                WantedKind.MESSAGE,
                Rank.ANNOUNCEMENT,
                content=content if can.buttons else content.without_actions(),
                channel=channel,
                settle_s=ANNOUNCEMENT_SETTLE_S if can.edit else UNEDITABLE_SETTLE_S,
                urgent=_announced(facts, can),
            )
        )
        if can.threads:
            wanted += [_reply(key, channel, entry, facts.tz) for entry in facts.updates]
        if room and room.state is RoomState.LOST and facts.is_open and "room" not in room.owners:
            lost = mirror_messages.lost_room(facts)
            wanted.append(
                Wanted(
                    f"{key}/lost-{room.id}",
                    WantedKind.MESSAGE,
                    Rank.REMINDER,
                    content=lost if can.buttons else lost.without_actions(),
                    channel=channel,
                    thread=key if can.threads else "",
                )
            )
    return wanted


def _requested_posts(
    facts: IncidentFacts, can: Capabilities, account: Account, room: Room | None
) -> list[Wanted]:
    """Return the messages that steps of the response asked for; where nothing can be edited, each is sent once."""
    is_there = room is not None and room.state is RoomState.OPEN
    room_name, url = (room.name, room_url(account, room)) if room and is_there else ("", "")
    wanted = []
    for post in facts.posts:
        content = mirror_messages.requested_post(facts, post.reason, room_name, url)
        wanted.append(
            Wanted(
                _key(facts, f"post-{post.id}"),
                WantedKind.MESSAGE,
                Rank.ANNOUNCEMENT,
                content=content if can.buttons else content.without_actions(),
                channel=post.channel,
                settle_s=ANNOUNCEMENT_SETTLE_S if can.edit else UNEDITABLE_SETTLE_S,
                urgent=_announced(facts, can) if can.edit else "",
            )
        )
    return wanted


def _announced(facts: IncidentFacts, can: Capabilities) -> str:
    """Return what is announced at once; where nothing can be edited, only that is announced at all."""
    commander = facts.commander.id if facts.commander else 0
    return f"{facts.severity}/{facts.phase}" + (
        "" if can.edit else f"/{commander}/{digest(facts.last_update)}"
    )


def _reply(key: str, channel: str, entry: EntryFact, tz: str) -> Wanted:
    return Wanted(
        f"{key}/u-{entry.id}",
        WantedKind.LINE,
        Rank.ENTRY,
        content=mirror_messages.announced_update(entry, tz),
        channel=channel,
        thread=key,
        entry=entry,
        tz=tz,
    )


def page(facts: PageFacts, account: Account, can: Capabilities, known_keys: Sequence[str]) -> Desired:
    """Return the messages about a page in the channels of teams; a page of a private incident has none."""
    rules = [
        rule
        for rule in account.settings.rules
        if rule.takes_page(facts.urgency, facts.service_ids, facts.team_ids)
    ]
    channels = [] if facts.is_private else list(dict.fromkeys(rule.channel for rule in rules))
    content = mirror_messages.page_message(facts)
    wanted = []
    for channel in channels:
        key = f"pg-{facts.id}@{channel}"
        if facts.state == "resolved" and key not in known_keys:
            # it is over: nothing to do for anyone
            continue
        wanted.append(
            Wanted(
                key,
                WantedKind.MESSAGE,
                Rank.SUMMARY,
                content=content if can.buttons else content.without_actions(),
                channel=channel,
                settle_s=0 if can.edit else UNEDITABLE_SETTLE_S,
                urgent=facts.state,
            )
        )
    if facts.is_private:
        wanted += [
            Wanted(key, WantedKind.GONE, Rank.SUMMARY, channel="-")
            for key in known_keys
            if key.startswith(f"pg-{facts.id}@")
        ]
    return Desired(tuple(wanted))


def storm_key(channel: str, now: datetime) -> str:
    """Return the key of the message that stands for the pages of a storm; a new one every ten minutes."""
    return f"storm@{channel}/{int(now.timestamp()) // STORM_KEY_S}"


def storm(key: str, channel: str, pages: Sequence[PageFacts], base_url: str) -> Desired:
    """Return the message that stands for many pages; gone once all of them belong to private incidents."""
    shown = [page for page in pages if not page.is_private]
    if not shown:
        return Desired((Wanted(key, WantedKind.GONE, Rank.SUMMARY, channel="-"),) if pages else ())
    content = mirror_messages.storm(shown, base_url)
    want = Wanted(
        key, WantedKind.MESSAGE, Rank.SUMMARY, content=content, channel=channel, settle_s=STORM_SETTLE_S
    )
    return Desired((want,))


def groups(
    groups: Mapping[OncallGroup, Sequence[Someone]], members: Mapping[int, str], next_at: datetime | None
) -> Desired:
    """Return the members of the user groups: who is on call. A group of no one is left as it is."""
    wanted: list[Wanted] = []
    for group, people in groups.items():
        wanted += [w for w in room_members.members(people) if w.key not in {other.key for other in wanted}]
        users = sorted(members[person.id] for person in people if person.id in members)
        if users:
            value = (group.group, *users)
            wanted.append(Wanted(f"group-{group.group}", WantedKind.GROUP, Rank.INVITE, value, channel="-"))
    return Desired(tuple(wanted), next_at)


def old_room(keys: Sequence[str], room: Room, declared_on: str) -> Desired:
    """Return what is left of a public room whose incident became private: none of our messages, no title."""
    wanted = [Wanted(key, WantedKind.GONE, Rank.SUMMARY, channel=room.external_id) for key in keys]
    target = f"room-{room.id}"
    name = f"incident-{declared_on}-inc-{room.incident_id}"
    wanted += [
        Wanted(f"{target}/topic", WantedKind.TOPIC, Rank.TOPIC, ("",), channel=room.external_id),
        Wanted(f"{target}/purpose", WantedKind.PURPOSE, Rank.TOPIC, ("",), channel=room.external_id),
        Wanted(f"{target}/name", WantedKind.NAME, Rank.NAME, (name,), channel=room.external_id),
        Wanted(f"{target}/archive", WantedKind.ARCHIVE, Rank.ARCHIVE, channel=room.external_id),
    ]
    return Desired(tuple(wanted))


def room_name(facts: IncidentFacts, attempt: int, max_chars: int) -> str:
    """Return the name of the room to try at an attempt."""
    return channel_name(
        facts.title,
        facts.id,
        facts.declared_on,
        attempt,
        drill=facts.drill,
        private=facts.private,
        max_chars=max_chars,
    )
