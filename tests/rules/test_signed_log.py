"""The signatures of a status page's log: what a reader checks with one key, and what the command line says."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firebell.commands.statuspage import statuspage
from firebell.status_pages.published_log import chain
from firebell.status_pages.signing import key_document, keyring, log_check
from firebell.status_pages.signing.log_check import LogProblem
from firebell.status_pages.signing.model import PublishedKey, encoded_key

NOW = datetime(2026, 11, 27, 1, 49, tzinfo=UTC)
FIRST, SECOND, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in (1, 2, 3))


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def log_of(
    *signers: Ed25519PrivateKey | None, announce: Ed25519PrivateKey | None = None, body: str = "We look."
) -> list[str]:
    """Return a log with one entry per signer; the second entry announces a key if one is given."""
    lines, prev = [], chain.FIRST
    for seq, signer in enumerate(signers, 1):
        if announce and seq == 2:
            announced = chain.KeyEntry("kestrel", seq, encoded_key(public(announce)), NOW)
            hashed = chain.key_entry_hash(announced, prev)
            signature = keyring.signature(signer, hashed) if signer else None
            lines.append(chain.key_line(chain.ChainedKey(announced, prev, hashed, signature), "Yearly."))
        else:
            names = ("kestrel", seq, "h2k9w3c7x1ab", f"u{seq}", 1, "update", "investigating")
            entry = chain.LogEntry(*names, {}, NOW, NOW, chain.body_hash(body))
            hashed = chain.entry_hash(entry, prev)
            signature = keyring.signature(signer, hashed) if signer else None
            lines.append(chain.line(chain.ChainedEntry(entry, prev, hashed, signature), body, ""))
        prev = hashed
    return lines


@pytest.mark.parametrize(
    ("lines", "trusted", "signatures", "unsigned", "problem", "line"),
    [
        (log_of(), [FIRST], 0, 0, None, None),
        (log_of(FIRST, FIRST), [FIRST], 2, 0, None, None),
        (log_of(FIRST, FIRST), [], 0, 2, None, None),
        (log_of(FIRST, FIRST), [OTHER], 0, 2, LogProblem.NO_SIGNATURE, None),
        # published before the page had a key
        (log_of(None, None, FIRST), [FIRST], 1, 0, None, None),
        (log_of(None, None), [FIRST], 0, 2, LogProblem.NO_SIGNATURE, None),
        # a signature was taken away, or made with another key
        (log_of(FIRST, None, FIRST), [FIRST], 1, 2, LogProblem.UNSIGNED, 2),
        (log_of(FIRST, OTHER, FIRST), [FIRST], 1, 2, LogProblem.FORGED, 2),
        # a replaced key: either one is enough, and both are
        (log_of(FIRST, FIRST, SECOND, announce=SECOND), [FIRST], 3, 0, None, None),
        (log_of(FIRST, FIRST, SECOND, announce=SECOND), [SECOND], 1, 0, None, None),
        (log_of(FIRST, FIRST, SECOND, announce=SECOND), [SECOND, FIRST], 3, 0, None, None),
        # who signs after the announcement, and who announces
        (log_of(FIRST, FIRST, FIRST, announce=SECOND), [FIRST], 2, 1, LogProblem.FORGED, 3),
        (log_of(FIRST, SECOND, SECOND, announce=SECOND), [FIRST], 1, 2, LogProblem.FORGED, 2),
        (log_of(FIRST, None, SECOND, announce=SECOND), [FIRST], 1, 2, LogProblem.UNSIGNED, 2),
        # the former key is lost, and the reader has the new one from another place
        (log_of(FIRST, None, SECOND, announce=SECOND), [FIRST, SECOND], 2, 0, None, None),
    ],
)
def test_a_log_is_checked_with_the_keys_that_a_reader_trusts(
    lines: list[str],
    trusted: list[Ed25519PrivateKey],
    signatures: int,
    unsigned: int,
    problem: LogProblem | None,
    line: int | None,
) -> None:
    checked = log_check.check(lines, [public(key) for key in trusted])
    assert (checked.signatures, checked.unsigned, checked.problem, checked.line) == (
        signatures,
        unsigned,
        problem,
        line,
    )
    assert checked.last_hash == (json.loads(lines[-1])["hash"] if lines else "")


@pytest.mark.parametrize("name", ["hash", "sig", "key", "kind", "at", "seq", "prev", "v", "page"])
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("value", [None, "x", 7, {}, []])
def test_whatever_is_changed_is_noticed_at_its_line(name: str, number: int, value: object) -> None:
    lines = log_of(FIRST, FIRST, SECOND, announce=SECOND)
    fields = json.loads(lines[number - 1])
    if name == "key" and name not in fields:
        return
    lines[number - 1] = json.dumps({**fields, name: value})
    checked = log_check.check(lines, [public(FIRST)])
    is_first_signature = (name, number) == ("sig", 1)
    # the signatures after it still cover the first entry
    assert (checked.problem is None, checked.line) == (
        (True, None) if is_first_signature else (False, number)
    )


def test_keys_are_read_as_they_are_published() -> None:
    published = [
        PublishedKey(encoded_key(public(key)), number, NOW) for number, key in ((1, FIRST), (3, SECOND))
    ]
    text = key_document.document("kestrel", published)
    assert key_document.parse(text) == [public(FIRST), public(SECOND)]
    assert json.loads(text)["keys"][1]["first_entry"] == 3
    assert key_document.parse(f" {encoded_key(public(FIRST))}\n") == [public(FIRST)]
    unsigned = key_document.document("kestrel", [])
    for wrong in ("", "x", "aGk=", "{", "{}", '{"keys": 7}', '{"keys": [7]}', '{"keys": [{}]}', unsigned):
        with pytest.raises(ValueError, match=r"key|Expecting"):
            key_document.parse(wrong)


def test_the_command_line_checks_a_downloaded_log_offline(tmp_path: Path) -> None:
    log, key = tmp_path / "history.jsonl", tmp_path / "firebell-status-key"
    lines = log_of(FIRST, FIRST, SECOND, announce=SECOND)
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    key.write_text(key_document.document("kestrel", [PublishedKey(encoded_key(public(FIRST)), 1, NOW)]))

    def verify(*more: str) -> tuple[int, str]:
        result = CliRunner().invoke(statuspage, ["verify", str(log), "--json", *more])
        return result.exit_code, result.stdout

    code, out = verify("--key", str(key))
    assert (code, json.loads(out)) == (
        0,
        {"entries": 3, "signatures": 3, "unsigned": 0, "last_hash": json.loads(lines[-1])["hash"]},
    )
    assert json.loads(verify("--key", encoded_key(public(SECOND)))[1])["signatures"] == 1
    assert json.loads(verify()[1])["unsigned"] == 3
    for wrong in (encoded_key(public(OTHER)), "nothing", str(log)):
        assert verify("--key", wrong)[0] == 1
    log.write_text("\n".join(lines).replace("We look.", "We wait."), encoding="utf-8")
    assert verify("--key", str(key))[0] == 1
    log.unlink()
    assert verify()[0] == 1


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_may_have_any_separator_of_lines(tmp_path: Path, end: str) -> None:
    log = tmp_path / "history.jsonl"
    lines = log_of(FIRST, FIRST, body="We\u2028look\u2029at\x85it")
    log.write_bytes("".join(line + end for line in lines).encode())
    result = CliRunner().invoke(
        statuspage, ["verify", str(log), "--json", "--key", encoded_key(public(FIRST))]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["signatures"] == 2


@pytest.mark.parametrize("number", [1, 2])
def test_a_line_that_can_not_be_read_is_not_as_it_was_published(number: int) -> None:
    lines = log_of(FIRST, FIRST)
    for wrong in ("", "7", "[]", "{}", "[" * 200_000, '{"seq":' * 200_000, "\ud800", '{"body": NaN}'):
        checked = log_check.check([*lines[: number - 1], wrong, *lines[number:]], [public(FIRST)])
        assert (checked.problem, checked.line) == (LogProblem.CHANGED, number)


def test_a_key_can_be_given_as_the_whole_document(tmp_path: Path) -> None:
    log = tmp_path / "history.jsonl"
    log.write_text("".join(f"{line}\n" for line in log_of(FIRST)), encoding="utf-8")
    keys = [PublishedKey(encoded_key(public(key)), number, NOW) for number, key in ((1, FIRST), (3, SECOND))]
    document = key_document.document("kestrel", keys)
    result = CliRunner().invoke(statuspage, ["verify", str(log), "--json", "--key", document])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["signatures"] == 1
