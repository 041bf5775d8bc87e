#!/usr/bin/python3
"""Writes images.h: resampled images, for tests/unit/image_resize_test.c.

`bilinear` is Pillow's resize in mode F (no rounding between the two passes), `area` the difference of the image's
antiderivative at the borders of the new pixels (numpy.interp). Opacity is Pillow's alpha_composite, grey its mode L.
"""
import numpy
import PIL
from PIL import Image

BACKGROUND = (200, 30, 90)


def pixels(height, width):
    """The test's images, by a formula that the test knows too."""
    y, x, c = numpy.meshgrid(numpy.arange(height), numpy.arange(width), numpy.arange(4), indexing="ij")
    return ((y * 37 + x * 101 + c * 59 + y * x * 13 + y * y * c * 7) % 256).astype(numpy.uint8)


def bilinear(plane, size, box):
    top, left, height, width = box
    image = Image.fromarray(plane.astype(numpy.float32))
    return numpy.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR, (left, top, left + width, top + height)))


def area_along(values, axis, count, begin, length):
    values = numpy.moveaxis(values.astype(float), axis, 0)
    integral = numpy.concatenate([numpy.zeros((1,) + values.shape[1:]), numpy.cumsum(values, 0)])
    borders = begin + numpy.arange(count + 1) * length / count
    at = numpy.stack([numpy.interp(borders, numpy.arange(len(integral)), column) for column in integral.reshape(len(integral), -1).T], 1)
    return numpy.moveaxis((numpy.diff(at, axis=0) / (length / count)).reshape((count,) + values.shape[1:]), 0, axis)


def area(plane, size, box):
    top, left, height, width = box
    return area_along(area_along(plane, 0, size[0], top, height), 1, size[1], left, width)


def case(filter, fit, source, target, box, place):
    """box: (top, left, height, width) of the source; place: (top, left, height, width) in the target."""
    planes = pixels(*source)[..., :3]
    out = numpy.empty((3,) + target)
    for channel in range(3):
        out[channel] = BACKGROUND[channel]
        top, left, height, width = place
        resampled = {"bilinear": bilinear, "area": area}[filter](planes[..., channel], (height, width), box)
        out[channel, top:top + height, left:left + width] = resampled
    return filter, fit, source, target, out.ravel()


def transparent(channels):
    """An image composited by Pillow, at its own size."""
    background = Image.new("RGBA", (9, 6), BACKGROUND + (255,))
    over = Image.alpha_composite(background, Image.fromarray(pixels(6, 9), "RGBA")).convert("RGB")
    if channels == 1:
        return numpy.asarray(over.convert("L")).ravel()
    return numpy.moveaxis(numpy.asarray(over), 2, 0).ravel()


def numbers(values):
    return "{" + ", ".join("%.6g" % v for v in values) + "}"


cases = []
for filter in ("bilinear", "area"):
    cases += [
        case(filter, "stretch", (23, 17), (8, 6), (0, 0, 23, 17), (0, 0, 8, 6)),
        case(filter, "stretch", (5, 9), (13, 7), (0, 0, 5, 9), (0, 0, 13, 7)),
        case(filter, "stretch", (1, 40), (3, 5), (0, 0, 1, 40), (0, 0, 3, 5)),
        case(filter, "pad", (31, 20), (8, 8), (0, 0, 31, 20), (0, 1, 8, 5)),
        case(filter, "pad", (4, 9), (12, 12), (0, 0, 4, 9), (3, 0, 5, 12)),
        case(filter, "crop", (31, 20), (8, 8), (5.5, 0, 20, 20), (0, 0, 8, 8)),
        case(filter, "crop", (11, 14), (6, 4), (0, 14 / 2 - 11 * 4 / 6 / 2, 11, 11 * 4 / 6), (0, 0, 6, 4)),
    ]
print("/* Written by tests/reference/images.py with Pillow %s, numpy %s. */" % (PIL.__version__, numpy.__version__))
print("static const uint8_t reference_background[3] = {%d, %d, %d};" % BACKGROUND)
print("enum { REFERENCE_VALUES = %d };" % max(len(out) for *_, out in cases))
print("typedef struct reference_image { const char *filter, *fit; int64_t source[2], target[2]; "
      "double values[REFERENCE_VALUES]; } reference_image;")
print("static const reference_image reference_images[] = {")
for filter, fit, source, target, out in cases:
    print('{"%s", "%s", {%d, %d}, {%d, %d}, %s},' % (filter, fit, *source, *target, numbers(out)))
print("};")
print("static const double reference_composited[3 * 6 * 9] = %s;" % numbers(transparent(3)))
print("static const double reference_composited_grey[6 * 9] = %s;" % numbers(transparent(1)))
