#!/usr/bin/env python3
"""Takes the PNG pictures out of a font's CBDT table (colour bitmap data, OpenType specification 1.9).

    scripts/data/extract_cbdt.py FONT.ttf FOLDER

Writes FOLDER/glyph-NNNNN.png, one for each picture of the largest size in the font, named by glyph number, and prints
how many. Only Python's standard library is needed. A damaged font, or one without such pictures, is an error that says so.
"""
import argparse
import os
import struct
import sys

PNG = b"\x89PNG\r\n\x1a\n"
SMALL_METRICS, BIG_METRICS = 5, 8  # bytes of SmallGlyphMetrics and BigGlyphMetrics
# Bytes in front of the length of the PNG data, by image format ("CBDT", glyph bitmap data formats 17, 18, 19).
BEFORE_LENGTH = {17: SMALL_METRICS, 18: BIG_METRICS, 19: 0}


class DamagedFont(Exception):
    pass


def read(format, table, offset):
    """Big-endian numbers at an offset of a table."""
    size = struct.calcsize(">" + format)
    if offset < 0 or offset + size > len(table):
        raise DamagedFont(f"it ends where {size} bytes at offset {offset} of a table should be")
    return struct.unpack_from(">" + format, table, offset)


def find_tables(font):
    """{tag: bytes} of a single font (sfnt)."""
    (version, count) = read("4sH", font, 0)
    if version not in (b"\0\1\0\0", b"OTTO", b"true"):
        kind = "a collection of fonts, not one" if version == b"ttcf" else "no TrueType or OpenType font"
        raise DamagedFont("it is " + kind)
    tables = {}
    for i in range(count):
        tag, _, offset, length = read("4sIII", font, 12 + 16 * i)
        if offset + length > len(font):
            raise DamagedFont(f"table {tag.decode('latin-1')} is longer than the file")
        tables[tag] = font[offset:offset + length]
    return tables


def glyph_places(cblc, subtable, first, last):
    """(glyph, offset, length) of each picture that an index subtable names, offsets from the start of CBDT."""
    index_format, image_format, base = read("HHI", cblc, subtable)
    body, count = subtable + 8, last - first + 1
    if last < first:
        raise DamagedFont(f"an index subtable goes from glyph {first} to {last}")
    if index_format in (1, 3):  # an offset for each glyph, and one more
        code = "I" if index_format == 1 else "H"
        offsets = read(f"{count + 1}{code}", cblc, body)
        pairs = zip(range(first, last + 1), offsets, offsets[1:])
    elif index_format == 2:  # all of one size
        (size,) = read("I", cblc, body)
        pairs = ((first + i, i * size, (i + 1) * size) for i in range(count))
    elif index_format == 4:  # some glyphs, each with its offset, and one more
        (count,) = read("I", cblc, body)
        listed = read("HH" * (min(count, 0x10000) + 1), cblc, body + 4)
        pairs = zip(listed[:-2:2], listed[1::2], listed[3::2])
    elif index_format == 5:  # some glyphs, all of one size
        (size,) = read("I", cblc, body)
        (count,) = read("I", cblc, body + 4 + BIG_METRICS)
        listed = read(f"{min(count, 0x10000)}H", cblc, body + 8 + BIG_METRICS)
        pairs = ((glyph, i * size, (i + 1) * size) for i, glyph in enumerate(listed))
    else:
        raise DamagedFont(f"index format {index_format} is unknown")
    for glyph, begin, end in pairs:
        if end > begin:  # glyphs without a picture have none of its bytes
            yield glyph, image_format, base + begin, end - begin


def strikes(cblc):
    """(pixels per em, index subtable array, number of its entries) of each size that the font has pictures in."""
    major, _, count = read("HHI", cblc, 0)
    if major not in (2, 3):
        raise DamagedFont(f"version {major} of table CBLC is unknown")
    for i in range(count):
        place = 8 + 48 * i
        array, _, entries = read("III", cblc, place)
        ppem_x, ppem_y = read("BB", cblc, place + 44)
        yield ppem_y, ppem_x, array, entries


def pictures(tables):
    """(glyph, PNG bytes) of the largest strike, by rising glyph number."""
    if b"CBLC" not in tables or b"CBDT" not in tables:
        raise DamagedFont("it has no colour bitmaps (tables CBLC and CBDT)")
    cblc, cbdt = tables[b"CBLC"], tables[b"CBDT"]
    found = {}
    _, _, array, entries = max(strikes(cblc), default=(0, 0, 0, 0))
    for i in range(entries):
        first, last, offset = read("HHI", cblc, array + 8 * i)
        for glyph, image_format, place, length in glyph_places(cblc, array + offset, first, last):
            if image_format not in BEFORE_LENGTH:
                raise DamagedFont(f"glyph {glyph} is stored in image format {image_format}, which is no PNG")
            start = place + BEFORE_LENGTH[image_format] + 4
            (size,) = read("I", cbdt, start - 4)
            if start + size > min(place + length, len(cbdt)) or cbdt[start:start + 8] != PNG:
                raise DamagedFont(f"the picture of glyph {glyph} is damaged")
            found[glyph] = cbdt[start:start + size]
    return sorted(found.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("font")
    parser.add_argument("folder")
    options = parser.parse_args()
    try:
        with open(options.font, "rb") as file:
            found = pictures(find_tables(file.read()))
        os.makedirs(options.folder, exist_ok=True)
        for glyph, data in found:
            with open(os.path.join(options.folder, f"glyph-{glyph:05d}.png"), "wb") as file:
                file.write(data)
    except DamagedFont as damage:
        sys.exit(f"extract_cbdt: {options.font}: {damage}")
    except OSError as error:
        sys.exit(f"extract_cbdt: {error}")
    print(f"{len(found)} pictures in {options.folder}")


if __name__ == "__main__":
    main()
