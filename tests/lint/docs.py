#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the documents against the code, both ways.

  tests/lint/docs.py BUILD           complains, one line each; status 1 if there was anything
  tests/lint/docs.py BUILD --write   writes the generated tables of settings anew
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MAN = DOCS / "man"
PAGES = sorted(DOCS.glob("*.md")) + [ROOT / "README.md", ROOT / "CHANGELOG.md"]
PARTIAL = re.compile(r"_$")  # LLMSPELL_… as the beginning of a name

complaints = []


def complain(text):
    complaints.append(text)


def name_of(path):
    return str(path.relative_to(ROOT))


def page(name):
    return (DOCS / name).read_text()


def sources(*patterns):
    return "\n".join(path.read_text(errors="replace") for pattern in patterns
                     for path in sorted(ROOT.glob(pattern)) if path.is_file())


# ---- what the code says ----

class Program:
    """The built binary, asked for its commands, options and settings."""

    def __init__(self, build):
        self.binary = Path(build).resolve() / "bin" / "llmspell"
        self.home = tempfile.mkdtemp(prefix="llmspell-docs-")
        names = re.findall(r'const struct command cmd_\w+ = \{\s*\.name = "([a-z -]+)"',
                           sources("host/cli/*.c"))
        self.commands = {name: self.options(name) for name in names}
        self.globals = self.option_lines(self.run("help").split("Options", 1)[1])
        self.settings = self.read_settings()

    def run(self, *arguments):
        env = {key: value for key, value in os.environ.items() if not key.startswith("LLMSPELL_")}
        done = subprocess.run([self.binary, *arguments], text=True, capture_output=True,
                              env={**env, "LLMSPELL_HOME": self.home, "TERM": "dumb"})
        if done.returncode != 0:
            complain(f"llmspell {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout

    @staticmethod
    def option_lines(text):
        """{"--timeout": (letter, takes a value)} of the lines of a help text."""
        rows = re.findall(r"^  (?:-(\w), |    )(--[a-z-]+)( [^ ]+)?  ", text, re.M)
        return {name: (letter, bool(value.strip())) for letter, name, value in rows}

    def options(self, command):
        text = self.run("help", *command.split())
        own = text.split("\nOptions of every command")[0]
        return self.option_lines(own.split("\nOptions", 1)[1]) if "\nOptions" in own else {}

    def read_settings(self):
        """[(section, key, help, accepts, default, reloadable)], from `config init`."""
        file = Path(self.home) / "all.ini"
        self.run("-q", "config", "init", str(file))
        rows, section, lines = [], None, []
        for line in file.read_text().splitlines() if file.exists() else []:
            if match := re.fullmatch(r"\[(\w+)\]", line):
                section, lines = match[1], []
            elif match := re.match(r";(\w+) =", line):
                text = " ".join(lines)
                help_text, accepts, default, rest = re.fullmatch(
                    r"(.*?) Accepts (.*)\. Default: (.*?)\.( A reload applies changes\.)?",
                    text).groups()
                rows.append((section, match[1], help_text, accepts, default, bool(rest)))
                lines = []
            elif line.startswith("# ") and section:
                lines.append(line[2:])
        return rows


def manifests():
    return {path.parent.name: json.loads(path.read_text())
            for path in sorted(ROOT.glob("plugins/*/*/*.json")) if path.stem == path.parent.name}


def plugin_keys():
    """{"runtime.lua": {key: schema}}"""
    return {f"{m['kind']}.{m['name']}": m["config"]["properties"]
            for m in manifests().values() if "config" in m}


# ---- the generated tables ----

def plugin_accepts(schema):
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    kind = {"integer": "an integer", "number": "a number", "boolean": "true or false",
            "array": "items separated by commas"}.get(schema.get("type"), "a text")
    low, high = schema.get("minimum"), schema.get("maximum")
    return f"{kind} from {low} to {high}" if low is not None and high is not None else kind


def plugin_default(schema):
    default = schema.get("default", "unset")
    return "empty" if default == "" else str(default).lower() if isinstance(default, bool) else str(default)


def code(text):
    return text if text in ("unset", "empty") else f"`{text}`"


def md_cell(text):
    return re.sub(r"(\$\{\w+\}|\$[A-Z_]+\S*/\S+json|\$[A-Z_]+\S*\.log)", r"`\1`", text).replace("|", "\\|")


def md_table(rows):
    lines = ["| key | default | accepts | |", "|---|---|---|---|"]
    return lines + [f"| `{key}` | {code(default)} | {accepts} | {md_cell(text)} |"
                    for key, text, accepts, default in rows]


def scd_escape(text):
    return re.sub(r"([\\*_<>])", r"\\\1", text)


def scd_list(rows):
    lines = []
    for key, text, accepts, default in rows:
        lines += [f"*{key}*", f"\t{scd_escape(text)} Accepts {scd_escape(accepts)}. "
                              f"Default: {scd_escape(default)}.", ""]
    return lines


def blocks(program):
    """(file, begin, end, text) of each generated block."""
    reload_note = " A reload applies changes."
    host, plugins = {}, {}
    for section, key, text, accepts, default, again in program.settings:
        host.setdefault(section, []).append((key, text, accepts, default, again))
    for section, properties in plugin_keys().items():
        plugins[section] = [(key, s.get("description", "") + ".", plugin_accepts(s), plugin_default(s))
                            for key, s in properties.items()]
    md_host, scd_host, md_plugins, scd_plugins = [], [], [], []
    for section, rows in host.items():
        md_host += ["", f"### [{section}]", ""] + md_table([row[:4] for row in rows])
        scd_host += [f"## [{section}]", ""] + scd_list(
            [(key, text + (reload_note if again else ""), accepts, default)
             for key, text, accepts, default, again in rows])
    for section, rows in plugins.items():
        md_plugins += ["", f"### [{section}]", ""] + md_table(rows)
        scd_plugins += [f"## [{section}]", ""] + scd_list(rows)
    md, scd = DOCS / "configuration.md", MAN / "llmspell.ini.5.scd"
    return [(md, "<!-- settings: generated", "<!-- end -->", "\n".join(md_host) + "\n\n"),
            (md, "<!-- plugins: generated", "<!-- end -->", "\n".join(md_plugins) + "\n\n"),
            (scd, "; settings: generated", "; end", "\n" + "\n".join(scd_host)),
            (scd, "; plugins: generated", "; end", "\n" + "\n".join(scd_plugins))]


def check_generated(program, write):
    for file, begin, end, expected in blocks(program):
        text = file.read_text()
        at = text.find(begin)
        start, stop = text.find("\n", at) + 1, text.find(end, at)
        if at < 0 or stop < 0:
            complain(f"{name_of(file)}: no block \"{begin} …\" to \"{end}\"")
        elif write:
            file.write_text(text[:start] + expected + text[stop:])
        elif text[start:stop] != expected:
            complain(f"{name_of(file)}: the table \"{begin} …\" is not what the program says; "
                     "run tests/lint/docs.py BUILD --write")


# ---- code → documents ----

def check_commands(program):
    text = (MAN / "llmspell.1.scd").read_text()
    body = text.split("\n# COMMANDS\n")[1].split("\n# EXIT STATUS\n")[0]
    parts = re.split(r"^\*([a-z]+(?: [a-z][a-z-]*)?)\*", body, flags=re.M)
    described = dict(zip(parts[1::2], parts[2::2]))
    for name in program.commands.keys() - described.keys():
        complain(f"llmspell(1) lacks the command {name}")
    for name in described.keys() - program.commands.keys():
        complain(f"llmspell(1) has a command that there is not: {name}")
    for name in program.commands.keys() & described.keys():
        compare_options(f"of {name}", program.commands[name], described[name])
    compare_options("of every command", program.globals, text.split("\n# COMMANDS\n")[0])


def compare_options(whose, options, text):
    named = set(re.findall(r"^\s*(?:\*-\w\*, )?\*(--[a-z-]+)\*", text, re.M)) - {"--version"}
    for option in sorted(options.keys() - named):
        complain(f"llmspell(1) lacks the option {option} {whose}")
    for option in sorted(named - options.keys()):
        complain(f"llmspell(1) has an option that there is not: {option} {whose}")
    for option in sorted(named & options.keys()):
        letter = options[option][0]
        if letter and f"*-{letter}*, *{option}*" not in text:
            complain(f"llmspell(1) lacks -{letter} for {option} {whose}")


WAYS = {"EXECUTOR": "executor", "IN_ORDER": "at once or in order", "POOL": "pool", "HISTORY": "history",
        "AT_ONCE": "at once", "OWNER": "main", "BY_RUNTIME": "executor, or at once"}


def check_messages():
    rules = dict(re.findall(r'\{"(\w+)", (EXECUTOR|IN_ORDER|POOL|HISTORY|AT_ONCE|OWNER|BY_RUNTIME), \w+\}',
                            sources("host/kernel/dispatch.c")))
    text = page("messages.md")
    if len(rules) < 8:
        complain("docs.py finds no table of messages in host/kernel/dispatch.c")
    for message, way in rules.items():
        reply = f"`{message.replace('_request', '_reply')}`" if message.endswith("_request") else "none"
        row = f"| [`{message}`](#{message}) | {WAYS[way]} | {reply} |"
        if row not in text:
            complain(f"messages.md lacks the row: {row}")
        if f"\n### {message}\n" not in text:
            complain(f"messages.md lacks a section about {message}")
    for heading in re.findall(r"^### (\w+_request)$", text, re.M):
        if heading not in rules:
            complain(f"messages.md describes {heading}, which the kernel does not know")
    events = set(re.findall(r'(?:publish(?:_new)?|output_emit|send_message)\([^;]*?"([a-z_]+)"[,)]',
                            sources("host/kernel/*.c", "plugins/runtimes/lua/*.c",
                                    "plugins/protocols/jupyter/serve.c")))
    for event in sorted(events - {"execution_state"}):
        if f"`{event}`" not in text:
            complain(f"messages.md lacks the event {event}")


def check_status_fields():
    function = sources("host/kernel/info.c").split("json_t *answer_status")[1]
    text = page("messages.md").split("### status_request")[1].split("###")[0]
    for field in re.findall(r'"([a-z_]+)"', function):
        if field not in ("status", "ok", "kernel") and f"`{field}`" not in text:
            complain(f"messages.md: status_request lacks the field {field}")


def check_errors():
    rows = re.findall(r'X\((LLMSPELL_E\w+), (-\d+), "(\w+)", "([^"]+)"\)', sources("sdk/include/llmspell/error.h"))
    text = page("sdk.md")
    if len(rows) < 16:
        complain("docs.py finds no list of errors in error.h")
    for symbol, number, name, meaning in rows:
        row = f"| `{symbol}` | {number} | `{name}` | {meaning} |"
        if row not in text:
            complain(f"sdk.md lacks the row: {row}")


def check_manifest_keys():
    rules = re.findall(r'^    \{"(\w+)", JSON_', sources("host/plugin/manifest.c"), re.M)
    section = page("plugins.md").split("## The manifest")[1].split("### Capabilities")[0]
    named = {key for row in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section, re.M)
             for key in re.findall(r"`(\w+)`", row)}
    for key in set(rules) ^ named:
        complain(f"the manifest key {key} is in only one of manifest.c and plugins.md")


def public_symbols():
    text = sources("sdk/include/llmspell/*.h")
    names = set(re.findall(r"^#define (LLMSPELL_\w+)", text, re.M))
    names |= set(re.findall(r"^(?:struct|enum) (llmspell_\w+)", text, re.M))
    names |= set(re.findall(r"static inline [^;{]*?\b(llmspell_\w+)\(", text))
    names |= set(re.findall(r"typedef [^;]*\(\*(llmspell_\w+)\)", text))
    names |= set(re.findall(r"extern const struct \w+ (llmspell_\w+);", text))
    return {name for name in names if not name.endswith("_H")}


def check_symbols(program):
    documents = "\n".join(path.read_text() for path in PAGES + sorted(MAN.glob("*.scd")))
    for name in sorted(public_symbols()):
        if not re.search(rf"\b{name}\b", documents):
            complain(f"no document names the public symbol {name}")
    known = sources("host/**/*.[ch]", "host/CMakeLists.txt", "sdk/**/*", "plugins/**/*.[ch]",
                    "CMakeLists.txt", "tests/**/*.py", "conf/**/*") if documents else ""
    variables = {f"LLMSPELL_{s}_{k}".upper() for s, k, *_ in program.settings}
    variables |= {f"LLMSPELL_{s}_{k}".upper().replace(".", "_")
                  for s, keys in plugin_keys().items() for k in keys} | {"LLMSPELL_SECTION_KEY"}
    for name in sorted(set(re.findall(r"\b(?:LLMSPELL|llmspell)_\w+", documents))):
        if name not in variables and not PARTIAL.search(name) and not re.search(rf"\b{name}\b", known):
            complain(f"a document names {name}, which is nowhere in the code")


def check_words(what, words, name):
    text = page(name)
    if not words:
        complain(f"docs.py finds no {what} in the code")
    for word in sorted(words):
        if not re.search(rf"`{re.escape(word)}[`({{]", text):
            complain(f"{name} lacks the {what} {word}")


def lua_functions(file, variable, table):
    body = re.search(rf"luaL_Reg {variable}\[\] = \{{(.*?)\}};", sources(f"plugins/runtimes/lua/{file}"),
                     re.S)
    return {f"{table}.{name}" for name in re.findall(r'\{"(\w+)",', body[1])} if body else set()


def check_lists():
    keywords = sources("host/schema/build_keywords.c").split("rows[] = {")[1].split("};")[0]
    check_words("keyword", set(re.findall(r'"([$\w]+)"', keywords)), "schema.md")
    formats = sources("host/schema/format.c")
    check_words("format", set(re.findall(r'\{"([a-z0-9-]+)", schema_format', formats)), "schema.md")
    check_words("tool", {m["name"] for m in manifests().values() if m["kind"] == "tool"}, "tools.md")
    check_words("function", lua_functions("tools.c", "functions", "Tool"), "lua.md")
    check_words("function", lua_functions("json.c", "functions", "JSON"), "lua.md")
    check_words("function", lua_functions("comm.c", "functions", "Comm"), "lua.md")
    check_words("method", lua_functions("comm.c", "methods", "comm"), "lua.md")
    check_words("widget", widget_names(), "lua.md")
    check_lua_names()


def widget_names():
    body = re.search(r"NAMES\[\] = \{(.*?)\};", sources("plugins/runtimes/lua/widget.c"), re.S)
    return {f"Widget.{name}" for name in re.findall(r'"(\w+)"', body[1])} if body else set()


def check_lua_names():
    known = {"Tool.NAME", "JSON.null", "Widget.NAME"} | {f"Tool.{name}" for name in manifests()}
    known |= lua_functions("comm.c", "functions", "Comm") | widget_names()
    known |= lua_functions("tools.c", "functions", "Tool") | lua_functions("json.c", "functions", "JSON")
    for file in PAGES:
        for name in re.findall(r"\b((?:Tool|JSON|Comm|Widget)\.[A-Za-z_]\w*)", file.read_text()):
            if name not in known:
                complain(f"{name_of(file)}: Lua has no {name}")


# ---- documents → code ----

def slug(heading):
    text = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", lambda m: m[1] or "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)


def anchors(file):
    return {slug(h) for h in re.findall(r"^#+ (.+)$", without_code(file.read_text()), re.M)}


def check_links(file):
    prose = re.sub(r"``.+?``|`[^`\n]*`", "", without_code(file.read_text()))
    for target in re.findall(r"\[[^]]*\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        other = (file.parent / path).resolve() if path else file
        if not other.exists():
            complain(f"{name_of(file)}: the link {target} leads nowhere")
        elif anchor and other.suffix == ".md" and anchor not in anchors(other):
            complain(f"{name_of(file)}: no heading for the link {target}")


def calls_in(text):
    """The calls of llmspell that a page shows: in code blocks and between back quotes."""
    for block in re.findall(r"^\s*```(?:sh|console)?\n(.*?)^\s*```$", text, re.S | re.M):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r" \| | && |; ", line.split("   #")[0].removeprefix("$ ")):
                part = re.sub(r"^(?:\w+=\S+ )*", "", part.strip())
                if re.match(r"(?:\S*/)?llmspell [^:]", part):
                    yield part
    for part in re.findall(r"`(llmspell [^`…:]+)`", without_code(text)):
        if "|" not in part:
            yield part


def check_call(where, call, program):
    try:
        words = shlex.split(call, comments=True)[1:]
    except ValueError:
        return  # goes on in another line
    known = {**program.globals, "--version": ("V", False)}
    plain, i, stop = [], 0, False
    while i < len(words):
        word = words[i]
        own = program.commands.get(" ".join(plain[:2])) or program.commands.get(plain[0] if plain else "")
        if plain and plain[0] == "run" and len(plain) > 1:
            break  # the rest is the script's
        if re.match(r"-{1,2}[a-z]", word):
            name = word.split("=")[0]
            options = {**known, **(own or {}), **program.commands.get(" ".join(words_ahead(words, i)), {})}
            found = next((o for o in options if o == name or "-" + options[o][0] == name), None)
            if not found:
                complain(f"{where}: no such option: {call}")
                return
            i += options[found][1] and "=" not in word
        else:
            plain.append(word)
        i += 1
    if plain and " ".join(plain[:2]) not in program.commands and plain[0] not in program.commands:
        complain(f"{where}: no such command: {call}")


def words_ahead(words, i):
    return [word for word in words[i:] if re.fullmatch(r"[a-z][a-z-]*", word)][:2]


def check_settings_named(file, settings):
    for section, key in re.findall(r"`\[([a-z]+(?:\.[a-z_]+)?)\] ([a-z_]+)", file.read_text()):
        if (section, key) not in settings:
            complain(f"{name_of(file)}: there is no setting [{section}] {key}")


def check_man_renders(file):
    if not shutil.which("scdoc"):
        return
    done = subprocess.run(["scdoc"], input=file.read_text(), text=True, capture_output=True)
    if done.returncode != 0:
        complain(f"{name_of(file)}: {done.stderr.strip()}")


def main():
    program = Program(sys.argv[1])
    try:
        check_generated(program, "--write" in sys.argv)
        check_commands(program)
        check_messages()
        check_status_fields()
        check_errors()
        check_manifest_keys()
        check_symbols(program)
        check_lists()
        settings = {(s, k) for s, k, *_ in program.settings}
        settings |= {(s, k) for s, keys in plugin_keys().items() for k in keys}
        for file in PAGES:
            check_links(file)
        for file in sorted(MAN.glob("*.scd")):
            check_man_renders(file)
        for file in PAGES + sorted(MAN.glob("*.scd")):
            check_settings_named(file, settings)
            for call in calls_in(file.read_text()):
                check_call(name_of(file), call, program)
    finally:
        shutil.rmtree(program.home, ignore_errors=True)
    for text in complaints:
        print(text)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
