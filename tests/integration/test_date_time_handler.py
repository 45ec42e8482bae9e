# SPDX-License-Identifier: Apache-2.0
"""date_time_handler where its cases.json cannot reach: against Python's time zones, dateutil's
relativedelta and rrule, and Python's strftime; the clock."""
import datetime as dt
import itertools
import random
from zoneinfo import ZoneInfo

import pytest
from dateutil.relativedelta import relativedelta
from dateutil.rrule import rrulestr

from time_zones import UTC, ZONES, instant_of, invoke_all, local_time, rfc3339

TOOL = "date_time_handler"


def iso(local):
    return local.isoformat().rjust(19, "0")


def test_local_times_in_all_zones(llmspell):
    rng, calls, expected = random.Random(1), [], []
    for name, other in zip(ZONES * 3, ZONES[7:] + ZONES * 3):
        local, zone = local_time(rng, ZoneInfo(name)), ZoneInfo(name)
        at = instant_of(local, zone)
        calls.append([TOOL, {"operation": "convert_timezone", "input": iso(local), "timezone": name,
                             "target_timezone": other}])
        expected.append((rfc3339(at, zone), rfc3339(at, ZoneInfo(other)), rfc3339(at, UTC)))
    for call, result, (original, converted, utc) in zip(calls, invoke_all(llmspell, calls), expected):
        found = result["result"]
        assert (found["original"], found["converted"], found["datetime"]["utc"]) == \
            (original, converted, utc), call


def test_sums(llmspell):
    rng, calls, expected = random.Random(2), [], []
    for _ in range(1500):
        name = rng.choice(ZONES)
        zone = ZoneInfo(name)
        at = instant_of(local_time(rng, zone), zone)
        unit = rng.choice(["seconds", "minutes", "hours", "days", "weeks", "months", "years"])
        amount = rng.choice([-1, 1]) * rng.randint(1, 400)
        local = at.astimezone(zone).replace(tzinfo=None)
        if not 500 < local.year < 9500:
            continue
        exact = unit in ("seconds", "minutes", "hours")
        sum_ = at + dt.timedelta(**{unit: amount}) if exact else \
            instant_of(local + relativedelta(**{unit: amount}), zone)
        calls.append([TOOL, {"operation": "add", "input": at.isoformat(), "amount": amount,
                             "unit": unit, "timezone": name}])
        expected.append(rfc3339(sum_, zone))
    for call, result, text in zip(calls, invoke_all(llmspell, calls), expected):
        assert result["result"]["result"] == text, call


def numbers(rng, low, high, negative=False):
    found = {rng.randint(low, high) * (rng.choice([1, -1]) if negative else 1) for _ in range(3)}
    return ",".join(map(str, sorted(found)))


def random_rule(rng):
    frequency = rng.choice(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"])
    long = frequency in ("YEARLY", "MONTHLY")
    weekdays = rng.sample(["MO", "TU", "WE", "TH", "FR", "SA", "SU"], 2)
    parts = {
        "INTERVAL": str(rng.randint(1, 4)),
        "BYMONTH": numbers(rng, 1, 12),
        "BYDAY": ",".join(day if not long else rng.choice(["", "1", "-1", "3"]) + day for day in weekdays),
        "BYMONTHDAY": numbers(rng, 1, 31, True) if frequency != "WEEKLY" else "",
        "BYYEARDAY": numbers(rng, 1, 366, True) if frequency == "YEARLY" else "",
        "BYHOUR": numbers(rng, 0, 23),
        "BYMINUTE": numbers(rng, 0, 59) if frequency != "MINUTELY" else "",
        "BYSETPOS": numbers(rng, 1, 3, True) if frequency in ("MONTHLY", "YEARLY") else "",
        "COUNT": str(rng.randint(1, 30)),
    }
    chosen = [f"{name}={text}" for name, text in parts.items() if text and rng.random() < 0.3]
    if not any(part.startswith("BY") and "SETPOS" not in part for part in chosen):
        chosen = [part for part in chosen if "SETPOS" not in part]
    return ";".join([f"FREQ={frequency}", *chosen])


def occurrences(rule, start, limit):
    """By dateutil, of 1,500 days: what never comes takes it years."""
    parts = dict(part.split("=") for part in rule.split(";"))
    limit = min(limit, int(parts.pop("COUNT", limit)))
    parts["UNTIL"] = f"{start + dt.timedelta(days=1500):%Y%m%dT%H%M%S}"
    try:
        times = rrulestr(";".join(f"{name}={text}" for name, text in parts.items()), dtstart=start)
    except ValueError:  # "generates an empty set"
        return []
    return [iso(time) + "Z" for time in itertools.islice(times, limit)]


@pytest.mark.parametrize("seed", range(3))
def test_recurrence(llmspell, seed):
    rng, calls, expected = random.Random(seed), [], []
    for _ in range(150):
        start = dt.datetime(rng.choice([1950, 2000, 2024, 2025]), 1, 1) + \
            dt.timedelta(seconds=rng.randrange(365 * 86400))
        rule = random_rule(rng)
        calls.append([TOOL, {"operation": "recurrence", "start": iso(start), "rule": rule, "limit": 20}])
        expected.append(occurrences(rule, start, 20))
    assert sum(map(len, expected)) > 1000
    for call, result, times in zip(calls, invoke_all(llmspell, calls), expected):
        assert result["result"]["occurrences"][:len(times)] == times, call


def test_formats(llmspell):
    rng, calls, expected = random.Random(4), [], []
    directives = "Y m d H I M S p y b B a A j u w V G z F T R D e Z".split()
    for _ in range(800):
        name = rng.choice(["UTC", "America/New_York", "Asia/Kathmandu", "Australia/Sydney"])
        at = dt.datetime(rng.randint(1901, 2400), 1, 1, tzinfo=UTC) + \
            dt.timedelta(seconds=rng.randrange(364 * 86400))
        text = " ".join("%" + one for one in rng.sample(directives, 8))
        calls.append([TOOL, {"operation": "format", "input": at.isoformat(), "format": text,
                             "timezone": name}])
        expected.append(at.astimezone(ZoneInfo(name)).strftime(text))
    for call, result, text in zip(calls, invoke_all(llmspell, calls), expected):
        assert result["result"]["output"] == text, call


def test_examples_of_formats_can_be_read(llmspell):
    formats = llmspell.json("tool", "invoke", TOOL, "operation=formats")["result"]["formats"]
    for one in formats:
        for extra in ({}, {"format": one["pattern"]}):
            result = invoke_all(llmspell, [[TOOL, {"input": one["example"], **extra}]])[0]["result"]
            assert result["datetime"]["utc"].startswith("2025-01-31T"), one


def test_now(llmspell):
    before = dt.datetime.now(UTC).timestamp()
    found = llmspell.json("tool", "invoke", TOOL, "operation=now")["result"]["datetime"]["timestamp"]
    assert before - 0.001 <= found <= dt.datetime.now(UTC).timestamp()


def test_names_do_not_depend_on_the_language_of_the_process(llmspell):
    for language in ("C", "de_DE.UTF-8", "ar_EG.UTF-8"):
        done = llmspell.run("tool", "invoke", TOOL, "operation=format", "input=2025-03-05",
                            "format=%A %B %d", "locale=fr", "--output", "json",
                            env={"LANG": language, "LC_ALL": language})
        assert done.json["result"]["output"] == "mercredi mars 05", done
