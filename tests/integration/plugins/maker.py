# SPDX-License-Identifier: Apache-2.0
"""Makes plugin files, good and bad, with cc and the SDK's note template; changes their bytes."""
import json
import os
import shlex
import struct
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
SDK = HERE.parents[2] / "sdk"
CC = os.environ.get("CC", "cc")
PT_NOTE = 4

# As llmspell_add_tool() links; most tests do without, since a bad plugin has no such flags either.
HARDENED = ["-Wl,-z,now,-z,relro,-z,nodelete"]

# TSan must see the plugin's reference counts, which <jansson.h> inlines; but a host that is not
# built with it cannot load such a plugin, so that a plain twin is made, too.
TSAN = ["-fsanitize=thread"] if os.environ.get("LLMSPELL_SANITIZER") == "thread" else []


def flags(*packages):
    found = subprocess.run(["pkg-config", "--cflags", "--libs", *packages], check=True, text=True,
                           capture_output=True)
    return shlex.split(found.stdout)


def compile(*arguments):
    done = subprocess.run([CC, *map(str, arguments)], text=True, capture_output=True)
    assert done.returncode == 0, f"{arguments}\n{done.stderr}"


def manifest(name="greet", **changes):
    """A whole manifest; a change to None removes the key."""
    whole = {
        "manifest": 1, "kind": "tool", "name": name, "version": "1.2.3",
        "abi": {"major": 1, "minor": 0}, "title": "Greeting", "description": "Greets by name.",
        "category": "utility", "keywords": ["hello"], "aliases": [], "capabilities": [],
        "annotations": {"readOnly": True, "destructive": False, "idempotent": True,
                        "openWorld": False},
        "parameters": {"type": "object", "additionalProperties": False,
                       "properties": {"name": {"type": "string", "default": "Ada",
                                               "description": "Who"}}},
        "result": {"type": "object"},
        "examples": [{"title": "Greet", "params": {"name": "Bob"},
                      "result_contains": {"/greeting": "Bob"}}],
        "license": "Apache-2.0",
    }
    whole.update(changes)
    return {key: value for key, value in whole.items() if value is not None}


def note_source(folder, text):
    """The assembler file that embeds text, made of the SDK's template as its users make it."""
    embedded, source = folder / "manifest.json", folder / "note.S"
    embedded.write_bytes(text if isinstance(text, bytes) else text.encode())
    template = (SDK / "cmake" / "note.S.in").read_text()
    assert "@LLMSPELL_MANIFEST_PATH@" in template
    source.write_text(template.replace("@LLMSPELL_MANIFEST_PATH@", str(embedded)))
    return source


def work_folder(file):
    return file.parent.parent / f"work-{file.parent.name}-{file.stem}"


def plain(file):
    """The same plugin for a host without a sanitizer."""
    return work_folder(file) / "plain.so" if TSAN else file


def make(file, text=None, defines=(), note=True, sources=("greet.c",), libraries=None,
         link=()):
    """Compiles plugins/greet.c into file. text: the manifest (a dict, text or bytes)."""
    work = work_folder(file)
    work.mkdir(exist_ok=True)
    file.parent.mkdir(exist_ok=True, mode=0o755)
    text = manifest(file.stem) if text is None else text
    text = json.dumps(text) if isinstance(text, dict) else text
    extra = [note_source(work, text)] if note else []
    made = work / file.name
    arguments = ["-std=gnu11", "-O1", "-fPIC", "-fvisibility=hidden", "-shared",
                 f"-I{SDK / 'include'}", *[f"-D{d}" for d in defines], *[HERE / s for s in sources],
                 *extra, *link, "-pthread", *(flags("jansson") if libraries is None else libraries)]
    if TSAN:
        compile(*arguments, "-o", work / "plain.so")
    compile(*TSAN, *arguments, "-o", made)
    made.chmod(0o755)
    os.replace(made, file)  # as a package manager does it
    return file


def define(name, text):
    return f'{name}="{text}"'


def headers(data):
    """(offset of the program header, its fields) of an ELF64 file."""
    at, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for i in range(count):
        yield at + i * size, struct.unpack_from("<IIQQQQQQ", data, at + i * size)


def note_header(data):
    """(offset of its program header, offset of our note, size of its segment)."""
    for at, (kind, _, offset, _, _, size, _, _) in headers(data):
        if kind == PT_NOTE:
            found = data.find(b"\x01\0\0\0llmspell\0", offset, offset + size)
            if found >= 0:
                return at, found - 8, size
    raise AssertionError("no note")


def patch(file, at, layout, *values):
    data = bytearray(file.read_bytes())
    struct.pack_into(layout, data, at, *values)
    file.write_bytes(data)
