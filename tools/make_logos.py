#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the logos of the Jupyter kernelspec, which `llmspell kernel install` puts in place: a crescent
moon and a spark. All are drawn from the numbers below. Run after changing them:

    tools/make_logos.py [FOLDER]
"""
import math
import struct
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SIZE = 64                           # units of the numbers below
CORNER = 14                         # of the ground
GROUND, MOON, SPARK = (38, 33, 92), (245, 243, 255), (255, 196, 61)
DISC = (28, 36, 19)                 # x, y, radius
SHADOW = (37, 29, 16)               # what is cut from the disc
STAR = (47, 18, 12, 3.2)            # x, y, outer and inner radius
FINE = 8                            # samples a pixel, each way


def star_points():
    x, y, outer, inner = STAR
    for i in range(8):
        radius = inner if i % 2 else outer
        angle = i * math.pi / 4
        yield x + radius * math.sin(angle), y - radius * math.cos(angle)


def in_disc(disc, x, y):
    return (x - disc[0]) ** 2 + (y - disc[1]) ** 2 <= disc[2] ** 2


def in_ground(x, y):
    dx = max(CORNER - x, x - (SIZE - CORNER), 0)
    dy = max(CORNER - y, y - (SIZE - CORNER), 0)
    return dx * dx + dy * dy <= CORNER * CORNER


def in_polygon(points, x, y):
    inside = False
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1]):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def color_at(points, x, y):
    if not in_ground(x, y):
        return None
    if in_polygon(points, x, y):
        return SPARK
    return MOON if in_disc(DISC, x, y) and not in_disc(SHADOW, x, y) else GROUND


def pixel(points, size, column, row):
    step = SIZE / size / FINE
    found = [color_at(points, (column * FINE + i + 0.5) * step, (row * FINE + j + 0.5) * step)
             for i in range(FINE) for j in range(FINE)]
    solid = [color for color in found if color]
    if not solid:
        return bytes(4)
    mean = [round(sum(part) / len(solid)) for part in zip(*solid)]
    return bytes([*mean, round(255 * len(solid) / len(found))])


def png(size):
    points = list(star_points())
    rows = b"".join(b"\0" + b"".join(pixel(points, size, column, row) for column in range(size))
                    for row in range(size))

    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))

    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)  # 8 bits each of RGBA
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def crossings():
    """Where the two circles meet: the tips of the moon."""
    (x1, y1, r1), (x2, y2, r2) = DISC, SHADOW
    distance = math.hypot(x2 - x1, y2 - y1)
    along = (r1 * r1 - r2 * r2 + distance * distance) / (2 * distance)
    across = math.sqrt(r1 * r1 - along * along)
    ux, uy = (x2 - x1) / distance, (y2 - y1) / distance
    middle = x1 + along * ux, y1 + along * uy
    return [(middle[0] + sign * across * uy, middle[1] - sign * across * ux) for sign in (1, -1)]


def svg():
    def color(rgb):
        return "#%02x%02x%02x" % rgb

    (ax, ay), (bx, by) = crossings()
    spark = " ".join(f"{x:.2f},{y:.2f}" for x, y in star_points())
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0; made by tools/make_logos.py -->
<svg xmlns="http://www.w3.org/2000/svg" width="{SIZE}" height="{SIZE}" viewBox="0 0 {SIZE} {SIZE}">
  <rect width="{SIZE}" height="{SIZE}" rx="{CORNER}" fill="{color(GROUND)}"/>
  <path d="M {ax:.2f} {ay:.2f} A {DISC[2]} {DISC[2]} 0 1 0 {bx:.2f} {by:.2f} \
A {SHADOW[2]} {SHADOW[2]} 0 0 1 {ax:.2f} {ay:.2f} Z" fill="{color(MOON)}"/>
  <polygon points="{spark}" fill="{color(SPARK)}"/>
</svg>
"""


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "conf" / "kernelspec"
    (folder / "logo-svg.svg").write_text(svg())
    for size in (32, 64):
        (folder / f"logo-{size}x{size}.png").write_bytes(png(size))


if __name__ == "__main__":
    main()
