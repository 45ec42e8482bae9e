# SPDX-License-Identifier: Apache-2.0
"""cron_scheduler where its cases.json cannot reach: against a search of our own over Python's time
zones; the clock."""
import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest

from time_zones import UTC, ZONES, instant_of, invoke_all, local_time, rfc3339


def field(rng, low, high):
    """A field and its values."""
    first, second = sorted((rng.randint(low, high), rng.randint(low, high)))
    step = rng.randint(1, 7)
    return rng.choice([
        ("*", range(low, high + 1)),
        (f"*/{step}", range(low, high + 1, step)),
        (str(first), [first]),
        (f"{first},{second}", sorted({first, second})),
        (f"{first}-{second}/{step}", range(first, second + 1, step)),
    ])


def day_fits(fields, date):
    day, month, weekday = fields[2:]
    by_day, by_weekday = date.day in day[1], date.isoweekday() % 7 in weekday[1]
    either = day[0][0] != "*" and weekday[0][0] != "*"
    return date.month in month[1] and (by_day or by_weekday if either else by_day and by_weekday)


def first_after_gap(local, zone):
    """The change that skips a local time, to the minute; the time itself where it exists."""
    instant = instant_of(local, zone)
    if instant.astimezone(zone).replace(tzinfo=None) == local:
        return instant
    offset = instant.astimezone(zone).utcoffset()
    while (instant - dt.timedelta(minutes=1)).astimezone(zone).utcoffset() == offset:
        instant -= dt.timedelta(minutes=1)
    return instant


def search(fields, zone, start, count):
    runs, date = [], start.astimezone(zone).date() - dt.timedelta(days=1)
    for _ in range(400):
        times = [(hour, minute) for hour in fields[1][1] for minute in fields[0][1]]
        for hour, minute in times if day_fits(fields, date) else []:
            run = first_after_gap(dt.datetime(date.year, date.month, date.day, hour, minute), zone)
            if run > start and run not in runs[-1:]:
                runs.append(run)
            if len(runs) == count:
                return runs
        date += dt.timedelta(days=1)
    return runs


@pytest.mark.parametrize("seed", range(3))
def test_runs(llmspell, seed):
    rng, calls, expected = random.Random(seed), [], []
    modern = ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Tehran", "UTC",
              "America/Sao_Paulo", "Europe/Dublin", "Pacific/Chatham", "Africa/Casablanca"]
    for _ in range(200):
        name = rng.choice(modern)
        zone = ZoneInfo(name)
        start = instant_of(local_time(rng, zone).replace(year=rng.randint(2000, 2060), day=28), zone)
        fields = [field(rng, *limits) for limits in ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))]
        calls.append(["cron_scheduler", {
            "expression": " ".join(text for text, _ in fields), "timezone": name, "count": 8,
            "from": start.isoformat()}])
        expected.append([rfc3339(run, zone) for run in search(fields, zone, start, 8)])
    for call, result, runs in zip(calls, invoke_all(llmspell, calls), expected):
        assert result["result"]["runs"][:len(runs)] == runs, call


def test_offsets_of_all_zones(llmspell):
    """Every second is a run: the next one shows the offset."""
    rng, calls, expected = random.Random(1), [], []
    for name in ZONES:
        zone = ZoneInfo(name)
        for _ in range(4):
            at = instant_of(local_time(rng, zone), zone)
            calls.append(["cron_scheduler", {
                "expression": "* * * * * *", "timezone": name, "count": 1, "operation": "previous",
                "from": (at + dt.timedelta(milliseconds=500)).isoformat()}])
            expected.append(at)
    for call, result, at in zip(calls, invoke_all(llmspell, calls), expected):
        zone = ZoneInfo(call[1]["timezone"])
        second_pass = at.astimezone(zone).fold
        assert second_pass or result["result"]["runs"] == [rfc3339(at, zone)], call


def test_from_is_now(llmspell):
    before = dt.datetime.now(UTC)
    reply = llmspell.json("tool", "invoke", "cron_scheduler", "expression=* * * * * *", "count=1")
    run = dt.datetime.fromisoformat(reply["result"]["runs"][0].replace("Z", "+00:00"))
    assert before < run <= dt.datetime.now(UTC) + dt.timedelta(seconds=1)
