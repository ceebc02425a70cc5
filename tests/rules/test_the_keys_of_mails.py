"""Which mails belong to one alert, and which are separate alerts (spec 9.6)."""

import pytest

from tests.rules.test_inbound_mail import judged, mail


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("** PROBLEM Service Alert: db1/Disk is CRITICAL **", "** RECOVERY Service Alert: db1/Disk is OK **"),
        ("[FIRING:3] Latency (checkout)", "[RESOLVED] Latency (checkout)"),
        ("Disk full on db1", "Re: Fwd: AW: Disk full on db1"),
        ("Queue has 1,204 messages", "[ops] Queue has 17 messages"),
        ("[PROBLEM] [ops] disk on db", "[RESOLVED] [ops] disk on db"),
        ("[web] [🔴 Down] timeout", "[web] [✅ Up] timeout"),
        ("[web-01] is DOWN", "Re: [web-01] is UP"),
        ("[3] Latency", "[4] Latency"),
    ],
)
def test_subjects_of_one_problem_share_a_key(first: str, second: str) -> None:
    assert judged(mail(first)).key == judged(mail(second)).key


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("PROBLEM: web-01 is DOWN", "PROBLEM: web-02 is DOWN"),
        ("Disk full on db1", "Disk full on db2"),
        ("[web-01] is slow", "[web-02] is slow"),
        ("[10.0.0.5] is slow", "[10.0.0.6] is slow"),
        ("DOWN: GigabitEthernet0/1 of sw_7", "DOWN: GigabitEthernet0/2 of sw_7"),
        ("10.0.0.5 does not answer", "10.0.0.6 does not answer"),
        ("3par-node2 has failed", "3par-node3 has failed"),
        ("http://10.0.0.5/cart does not answer", "http://10.0.0.6/cart does not answer"),
        ("10.0.0.0/24 does not answer", "10.0.1.0/24 does not answer"),
        ("2001:db8::5 does not answer", "2001:db8::6 does not answer"),
        ("00:1a:2b:3c:4d:5e has failed", "00:1a:2b:3c:4d:6e has failed"),
        ("10-0-0-5.ec2.internal is DOWN", "10-0-0-6.ec2.internal is DOWN"),
        ("DOWN: 10-0-0-5", "DOWN: 10-0-0-6"),
        ("1.db.example.com is slow", "2.db.example.com is slow"),
        ("cart1%20queue has failed", "cart2%20queue has failed"),
    ],
)
def test_another_host_with_a_numbered_name_is_a_separate_alert(first: str, second: str) -> None:
    assert judged(mail(first)).key != judged(mail(second)).key


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("[web] [🔴 Down] timeout", "[cart] [🔴 Down] timeout"),
        ("[web] DOWN: timeout", "[cart] DOWN: timeout"),
        ("[PROBLEM] [web] timeout", "[PROBLEM] [cart] timeout"),
    ],
)
def test_a_second_monitor_that_names_itself_in_brackets_pages_too(first: str, second: str) -> None:
    assert judged(mail(first)).key != judged(mail(second)).key


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("PROBLEM: disk on db1, 97% used", "RECOVERY: disk on db1, 41.5% used"),
        ("web-01 answers in 1200ms", "web-01 answers in 80ms"),
        ("DOWN: link, since 1h23m", "UP: link, since 2h05m"),
        ("2026-11-29T14:02:33Z Load is 5.3", "2026-11-30T02:10:00Z Load is 7"),
        ("PROBLEM-4711: queue", "RECOVERY-4711: queue"),
        ("Ticket #17: queue", "Ticket #18: queue"),
        ("PROBLEM: db1/cpu-97%", "RECOVERY: db1/cpu-41.5%"),
        ("CRITICAL: CPU97%", "OK: CPU41%"),
        ("FAILED: backup-2026-11-29", "OK: backup-2026-11-30"),
        ("FAILED: db1_2026.11.29", "OK: db1_2026.11.30"),
        ("FAILED: backup-2026-11-29T0210", "OK: backup-2026-11-30T0215"),
        ("5-minute load is high", "15-minute load is high"),
        ("12-30-45 backup failed", "12-31-45 backup failed"),
        ("1.5.load is high", "1.6.load is high"),
        ("3 of 5 hosts are DOWN", "5 of 5 hosts are UP"),
        ("FIRING:2 - disk on db1", "RESOLVED:1 - disk on db1"),
    ],
)
def test_measurements_and_dates_are_not_part_of_a_key(first: str, second: str) -> None:
    assert judged(mail(first)).key == judged(mail(second)).key


def test_keys_of_different_problems_and_threads_differ() -> None:
    keys = [
        judged(mail("Disk full on db")).key,
        judged(mail("Disk full on web")).key,
        judged(mail("Re: x", References="<root@example.org> <last@example.org>")).key,
        judged(mail("Re: x", In_Reply_To="<other@example.org>")).key,
        judged(mail("RESOLVED 17", "a")).key,
        judged(mail("RESOLVED 17", "b")).key,
        judged(mail("Disk full", "a"), thread_key="subject:of the first").key,
    ]
    assert len(set(keys)) == len(keys)
    assert keys[2] == "thread:<root@example.org>"
    assert keys[6] == "subject:of the first"
