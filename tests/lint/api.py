#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/api.md of the comments in sdk/include/llmspell.

  tests/lint/api.py           complains if the page is not current; status 1
  tests/lint/api.py --write   writes it
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "api.md"
ORDER = ["tool", "fs", "host", "error", "version", "protocol", "kernel", "listen", "runtime", "plugin"]
HEAD = """# API reference

Made of the headers in `sdk/include/llmspell` by `tests/lint/api.py --write`; do not edit. The guide is [sdk.md](sdk.md).
"""


def prose(comment):
    """The text of a comment, without its stars; indented parts become code."""
    lines = [re.sub(r"^ ?\* ?", "", line.strip()) for line in comment.strip("/*").strip().splitlines()]
    lines = [line for line in lines if not re.match(r"SPDX|-+$", line)]
    out, code = [], False
    for line in lines:
        inside = line.startswith("    ") or (code and not line)
        if inside != code:
            out.append("```c" if inside else "```")
            code = inside
        banner = re.fullmatch(r"-+ (.*?) ?-*", line)
        out.append(line[4:] if inside else f"### {banner[1]}" if banner else line)
    return "\n".join(out + ["```"] * code).strip()


def items(text):
    """(comment, code) of each block between blank lines at the top level, in order."""
    text = re.sub(r"#(ifndef LLMSPELL_\w+_H\n#define LLMSPELL_\w+_H|ifdef __cplusplus\n.*?\n#endif)\n", "",
                  text, flags=re.S)
    text = re.sub(r"\n#endif\s*$", "\n", text)
    for block in re.split(r"\n\n(?=[^\s}])", text):
        match = re.match(r"\s*(/\*.*?\*/)?\s*(.*)", block, re.S)
        yield match[1] or "", re.sub(r"[ \t]+\\\n", " \\\n", match[2]).strip()


def without_body(code):
    """A static inline function is shown by its head."""
    if not re.match(r"(__attribute__.*)?static inline", code, re.S):
        return code
    return code.split("\n{")[0] + ";"


def section(name):
    lines = [f"\n## llmspell/{name}.h\n"]
    for comment, code in items((ROOT / "sdk/include/llmspell" / f"{name}.h").read_text()):
        code = "\n".join(line for line in without_body(code).splitlines()
                         if not line.startswith("#include"))
        text = prose(comment) if comment else ""
        if text:
            lines.append(text + "\n")
        if code.strip():
            lines.append(f"```c\n{code.strip()}\n```\n")
    return "\n".join(lines)


def main():
    headers = {path.stem for path in (ROOT / "sdk/include/llmspell").glob("*.h")}
    names = [name for name in ORDER if name in headers] + sorted(headers - set(ORDER))
    page = HEAD + "".join(section(name) for name in names)
    if "--write" in sys.argv:
        PAGE.write_text(page)
    elif not PAGE.exists() or PAGE.read_text() != page:
        print("docs/api.md is not what the headers say; run tests/lint/api.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
