# SPDX-License-Identifier: Apache-2.0
"""pdf_processor against qpdf and pdftotext by hand, with encryption of other writers, and with hostile
files. The PDF files are made here."""
import json
import random
import subprocess
import time
import zlib

import pytest

from conftest import SLOW

HELVETICA = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def invoke(llmspell, *settings, **params):
    done = llmspell.run(*settings, "tool", "invoke", "pdf_processor", "--params", "-", "--output", "json",
                        input=json.dumps(params))
    return done.json.get("result") or done.json["error"]


def pdf(*objects, trailer=b""):
    """A file of these objects, from 1; the first is the catalog."""
    data, offsets = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n", []
    for number, text in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    end = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return data + b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, trailer, end)


def stream(data, rest=b""):
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), rest, data)


def pages(texts, page=b"", more=(), trailer=b""):
    """One page a text."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * i) for i in range(len(texts)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>",
               b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(texts)), HELVETICA]
    for index, text in enumerate(texts):
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
                       b"/Resources << /Font << /F 3 0 R >> >> %s >>" % (5 + 2 * index, page))
        objects.append(stream(b"BT /F 24 Tf 72 700 Td (%s) Tj ET" % text.encode("cp1252")))
    return pdf(*objects, *more, trailer=trailer)


def save(llmspell, name, data):
    (llmspell.cwd / name).write_bytes(data)
    return name


def shell(llmspell, *words):
    return subprocess.run(words, cwd=llmspell.cwd, capture_output=True, text=True)


def text_of(llmspell, name, **params):
    return invoke(llmspell, operation="text", path=name, **params)["text"]


def test_qpdf_finds_our_files_sound(llmspell):
    save(llmspell, "a.pdf", pages(["One", "Two", "Three"]))
    calls = {"merge": {"paths": ["a.pdf", "a.pdf"]}, "rotate": {"path": "a.pdf", "angle": 90},
             "extract_pages": {"path": "a.pdf", "pages": "2"}, "decrypt": {"path": "a.pdf"},
             "encrypt": {"path": "a.pdf", "password": "pässword"}}
    for operation, params in calls.items():
        reply = invoke(llmspell, operation=operation, target_path="o.pdf", overwrite=True, **params)
        assert reply["bytes"] == (llmspell.cwd / "o.pdf").stat().st_size, reply
        words = ["--password=pässword"] if operation == "encrypt" else []
        done = shell(llmspell, "qpdf", *words, "--check", "o.pdf")
        assert done.returncode == 0 and "No syntax or stream encoding errors" in done.stdout, done
        done = shell(llmspell, "qpdf", *words, "--show-npages", "o.pdf")
        assert int(done.stdout) == reply["pages"]
    shell(llmspell, "qpdf", "--password=pässword", "--show-encryption", "o.pdf")


def test_the_same_input_the_same_file(llmspell):
    save(llmspell, "a.pdf", pages(["One", "Two"]))
    for name in ("b.pdf", "c.pdf"):
        invoke(llmspell, operation="rotate", path="a.pdf", angle=90, target_path=name)
    assert (llmspell.cwd / "b.pdf").read_bytes() == (llmspell.cwd / "c.pdf").read_bytes()


def test_text_is_pdftotexts(llmspell):
    """Its words without the form feeds, in all layouts."""
    lines = [f"Line {n} — “quoted” €{n}" for n in range(5)]
    save(llmspell, "a.pdf", pages(lines))
    for layout, flags in (("reading", []), ("physical", ["-layout"]), ("raw", ["-raw"])):
        done = shell(llmspell, "pdftotext", *flags, "a.pdf", "-")
        assert text_of(llmspell, "a.pdf", layout=layout) == done.stdout.replace("\f", "")
        assert "“quoted” €4" in done.stdout


def test_form_feeds_of_the_text_itself(llmspell):
    """A font that says that A is a form feed does not move text to other pages."""
    to_unicode = (b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /x def\n"
                  b"1 begincodespacerange <00> <FF> endcodespacerange\n"
                  b"1 beginbfchar <41> <000C> endbfchar\nendcmap end end")
    data = pages(["xAy", "two", "three"], more=(stream(to_unicode),))
    font = HELVETICA[:-3] + b" /ToUnicode 10 0 R >>"
    save(llmspell, "a.pdf", data.replace(HELVETICA, font))
    reply = invoke(llmspell, operation="text", path="a.pdf", by_page=True)
    assert [page["page"] for page in reply["pages"]] == [1, 2, 3]
    texts = [page["text"].split() for page in reply["pages"]]
    assert texts[1:] == [["two"], ["three"]] and "".join(texts[0]) == "xy", reply


@pytest.mark.parametrize("bits", [["40"], ["128"], ["128", "--use-aes=y"], ["256"]])
def test_encryption_of_others(llmspell, bits):
    save(llmspell, "a.pdf", pages(["secret words"]))
    for user, owner in (("user", "owner"), ("", "owner"), ("Käse", "ß")):
        done = shell(llmspell, "qpdf", "--allow-weak-crypto", "--encrypt", user, owner, *bits, "--",
                     "a.pdf", "e.pdf")
        assert done.returncode in (0, 3), done
        for password in {user, owner} - {""}:
            if user == "" or password:
                reply = invoke(llmspell, path="e.pdf", password=password)
                assert reply.get("encrypted") is True, (user, owner, password, reply)
                assert text_of(llmspell, "e.pdf", password=password) == "secret words\n\n"
        reply = invoke(llmspell, path="e.pdf")
        assert reply.get("encrypted") is True if user == "" else reply["path"] == "/password", reply
        reply = invoke(llmspell, path="e.pdf", password="wrong")
        assert (reply["code"], reply["path"]) == ("failed", "/password")
        assert "wrong" not in reply["message"]


def test_a_password_from_the_secret_store(llmspell):
    save(llmspell, "a.pdf", pages(["x"]))
    (llmspell.cwd / "key").write_text("sesame")
    (llmspell.cwd / "key").chmod(0o600)
    grant = ("--set", f"tool.pdf_processor.secrets=k:file:{llmspell.cwd / 'key'}")
    reply = invoke(llmspell, *grant, operation="encrypt", path="a.pdf", password_secret="k",
                   target_path="e.pdf")
    assert reply["pages"] == 1, reply
    assert text_of(llmspell, "e.pdf", password="sesame") == "x\n\n"
    assert invoke(llmspell, *grant, path="e.pdf", password_secret="k")["encrypted"] is True
    (llmspell.cwd / "key").write_text("other")
    reply = invoke(llmspell, *grant, path="e.pdf", password_secret="k")
    assert (reply["code"], reply["path"]) == ("failed", "/password_secret"), reply


def test_linearized(llmspell):
    save(llmspell, "a.pdf", pages(["x"]))
    shell(llmspell, "qpdf", "--linearize", "a.pdf", "l.pdf")
    assert invoke(llmspell, path="l.pdf")["linearized"] is True


def test_object_streams(llmspell):
    save(llmspell, "a.pdf", pages(["One", "Two"]))
    shell(llmspell, "qpdf", "--object-streams=generate", "a.pdf", "o.pdf")
    assert text_of(llmspell, "o.pdf", pages="2") == "Two\n\n"
    assert invoke(llmspell, operation="check", path="o.pdf") == {"valid": True, "errors": [],
                                                                "warnings": []}


def test_nothing_of_other_pages_is_left(llmspell):
    """Also where an annotation leads to them."""
    link = b"/Annots [<< /Subtype /Link /Rect [0 0 9 9] /Dest [6 0 R /Fit] >>]"
    save(llmspell, "a.pdf", pages(["public", "hidden words"], page=link))
    invoke(llmspell, operation="extract_pages", path="a.pdf", pages="1", target_path="e.pdf")
    done = shell(llmspell, "qpdf", "--qdf", "e.pdf", "q.pdf")
    data = (llmspell.cwd / "q.pdf").read_bytes()
    assert b"public" in data and b"hidden" not in data, done
    assert invoke(llmspell, path="e.pdf")["pdf_version"] == "1.5"


def test_the_catalogues_example(llmspell):
    shell(llmspell, "qpdf", "--empty", "e.pdf")
    save(llmspell, "one.pdf", pages(["x"]))
    shell(llmspell, "qpdf", "one.pdf", "--pages", "one.pdf", "1", "--", "a.pdf")
    assert invoke(llmspell, path="a.pdf")["pages"] == 1
    assert invoke(llmspell, path="e.pdf")["pages"] == 0


# ---- size and hostility ----

def many(count):
    kids = b" ".join(b"%d 0 R" % (5 + i) for i in range(count))
    page = (b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
            b"/Resources << /Font << /F 3 0 R >> >> >>")
    return pdf(b"<< /Type /Catalog /Pages 2 0 R >>",
               b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, count), HELVETICA,
               stream(b"BT /F 24 Tf 72 700 Td (words) Tj ET"), *[page] * count)


def test_ten_thousand_pages(llmspell):
    save(llmspell, "a.pdf", many(10000))
    reply = invoke(llmspell, operation="text", path="a.pdf", by_page=True)
    assert len(reply["pages"]) == 10000 and {p["text"] for p in reply["pages"]} == {"words\n\n"}
    assert invoke(llmspell, operation="pages", path="a.pdf")["count"] == 10000
    reply = invoke(llmspell, operation="split", path="a.pdf", every=1000, target_path="p.pdf")
    assert reply["count"] == 10 and reply["files"][9] == {"path": "p-10.pdf", "pages": 1000}
    reply = invoke(llmspell, operation="merge", paths=["a.pdf", "p-1.pdf"], target_path="m.pdf")
    assert (reply["code"], reply["path"]) == ("limit_exceeded", "/paths/1"), reply
    reply = invoke(llmspell, operation="pages", path="a.pdf", pages="1-10000,1")
    assert (reply["code"], reply["path"]) == ("limit_exceeded", "/pages"), reply
    save(llmspell, "b.pdf", many(10001))
    for operation in ("metadata", "text", "check"):
        reply = invoke(llmspell, operation=operation, path="b.pdf")
        assert (reply["code"], reply["path"]) == ("limit_exceeded", "/path"), reply


def test_a_file_over_the_limit(llmspell):
    with open(llmspell.cwd / "a.pdf", "wb") as file:
        file.write(b"%PDF-1.4\n")
        file.truncate(100 * 2**20 + 1)
    reply = invoke(llmspell, path="a.pdf")
    assert (reply["code"], reply["path"]) == ("limit_exceeded", "/path"), reply


def test_early_end_of_long_texts(llmspell):
    """pdftotext is ended as soon as there is enough."""
    save(llmspell, "a.pdf", many(10000))
    start = time.monotonic()
    reply = invoke(llmspell, operation="text", path="a.pdf", max_chars=10)
    assert reply == {"text": "words\n\nwor", "pages": 10000, "truncated": True}
    assert time.monotonic() - start < 5 * SLOW


def bomb(megabytes, layers):
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(b" " * 2**20) for _ in range(megabytes)) + packer.flush()
    for _ in range(layers - 1):
        data = zlib.compress(data, 9)
    return pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
               b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>",
               stream(data, b"/Filter [%s]" % (b"/FlateDecode " * layers)))


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer's allocator has no limit")
def test_bombs(llmspell):
    save(llmspell, "a.pdf", bomb(1500, 2))
    assert (llmspell.cwd / "a.pdf").stat().st_size < 10000
    assert invoke(llmspell, path="a.pdf")["pages"] == 1
    reply = invoke(llmspell, operation="check", path="a.pdf")
    assert reply["code"] == "limit_exceeded", reply


def test_deep_page_trees(llmspell):
    depth = 50000
    tree = [b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % (n + 3) for n in range(depth)]
    save(llmspell, "a.pdf", pdf(b"<< /Type /Catalog /Pages 2 0 R >>", *tree, b"<< /Type /Page >>"))
    for operation in ("metadata", "check"):
        reply = invoke(llmspell, operation=operation, path="a.pdf")
        assert (reply["code"], reply["path"]) == ("limit_exceeded", "/path"), reply


def test_wide_page_trees_of_few_nodes(llmspell):
    """Each level names the next twice: 2^30 leaves."""
    tree = [b"<< /Type /Pages /Kids [%d 0 R %d 0 R] /Count 1 >>" % (n + 3, n + 3) for n in range(30)]
    save(llmspell, "a.pdf", pdf(b"<< /Type /Catalog /Pages 2 0 R >>", *tree, b"<< /Type /Page >>"))
    reply = invoke(llmspell, path="a.pdf")
    assert reply["code"] in ("limit_exceeded", "parse_error"), reply


def test_deep_values(llmspell):
    deep = b"<< /Type /Page /Parent 2 0 R /X %s >>" % (b"[" * 100000 + b"]" * 100000)
    save(llmspell, "a.pdf", pdf(b"<< /Type /Catalog /Pages 2 0 R >>",
                                b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", deep))
    for operation in ("metadata", "check", "pages"):
        reply = invoke(llmspell, operation=operation, path="a.pdf")
        assert reply.get("code") in (None, "parse_error"), reply


def test_damaged_files_end_in_an_answer(llmspell):
    chance = random.Random(11)
    whole = pages(["One", "Two"], trailer=b"/Info << /Title (t) >>")
    for turn in range(60 if SLOW == 1 else 15):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 12)):
            data[chance.randrange(20, len(data))] = chance.randrange(256)
        save(llmspell, "a.pdf", bytes(data[:chance.randrange(200, len(data) + 1)]))
        operation = ("metadata", "text", "pages", "check", "rotate", "extract_pages")[turn % 6]
        reply = invoke(llmspell, operation=operation, path="a.pdf", angle=90, target_path="o.pdf",
                       overwrite=True)
        assert reply.get("code") in (None, "parse_error", "failed", "limit_exceeded"), reply
        assert "crashed" not in reply.get("message", ""), (reply, bytes(data))


@pytest.mark.parametrize("count", [b"-5", b"1", b"99999999", b"(x)"])
def test_a_wrong_count_of_pages(llmspell, count):
    """qpdf counts the pages itself; pdftotext believes the file, and is given a mended one."""
    save(llmspell, "a.pdf", pages(["One", "Two", "Three"]).replace(b"/Count 3", b"/Count " + count))
    assert invoke(llmspell, path="a.pdf")["pages"] == 3
    reply = invoke(llmspell, operation="text", path="a.pdf", by_page=True)
    assert [p["text"].strip() for p in reply["pages"]] == ["One", "Two", "Three"]
    assert text_of(llmspell, "a.pdf", pages="3,1").split() == ["Three", "One"]
