# SPDX-License-Identifier: Apache-2.0
"""Plugin files that must be refused at discovery, before any code of them runs."""
import json
import os

from plugins import maker


def text_of(name, **changes):
    return json.dumps(maker.manifest(name, **changes))


def cut_file(file):
    maker.make(file)
    data = file.read_bytes()
    _, at, size = maker.note_header(data)
    file.write_bytes(data[:at + size // 2])


def long_note(file):
    maker.make(file)
    _, at, size = maker.note_header(file.read_bytes())
    maker.patch(file, at + 4, "<I", size + 1000)  # the length of its text


def long_owner(file):
    maker.make(file)
    _, at, _ = maker.note_header(file.read_bytes())
    maker.patch(file, at, "<I", 0xFFFFFFFF)


def long_segment(file):
    maker.make(file)
    data = file.read_bytes()
    header, at, _ = maker.note_header(data)
    maker.patch(file, header + 32, "<Q", len(data))  # reaches beyond the end of the file


def huge_segment(file):
    maker.make(file)
    header, _, _ = maker.note_header(file.read_bytes())
    maker.patch(file, header + 32, "<Q", 1 << 62)


def headers_beyond_end(file):
    maker.make(file)
    maker.patch(file, 32, "<Q", (1 << 63) - 8)


def of_length(name, length):
    text = text_of(name, description="")
    return text_of(name, description="x" * (length - len(text)))


def changed_byte(at, layout, value):
    def change(file):
        maker.make(file)
        maker.patch(file, at, layout, value)
    return change


def nested_duplicates(file):
    text = text_of(file.stem)
    twice = text.replace('"properties": {"name"', '"properties": {"name": {}, "name"')
    assert twice != text
    maker.make(file, twice)


def object_file(file):
    source = file.parent.parent / "object.c"
    source.write_text("int nothing;\n")
    maker.compile("-c", "-o", file, source)


def with_text(make_text):
    return lambda file: maker.make(file, make_text(file.stem))


AT_DISCOVERY = {
    "no_note": (lambda file: maker.make(file, note=False), r"holds no llmspell manifest.*llmspell_add_tool"),
    "cut_file": (cut_file, r"is cut: it ends before byte \d+; build or copy it again"),
    "long_note": (long_note, r"longer than its segment.*build it again"),
    "long_owner": (long_owner, r"longer than its segment"),
    "long_segment": (long_segment, r"is cut: it ends before byte"),
    "huge_segment": (huge_segment, r"its notes have \d+ bytes; a manifest may have 262144"),
    "headers_beyond_end": (headers_beyond_end, r"is cut|cannot read"),
    "note_of_300_kb": (with_text(lambda name: of_length(name, 300 * 1024)),
                       r"its manifest has 307200 bytes; 1 to 262144"),
    "note_of_a_mb": (with_text(lambda name: of_length(name, 1 << 20)), r"a manifest may have 262144"),
    "empty_note": (with_text(lambda name: ""), r"its manifest has 0 bytes"),
    "duplicate_name": (with_text(lambda name: text_of(name)[:-1] + ', "name": "other"}'),
                       r'the key "name" twice|duplicate object key'),
    "duplicate_title": (with_text(lambda name: text_of(name)[:-1] + ', "title": "Other"}'),
                        r"duplicate object key near '\"title\"'"),
    "cut_json": (with_text(lambda name: text_of(name)[:-20]), r"its manifest is not"),
    "array": (with_text(lambda name: f"[{text_of(name)}]"), r"is not a JSON object"),
    "no_json": (with_text(lambda name: "name = no_json"), r"is not a JSON object"),
    "no_kind": (with_text(lambda name: text_of(name, kind=None)), r'"kind" in its manifest must be'),
    "bad_name": (with_text(lambda name: text_of(name).replace('"bad_name"', '"Bad Name"')),
                 r'"name" in its manifest must match'),
    "no_abi": (with_text(lambda name: text_of(name, abi=None)), r'"abi" in its manifest must be'),
    "wrong_major": (with_text(lambda name: text_of(name, abi={"major": 2, "minor": 0})),
                    r"built for plugin ABI 2\.0, this host has 1\.\d+: install a newer llmspell"),
    "old_major": (with_text(lambda name: text_of(name, abi={"major": 0, "minor": 9})),
                  r"ABI 0\.9, this host has 1\.\d+: build the plugin again with this llmspell's SDK"),
    "newer_minor": (with_text(lambda name: text_of(name, abi={"major": 1, "minor": 999})),
                    r"ABI 1\.999, this host has 1\.\d+: install a newer llmspell, or build"),
    "no_elf": (lambda file: file.write_text("#!/bin/sh\necho not a plugin\n" * 10),
               r"is not an ELF file"),
    "empty": (lambda file: file.touch(), r"is not an ELF file"),
    "elf_class": (changed_byte(4, "<B", 1), r"built for another kind of machine"),
    "byte_order": (changed_byte(5, "<B", 2), r"built for another kind of machine"),
    "other_machine": (changed_byte(18, "<H", 8), r"built for another kind of machine"),  # MIPS
    "object_file": (object_file, r"is not a shared object"),
    "folder": (lambda file: file.mkdir(), r"is not a regular file"),
    "fifo": (lambda file: os.mkfifo(file), r"is not a regular file"),
    "device": (lambda file: file.symlink_to("/dev/zero"), r"is not a regular file"),
}
