#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures llmspell beside a floor program in the same run (docs/performance.md).

  tests/bench/bench.py --build build [--quick] [--only NAME,NAME] [--json FILE]
"""
import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import daemons
import debugger
import figures
import processes
import tools

FIGURES = {**figures.FIGURES, **daemons.FIGURES, **debugger.FIGURES, **tools.FIGURES}
SIGNS = {"<=": "≤", ">=": "≥"}
WHAT = {"ours": "", "ratio": "x", "ours_p99": "p99 ", "ratio_p99": "p99 x"}


def number(value):
    if value is None:
        return ""
    if math.isinf(value):
        return "never"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def goal_text(row):
    return ", ".join(f"{WHAT[what]}{SIGNS[sign]} {number(limit)}" for what, sign, limit in row.goals)


def cells(row):
    def column(what):
        values = getattr(row, what)
        if len(values) < 2:
            return number(row.value(what))
        return f"{number(statistics.median(values))} ({number(min(values))}..{number(max(values))})"

    verdict = {None: "", True: "ok", False: "OVER"}[row.is_good()]
    name = f"{row.name}, {row.unit}" if row.unit else row.name
    return [name, column("floor"), column("ours"), number(row.value("ratio")), goal_text(row),
            verdict, row.note]


def print_table(rows):
    table = [["figure", "floor (min..max)", "ours (min..max)", "ratio", "goal", "", ""]]
    table += [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for line in table:
        print("  ".join(cell.rjust(width) if 0 < i < 4 else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip())


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    debian = Path("/etc/debian_version")
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)),
            "kernel": platform.release(),
            "debian": debian.read_text().strip() if debian.exists() else "",
            "load": round(os.getloadavg()[0], 2)}


def measure(bench, names):
    rows, failed = [], []
    for name in names:
        before = time.monotonic()
        try:
            rows += FIGURES[name](bench)
        except (processes.Failed, subprocess.TimeoutExpired) as why:
            failed.append((name, str(why)))
        finally:
            bench.stop_kernels()
        processes.complain(f"bench: {name}: {time.monotonic() - before:.1f} s")
    return rows, failed


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, type=Path, help="build folder with bin/llmspell")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, for a first look")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers into FILE")
    parser.add_argument("--only", metavar="NAMES", default=",".join(FIGURES),
                        help="these figures, with commas: %(default)s")
    options = parser.parse_args()
    options.only = [name for name in options.only.split(",") if name]
    unknown = [name for name in options.only if name not in FIGURES]
    if unknown:
        parser.error(f"no figure is called {', '.join(unknown)}")
    if not (options.build / "bin" / "llmspell").exists():
        parser.error(f"{options.build}/bin/llmspell does not exist: build first")
    return options


def main():
    options = arguments()
    began, here = time.monotonic(), machine()
    with tempfile.TemporaryDirectory(prefix="llmspell-bench-") as folder:
        bench = processes.Bench(folder, options.build, options.quick)
        rows, failed = measure(bench, options.only)
    print(f"{here['cpu']}, {here['cores']} cores, Linux {here['kernel']}, Debian {here['debian']}, "
          f"load {here['load']}; medians; ratio: median of pairs taken in turns")
    print_table(rows)
    for name, why in failed:
        print(f"FAILED {name}: {why}")
    over = sum(row.is_good() is False for row in rows)
    held = sum(row.is_good() is True for row in rows)
    print(f"{held} goals held, {over} over, {len(failed)} figures failed, "
          f"{time.monotonic() - began:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(
            {"machine": here, "quick": options.quick, "figures": [row.document() for row in rows],
             "failed": dict(failed)}, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
