"""What differs between two versions of a policy, in words (pure)."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from firebell.kit.durations import exact
from firebell.kit.text import plural, times
from firebell.paging.level_conditions import ALWAYS
from firebell.paging.model import Level, Plan, Strategy, Target

Names = Mapping[str, str]
"""The names of targets by kind and id, such as `schedule:7`."""


def target_name(target: Target, names: Names) -> str:
    """Return the name of a target, also of one that was deleted."""
    return names.get(f"{target.kind}:{target.id}", f"deleted {target.kind}")


def level_name(level: Level, names: Names) -> str:
    """Return the names of the targets of a level, such as "Payments primary and Jun"."""
    return " and ".join(target_name(target, names) for target in level.targets)


def changes(before: Plan, after: Plan, names: Names) -> list[str]:
    """Return what changed from one plan to another, a line each; empty if nothing did.

    Levels with the same targets are the same level, wherever they stand.
    """
    lines = _level_changes(before.levels, after.levels, names)
    if before.repeat != after.repeat:
        lines.append(f"Repeats {times(before.repeat)} → {times(after.repeat)}")
    if before.tz != after.tz:
        lines.append(f"Time zone of hours {before.tz} → {after.tz}")
    if before.ack_timeout_s != after.ack_timeout_s:
        lines.append(f"Acknowledgment timeout {_timeout(before)} → {_timeout(after)}")
    return lines


def _timeout(plan: Plan) -> str:
    return exact(plan.ack_timeout_s) if plan.ack_timeout_s else "by severity"


def _level_changes(old: Sequence[Level], new: Sequence[Level], names: Names) -> list[str]:
    matcher = SequenceMatcher(None, [_key(level) for level in old], [_key(level) for level in new], False)
    lines: list[str] = []
    removed: list[int] = []
    added: list[int] = []
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            for i, j in zip(range(old_start, old_end), range(new_start, new_end), strict=True):
                lines += _setting_changes(old[i], new[j], j)
            continue
        paired = min(old_end - old_start, new_end - new_start)
        for i, j in zip(range(old_start, old_start + paired), range(new_start, new_end), strict=False):
            if {*_key(old[i])} & {*_key(new[j])}:
                lines.append(
                    f"Level {j + 1} notifies {level_name(new[j], names)}, was {level_name(old[i], names)}"
                )
                lines += _setting_changes(old[i], new[j], j)
            else:
                removed.append(i)
                added.append(j)
        removed += range(old_start + paired, old_end)
        added += range(new_start + paired, new_end)
    for j in added:
        same = next((i for i in removed if _key(old[i]) == _key(new[j])), None)
        if same is None:
            lines.append(f"Level {j + 1} added: {level_name(new[j], names)}")
        else:
            removed.remove(same)
            lines.append(f"{level_name(new[j], names)} moved from level {same + 1} to level {j + 1}")
            lines += _setting_changes(old[same], new[j], j)
    return lines + [f"Level {i + 1} removed: {level_name(old[i], names)}" for i in removed]


def _key(level: Level) -> tuple[Target, ...]:
    return tuple(sorted(level.targets, key=lambda target: (target.kind, target.id)))


def _setting_changes(old: Level, new: Level, index: int) -> list[str]:
    """Return what changed at a level besides its targets."""
    level, lines = f"Level {index + 1}", []
    if old.ack_within_s != new.ack_within_s:
        lines.append(f"{level} escalates after {exact(old.ack_within_s)} → {exact(new.ack_within_s)}")
    if old.strategy != new.strategy:
        lines.append(f"{level} notifies {_WHOM[new.strategy]}, was {_WHOM[old.strategy]}")
    if old.min_acks != new.min_acks:
        lines.append(f"{level} needs {plural(new.min_acks, 'acknowledgment')}, was {old.min_acks}")
    if old.conditions != new.conditions:
        lines.append(f"{level} is {_which(new)}, was {_which(old)}")
    return lines


def _which(level: Level) -> str:
    return f"only {level.conditions}" if level.conditions != ALWAYS else "for every page"


_WHOM = {Strategy.ALL: "everyone", Strategy.ROUND_ROBIN: "people round robin"}
