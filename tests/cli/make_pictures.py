#!/usr/bin/env python3
"""What tests/cli/convert_test.sh works on, made by Python's standard library only:

make_pictures.py png FILE HEIGHT WIDTH RED GREEN BLUE [OPACITY]    a picture of one colour; RED alone (-1 -1): a grey one
make_pictures.py font FILE FOLDER                                  a font with pictures in its CBDT table, and those
                                                                   pictures by themselves, as FOLDER/glyph-NNNNN.png
"""
import os
import struct
import sys
import zlib


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(height, width, red, green, blue, opacity=None):
    kind = 0 if green < 0 else 2 if opacity is None else 6
    pixel = bytes([red]) if kind == 0 else bytes([red, green, blue]) + (b"" if opacity is None else bytes([opacity]))
    lines = (b"\0" + pixel * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def font():
    """A font with two strikes, whose larger one has glyphs in each index format (1 to 5) and each image format (17 to 19);
    returns its bytes and {glyph: PNG}."""
    pictures, cbdt, subtables = {}, bytearray(struct.pack(">HH", 3, 0)), []

    def add(glyph, image_format, size=None):
        """Appends a picture to CBDT, filled up to `size`."""
        pictures[glyph] = png(4, 3, glyph, 255 - glyph, image_format, 200)
        metrics = bytes({17: 5, 18: 8, 19: 0}[image_format])
        data = metrics + struct.pack(">I", len(pictures[glyph])) + pictures[glyph]
        cbdt.extend(data + bytes((size or len(data)) - len(data)))

    def add_subtable(index_format, image_format, first, last, body):
        subtables.append((first, last, struct.pack(">HHI", index_format, image_format, base) + body))

    for index_format, code, glyphs in ((1, "I", (1, 3)), (3, "H", (4, 5))):  # offsets; glyph 2 has no picture
        base, offsets = len(cbdt), []
        for glyph in range(glyphs[0], glyphs[1] + 1):
            offsets.append(len(cbdt) - base)
            if glyph != 2:
                add(glyph, 17)
        offsets.append(len(cbdt) - base)
        add_subtable(index_format, 17, *glyphs, struct.pack(f">{len(offsets)}{code}", *offsets))
    base = len(cbdt)
    for glyph in (10, 11):
        add(glyph, 19, 128)
    add_subtable(2, 19, 10, 11, struct.pack(">I", 128) + bytes(8))
    base, pairs = len(cbdt), []
    for glyph in (20, 25):
        pairs += [glyph, len(cbdt) - base]
        add(glyph, 18)
    add_subtable(4, 18, 20, 25, struct.pack(">I6H", 2, *pairs, 0, len(cbdt) - base))
    base = len(cbdt)
    for glyph in (30, 39):
        add(glyph, 19, 144)
    add_subtable(5, 19, 30, 39, struct.pack(">I", 144) + bytes(8) + struct.pack(">I2H", 2, 30, 39))
    base = len(cbdt)
    cbdt.extend(struct.pack(">I", 4) + b"tiny")  # of the smaller strike, which is not read
    small = struct.pack(">HHI", 2, 19, base) + struct.pack(">I", 8) + bytes(8)

    def index_array(tables):
        places, bodies = b"", b""
        for first, last, body in tables:
            places += struct.pack(">HHI", first, last, 8 * len(tables) + len(bodies))
            bodies += body
        return places + bodies

    arrays = [(index_array([(1, 1, small)]), 1, 20), (index_array(subtables), len(subtables), 109)]
    cblc, where = struct.pack(">HHI", 3, 0, 2), 8 + 2 * 48
    for array, count, ppem in arrays:
        cblc += struct.pack(">IIII", where, len(array), count, 0) + bytes(24) + struct.pack(">HHBBBb", 1, 39, ppem, ppem, 32, 1)
        where += len(array)
    cblc += arrays[0][0] + arrays[1][0]
    tables, place, directory = [(b"CBDT", bytes(cbdt)), (b"CBLC", cblc)], 12 + 2 * 16, b""
    for tag, data in tables:
        directory += tag + struct.pack(">III", 0, place, len(data))
        place += len(data)
    return b"\0\1\0\0" + struct.pack(">HHHH", 2, 32, 1, 0) + directory + tables[0][1] + tables[1][1], pictures


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


if sys.argv[1] == "png":
    write(sys.argv[2], png(*map(int, sys.argv[3:])))
else:
    data, pictures = font()
    write(sys.argv[2], data)
    os.makedirs(sys.argv[3])
    for glyph, picture in pictures.items():
        write(f"{sys.argv[3]}/glyph-{glyph:05d}.png", picture)
