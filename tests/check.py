#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the suites and prints one closing line: N passed, N failed, N skipped.

  tests/check.py --build build lint unit integration interop
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "/usr/bin/python3"
NOT_UNDER_TSAN = {
    "test_lua_interrupt": "TSan delivers signals only between its own calls, so no loop is ended",
}


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def add(self, passed, failed, skipped=0, failures=()):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        self.failures += failures


def run_lint(options, totals):
    for script in sorted((ROOT / "tests" / "lint").glob("*.sh")):
        done = subprocess.run([str(script), str(options.build)], cwd=ROOT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        print(f"lint {script.stem}: {'ok' if done.returncode == 0 else 'FAILED'}")
        if done.returncode != 0:
            print(done.stdout)
        totals.add(done.returncode == 0, done.returncode != 0, 0,
                   [f"lint/{script.name}"] if done.returncode else [])


def run_unit(options, totals):
    """CUnit programs: each prints `tests total ran passed failed inactive`."""
    programs = sorted(p for p in (options.build / "tests").glob("test_*") if os.access(p, os.X_OK))
    if not programs:
        totals.add(0, 1, 0, ["unit: no program was built"])
    for program in programs:
        if options.sanitizer == "thread" and program.name in NOT_UNDER_TSAN:
            print(f"unit {program.name}: skipped ({NOT_UNDER_TSAN[program.name]})")
            totals.add(0, 0, 1)
            continue
        if options.k and not re.search(options.k.replace(" or ", "|"), program.name):
            continue
        try:
            done = subprocess.run([str(program)], cwd=options.build / "tests", text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240,
                                  env=options.env, errors="replace")
            output, code = done.stdout, done.returncode
        except subprocess.TimeoutExpired as late:
            output, code = (late.stdout or b"").decode(errors="replace") + "\nTIMED OUT", -1
        row = re.search(r"^\s*tests\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", output, re.M)
        ran, passed, failed = (int(row[2]), int(row[3]), int(row[4])) if row else (0, 0, 0)
        if code != 0 and failed == 0:  # crashed, or a sanitizer spoke
            failed = 1
        print(f"unit {program.name}: {passed} of {max(ran, passed + failed)} passed")
        if failed or not row:
            print(output[-6000:])
        totals.add(passed, failed or (not row), 0, [program.name] if failed or not row else [])


def run_corpora(options, totals):
    """The fuzz targets over their corpus, cut at every length."""
    for folder in sorted((ROOT / "tests" / "fuzz" / "corpus").iterdir()):
        program = options.build / "fuzz" / f"fuzz_{folder.name}"
        done = subprocess.run([str(program), str(folder)], text=True, env=options.env, timeout=240,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
        print(f"corpus {folder.name}: {done.stdout.strip() if done.returncode == 0 else 'FAILED'}")
        if done.returncode != 0:
            print(done.stdout[-6000:])
        totals.add(done.returncode == 0, done.returncode != 0, 0,
                   [f"fuzz/{folder.name}"] if done.returncode else [])


def run_pytest(options, totals, suite):
    report = options.build / f"pytest-{suite}.xml"
    report.unlink(missing_ok=True)
    command = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-x" if options.x else "-q",
               f"--junitxml={report}", str(ROOT / "tests" / suite)]
    if options.k:
        command += ["-k", options.k]
    done = subprocess.run(command, cwd=ROOT, env=options.env)
    if not report.exists():
        totals.add(0, 1, 0, [f"{suite}: pytest did not run"])
        return
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        bad = bool(kinds & {"failure", "error"})
        skip = "skipped" in kinds
        totals.add(not bad and not skip, bad, skip,
                   [f"{case.get('classname')}::{case.get('name')}"] if bad else [])
    if done.returncode not in (0, 1, 5):
        totals.add(0, 1, 0, [f"{suite}: pytest ended with status {done.returncode}"])


def environment(options):
    env = dict(os.environ, LLMSPELL_BUILD=str(options.build), PYTHONDONTWRITEBYTECODE="1",
               LLMSPELL_TOOLS_CHECK_RESULTS="1")
    for name in ("LLMSPELL_HOME", "LLMSPELL_CONFIG", "LLMSPELL_PLUGIN_PATH"):
        env.pop(name, None)
    if options.sanitizer == "address":
        env["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0:exitcode=99:detect_stack_use_after_return=0"
        env["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1:exitcode=99"
        env["LSAN_OPTIONS"] = f"suppressions={ROOT}/tests/sanitizers/lsan.supp:print_suppressions=0"
    if options.sanitizer == "thread":
        env["TSAN_OPTIONS"] = f"suppressions={ROOT}/tests/sanitizers/tsan.supp:halt_on_error=0:exitcode=66"
    if options.sanitizer:
        env["LLMSPELL_SANITIZER"] = options.sanitizer
    return env


def main():
    # A shell in which this was started in the background has SIGINT ignored, and so would all
    # programs that are tested with Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--sanitizer", choices=["address", "thread"])
    parser.add_argument("-k", help="only tests whose name matches (a or b)")
    parser.add_argument("-x", action="store_true", help="stop at the first failure of a suite")
    parser.add_argument("suites", nargs="+",
                        choices=["lint", "unit", "integration", "interop", "npm", "stress"])
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.env = environment(options)
    totals = Totals()
    for suite in options.suites:
        print(f"== {suite}", flush=True)
        if suite == "lint":
            run_lint(options, totals)
        elif suite == "unit":
            run_unit(options, totals)
            run_corpora(options, totals)
        else:
            run_pytest(options, totals, suite)
    for name in totals.failures:
        print(f"FAILED {name}")
    print(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped", flush=True)
    return 1 if totals.failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main())
