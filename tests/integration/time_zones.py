# SPDX-License-Identifier: Apache-2.0
"""What the tests of the tools with time zones share: many calls in one process, RFC 3339 as these
tools write it, random local times near changes of clocks."""
import datetime as dt
import json
import math
from zoneinfo import available_timezones

UTC = dt.timezone.utc
ZONES = sorted(available_timezones() - {"localtime"})

SCRIPT = """
local calls, results = JSON.parse(io.open("calls.json"):read("a")), {}
for i, call in ipairs(calls) do
  local ok, result = pcall(Tool.invoke, call[1], call[2])
  results[i] = ok and {result = result} or {error = {code = result.code, path = result.path}}
end
io.open("results.json", "w"):write(JSON.stringify(JSON.array(results))):close()
"""


def invoke_all(llmspell, calls):
    (llmspell.cwd / "calls.json").write_text(json.dumps(calls))
    (llmspell.cwd / "calls.lua").write_text(SCRIPT)
    done = llmspell.run("run", "calls.lua", timeout=100)
    assert done.status == 0, done
    results = json.loads((llmspell.cwd / "results.json").read_text())
    assert len(results) == len(calls)
    return results


def rfc3339(instant, zone):
    """The offset to the nearest minute, with the time that makes it the same instant."""
    offset = math.floor((instant.astimezone(zone).utcoffset().total_seconds() + 30) / 60)
    local = (instant + dt.timedelta(minutes=offset)).replace(tzinfo=None)
    sign = "-" if offset < 0 else "+"
    return local.isoformat() + ("Z" if offset == 0 else "%s%02d:%02d" % (sign, *divmod(abs(offset), 60)))


def instant_of(local, zone):
    """In a gap moved on by it, in an overlap the first."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def local_time(random, zone):
    """Of any year, or of the hours around a change of clocks."""
    start = dt.datetime(random.choice([1900, 1943, 1985, 2007, 2025, 2037, 2060]), 1, 1, tzinfo=UTC)
    if random.random() < 0.4:
        year = random.randint(2, 9998)
        return dt.datetime(year, 1, 1) + dt.timedelta(seconds=random.randrange(364 * 86400))
    days = [start + dt.timedelta(days=n) for n in range(366)]
    changes = [b for a, b in zip(days, days[1:])
               if a.astimezone(zone).utcoffset() != b.astimezone(zone).utcoffset()]
    near = random.choice(changes or days).astimezone(zone).replace(tzinfo=None, microsecond=0)
    return near + dt.timedelta(minutes=random.randint(-1600, 200))
