# SPDX-License-Identifier: Apache-2.0
"""Tools beside the programs that people would use instead, each as a whole process, in turns, on
inputs that are made here: 100 MB, or 50 MB where a tool takes no larger file. Each pair of runs must
come to the same answer. Peak memory is that of the largest process of each side."""
import csv
import io
import json
import random
import statistics
import subprocess

import processes
from figures import Row, at_most, pairs
from processes import Failed

SIZE = 100_000_000
HALF = 50_000_000  # files that are read whole: 50 MiB at most
GOAL = 1.2

CSV_SCRIPT = """
import collections, csv, statistics, sys
rows = list(csv.reader(open(sys.argv[1], newline="")))
for column, name in enumerate(rows[0]):
    values = [row[column] for row in rows[1:]]
    try:
        numbers = [float(value) for value in values if value]
        print(name, len(numbers), min(numbers), max(numbers), statistics.fmean(numbers),
              statistics.median(numbers), statistics.stdev(numbers))
    except ValueError:
        counts = collections.Counter(values)
        print(name, len(counts), min(values), max(values), counts.most_common(5))
print(len(rows) - 1)
"""


# ---- inputs ----

def words(rng, count):
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(rng.choices(letters, k=rng.randint(2, 10))) for _ in range(count)]


def make_bytes(folder):
    path = folder / "data.bin"
    path.write_bytes(random.Random(1).randbytes(SIZE))
    return path


def make_text_tree(folder):
    """50 text files of 2 MB; a needle in every 20,000th line, or so."""
    rng = random.Random(2)
    vocabulary = words(rng, 2000)
    tree = folder / "tree"
    block = [" ".join(rng.choices(vocabulary, k=10)) for _ in range(2000)]
    for number in range(50):
        file = tree / f"d{number % 5}" / f"f{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        lines, size = [], 0
        while size < SIZE // 50:
            line = rng.choice(block)
            if rng.random() < 0.00005:
                line += " Needle_in_the_hay"
            lines.append(line)
            size += len(line) + 1
        file.write_text("\n".join(lines) + "\n")
    return tree


def make_json(folder, size):
    rng = random.Random(3)
    names = words(rng, 500)
    path, items, used = folder / "items.json", [], 0
    while used < size:
        item = json.dumps({"id": len(items), "name": rng.choice(names), "price": rng.randint(0, 10**6) / 100,
                           "tags": rng.choices(names, k=3), "stock": {"here": rng.randint(0, 99), "there": None}})
        items.append(item)
        used += len(item) + 2
    path.write_text('{"items": [' + ", ".join(items) + "]}")
    return path


def make_csv(folder):
    rng = random.Random(4)
    names = words(rng, 500)
    path = folder / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "amount", "day", "note"])
        number = 0
        while file.tell() < HALF:
            piece = io.StringIO()
            block = csv.writer(piece)
            for _ in range(10000):
                number += 1
                block.writerow([number, rng.choice(names), rng.randint(0, 10**6) / 100,
                                f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
                                rng.choice(["", "a, b", 'with "quotes"', "plain"])])
            file.write(piece.getvalue())
    return path, number


# ---- running ----

def run(bench, launcher, command, output):
    """Milliseconds and peak memory (MB) of the command, with its children that have ended."""
    done = subprocess.run([launcher, output, *(str(part) for part in command)], text=True,
                          capture_output=True, env=bench.env, cwd=bench.folder, timeout=300)
    if done.returncode != 0:
        raise Failed(done.stderr.strip()[-300:])
    nanoseconds, kilobytes, status = (int(number) for number in done.stdout.split())
    if status != 0:
        raise Failed(f"{command[0]} ended with {status}: {done.stderr.strip()[-300:]} "
                     f"{output.read_text(errors='replace')[:300]}")
    return nanoseconds / 1e6, kilobytes / 1024


def tool_exists(bench, tool):
    listed = json.loads(processes.run([bench.binary, "--output", "json", "tool", "list"],
                                      env=bench.env))
    return tool in [one["name"] for one in listed]


def beside(bench, tool, params, name, command, same, goal=GOAL):
    """One row: llmspell's tool and the other program in turns, after a first run of each. same:
    whether the tool's result and the other's output tell the same."""
    ours, theirs, memory = [], [], ([], [])
    outputs = bench.folder / "ours.out", bench.folder / "theirs.out"
    launcher = processes.compile_program(bench.folder / "peak", [processes.HERE / "peak.c"], [])
    call = [bench.binary, "--output", "json", "tool", "invoke", tool, "--params", json.dumps(params)]
    for turn in range(bench.count(6, 3)):
        for times, peak, output, one in ((ours, memory[0], outputs[0], call),
                                         (theirs, memory[1], outputs[1], command)):
            milliseconds, megabytes = run(bench, launcher, one, output)
            if turn > 0:
                times.append(milliseconds)
                peak.append(megabytes)
        if turn == 0 and not same(json.loads(outputs[0].read_text())["result"],
                                  outputs[1].read_text()):
            raise Failed(f"{tool} and {name} do not come to the same: "
                         f"{outputs[0].read_text()[:200]} / {outputs[1].read_text()[:200]}")
    note = (f"beside {name}; peak memory {statistics.median(memory[0]):.0f} MB against "
            f"{statistics.median(memory[1]):.0f} MB")
    return Row(f"{tool}: {params.get('operation', '')}".rstrip(": "), "ms", ours, theirs,
               pairs(ours, theirs), [at_most(goal, "ratio")] if goal else [], note)


# ---- the figures ----

def hash_calculator(bench):
    file = make_bytes(bench.folder)
    try:
        return [beside(bench, "hash_calculator",
                       {"operation": "hash", "path": file.name, "algorithm": algorithm}, program,
                       [program, file],
                       lambda result, text: result["hash"] == text.split()[0])
                for algorithm, program in (("sha256", "sha256sum"), ("md5", "md5sum"))]
    finally:
        file.unlink()


def file_search(bench):
    tree = make_text_tree(bench.folder)

    def same(result, text):
        found = [line.split(":", 2)[:2] for line in text.splitlines()]
        return sorted(found) == sorted([match["path"], str(match["line"])]
                                       for match in result["matches"])
    rows = []
    try:
        for name, pattern, regex in (
                ("", "Needle_in_the_hay", False), (" (regex)", "N[a-z]+_in_the_h.y", True),
                (" (regex, a repetition first)", "[A-Za-z]+dle_in", True)):
            options = "-rnE" if regex else "-rnF"
            rows.append(beside(bench, "file_search",
                               {"operation": "search", "path": "tree", "pattern": pattern,
                                "use_regex": regex},
                               f"grep {options}", ["grep", options, pattern, "tree"], same))
            rows[-1].name += name
        return rows
    finally:
        processes.remove(tree)


def json_processor(bench):
    file = make_json(bench.folder, HALF)
    query = "[.items[] | select(.price > 9000) | .stock.here] | add"

    def same(result, text):
        return result["results"] == [json.loads(text)]
    try:
        return [beside(bench, "json_processor",
                       {"operation": "query", "path": file.name, "query": query}, "jq",
                       ["jq", query, file], same)]
    finally:
        file.unlink()


def csv_analyzer(bench):
    file, rows = make_csv(bench.folder)
    try:
        return [beside(bench, "csv_analyzer",
                       {"operation": "analyze", "path": file.name, "max_rows": 5_000_000},
                       "a Python script", ["/usr/bin/python3", "-c", CSV_SCRIPT, file],
                       lambda result, text: result["row_count"] == rows == int(text.split()[-1]))]
    finally:
        file.unlink()


def archive_handler(bench):
    """The tool's files are on the disk when it ends (fsync); tar leaves that to the system."""
    tree, rows = make_text_tree(bench.folder), []

    def same(result, text):
        return result["files"] == 50 and text == ""
    try:
        for suffix, options, level in ((".tar.gz", "-czf", {"level": 6}), (".tar", "-cf", {})):
            rows.append(beside(bench, "archive_handler",
                               {"operation": "create", "path": "ours" + suffix, "files": ["tree"],
                                "overwrite": True, **level},
                               f"tar {options[:-1]}",
                               ["tar", options, "theirs" + suffix, "tree"], same))
            rows[-1].name += f" ({suffix[1:]})"
        return rows
    finally:
        processes.remove(tree)
        for name in ("ours.tar.gz", "theirs.tar.gz", "ours.tar", "theirs.tar"):
            (bench.folder / name).unlink(missing_ok=True)


NEEDS = {"file_search": "grep", "json_processor": "jq", "archive_handler": "tar"}


def figure(measure):
    """Says what is missing instead of failing: a tool that is not built, a program."""
    tool = measure.__name__

    def measured(bench):
        program = NEEDS.get(tool)
        if not tool_exists(bench, tool):
            return [Row(f"{tool}: missing", "", [], note="this build has no such tool")]
        if program and not processes.find_program(program):
            return [Row(f"{tool}: missing", "", [], note=f"{program} is not installed")]
        return measure(bench)
    return measured


FIGURES = {name: figure(measure) for name, measure in {
    "hash_calculator": hash_calculator, "file_search": file_search,
    "json_processor": json_processor, "csv_analyzer": csv_analyzer,
    "archive_handler": archive_handler}.items()}
