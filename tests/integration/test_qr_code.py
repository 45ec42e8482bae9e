# SPDX-License-Identifier: Apache-2.0
"""qr_code against another reader and writer (ZXing), and with images that cases cannot hold."""
import base64
import json
import random
import struct
import subprocess
import zlib

import pytest
from PIL import Image, ImageOps


def invoke(llmspell, **params):
    done = llmspell.run("tool", "invoke", "qr_code", "--params", "-", "--output", "json",
                        input=json.dumps(params))
    return done.json.get("result") or done.json["error"]


def zxing(path):
    """The bytes of the symbol."""
    return subprocess.run(["ZXingReader", "-bytes", path], capture_output=True, check=True).stdout


def decode(llmspell, image, name="i.png", **how):
    image.save(llmspell.cwd / name, **how)
    return [s["data"] for s in invoke(llmspell, operation="decode", path=name)["symbols"]]


def picture(llmspell, text, **params):
    reply = invoke(llmspell, input=text, target_path="q.png", overwrite=True, **params)
    assert "code" not in reply, reply
    return Image.open(llmspell.cwd / "q.png")


TEXTS = ["HELLO", "0123456789", "naïve ☃ 😀", "日本語テキスト", "a\nb", "x" * 300, "1" * 1000,
         "https://example.org/?q=%20&é=1", "ÄÖÜ" * 100]


@pytest.mark.parametrize("level", "LMQH")
def test_another_reader_reads_ours(llmspell, level):
    for index, text in enumerate(TEXTS):
        picture(llmspell, text, error_correction=level, module_size=3 + index, margin=4)
        assert zxing(llmspell.cwd / "q.png") == text.encode(), text
        assert invoke(llmspell, operation="decode", path="q.png")["symbols"][0]["data"] == text


def test_every_version(llmspell):
    for version in range(1, 41):
        image = picture(llmspell, f"version {version}", error_correction="L", version=version,
                        module_size=4)
        assert image.size == (4 * (25 + 4 * version),) * 2
        assert zxing(llmspell.cwd / "q.png") == f"version {version}".encode()


def test_mixed_texts_are_read_back(llmspell):
    """What libqrencode splits into modes."""
    chance = random.Random(7)
    for _ in range(25):
        text = "".join(chance.choice(["123456", "ABC-", "abc", "é", "日", " "])
                       for _ in range(chance.randint(1, 60)))
        picture(llmspell, text)
        assert zxing(llmspell.cwd / "q.png") == text.encode()


def test_we_read_what_another_writes(llmspell):
    for text in ("plain", "0123456789", "CAPS AND 123"):
        subprocess.run(["ZXingWriter", "-size", "200x200", "QRCode", text, "z.png"], check=True,
                       cwd=llmspell.cwd, stdout=subprocess.DEVNULL)
        reply = invoke(llmspell, operation="decode", path="z.png")
        assert [s["data"] for s in reply["symbols"]] == [text], reply


def pixels(data):
    """Our PNG without a library: IHDR, palette, and a row of bits each."""
    at, found = 8, {}
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0]
        found[kind] = found.get(kind, b"") + body
        at += 12 + size
    return found


def test_the_png_is_as_it_should_be(llmspell):
    reply = invoke(llmspell, input="HELLO", module_size=3, margin=2, foreground="#102030",
                   background="#fffefd")
    data = base64.b64decode(reply["data_base64"])
    found = pixels(data)
    assert list(found) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", found[b"IHDR"]) == (75, 75, 1, 3, 0, 0, 0)
    assert found[b"PLTE"] == b"\xff\xfe\xfd\x10\x20\x30"
    text = invoke(llmspell, input="HELLO", format="utf8", margin=2)["data"].splitlines()
    rows = zlib.decompress(found[b"IDAT"])
    assert len(rows) == 75 * 11
    for y in range(25):
        for x in range(25):
            cell = text[y // 2][x]
            dark = cell == "█" or cell == "▀▄"[y % 2]
            for py in range(3 * y, 3 * y + 3):
                for px in range(3 * x, 3 * x + 3):
                    assert (rows[py * 11 + 1 + px // 8] >> (7 - px % 8) & 1) == dark, (x, y)


def test_the_svg_shows_the_same(llmspell):
    text = invoke(llmspell, input="HELLO", format="utf8")["data"].splitlines()
    svg = invoke(llmspell, input="HELLO", format="svg")["data"]
    cells = set()
    for run in svg.split(' d="')[1].split('"')[0].split("z")[:-1]:
        start, rest = run[1:].split("h", 1)
        x, y = map(int, start.split())
        cells |= {(x + i, y) for i in range(int(rest.split("v")[0]))}
    assert cells == {(x, y) for y in range(29) for x in range(29)
                     if text[y // 2][x] == "█" or text[y // 2][x] == "▀▄"[y % 2]}


@pytest.mark.parametrize("name,how", [("a.png", {}), ("a.jpg", {"quality": 60}), ("a.gif", {}),
                                      ("a.bmp", {}), ("a.tiff", {}),
                                      ("b.tiff", {"compression": "tiff_lzw"}),
                                      ("a.webp", {"lossless": True})])
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
def test_formats(llmspell, name, how, mode):
    image = picture(llmspell, "ß in " + name).convert("L").convert(mode)
    if mode == "P" and name.endswith("jpg"):
        image = image.convert("RGB")
    assert decode(llmspell, image, name, **how) == ["ß in " + name]


@pytest.mark.parametrize("angle", [0, 15, 45, 90, 133, 180, 270])
def test_turned(llmspell, angle):
    image = picture(llmspell, "turned").convert("L").rotate(angle, expand=True, fillcolor=255)
    assert decode(llmspell, image) == ["turned"]


def test_transparent(llmspell):
    grey = picture(llmspell, "see-through").convert("L")
    image = Image.new("RGBA", grey.size, (0, 0, 0, 255))
    image.putalpha(ImageOps.invert(grey))  # black modules on nothing
    assert decode(llmspell, image) == ["see-through"]


def test_several_in_reading_order(llmspell):
    page = Image.new("L", (900, 700), 255)
    places = {"d": (500, 400), "a": (60, 20), "c": (40, 400), "b": (500, 20)}
    for text, place in places.items():
        page.paste(picture(llmspell, text).convert("L"), place)
    assert decode(llmspell, page) == ["a", "b", "c", "d"]
    points = invoke(llmspell, operation="decode", path="i.png")["symbols"][0]["points"]
    assert min(p["x"] for p in points) == 60 + 32 and min(p["y"] for p in points) == 20 + 32


def test_other_codes_are_not_read(llmspell):
    subprocess.run(["ZXingWriter", "-size", "400x200", "Code128", "12345", "z.png"], check=True,
                   cwd=llmspell.cwd, stdout=subprocess.DEVNULL)
    assert invoke(llmspell, operation="decode", path="z.png") == {"count": 0, "symbols": []}


@pytest.mark.parametrize("name", ["h.png", "h.jpg", "h.gif", "h.bmp", "h.tiff", "h.webp"])
def test_over_fifty_megapixels(llmspell, name):
    Image.new("1", (7072, 7072)).save(llmspell.cwd / name)
    reply = invoke(llmspell, operation="decode", path=name)
    assert reply["code"] == "limit_exceeded" and reply["path"] == "/path", reply


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tiff"])
def test_cut_images(llmspell, name):
    """Each at half its size; the whole one is read."""
    image = picture(llmspell, "cut").convert("RGB")
    assert decode(llmspell, image, name) == ["cut"]
    data = (llmspell.cwd / name).read_bytes()
    (llmspell.cwd / name).write_bytes(data[:len(data) // 2])
    reply = invoke(llmspell, operation="decode", path=name)
    assert reply.get("code") == "parse_error" and reply["path"] == "/path", reply


def test_damaged_images_end_in_an_error(llmspell):
    chance = random.Random(3)
    image = picture(llmspell, "damaged").convert("L")
    for name in ("a.png", "a.jpg", "a.gif", "a.bmp", "a.tiff"):
        image.save(llmspell.cwd / name)
        data = bytearray((llmspell.cwd / name).read_bytes())
        for _ in range(12):
            bad = bytearray(data)
            for _ in range(8):
                bad[chance.randrange(len(bad))] = chance.randrange(256)
            (llmspell.cwd / name).write_bytes(bad[:chance.randrange(8, len(bad) + 1)])
            reply = invoke(llmspell, operation="decode", path=name)
            assert "symbols" in reply or reply["code"] in ("parse_error", "limit_exceeded"), reply
