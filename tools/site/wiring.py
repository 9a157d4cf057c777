"""The wiring of the layers of a stack in one time step, as a picture."""

from typing import NamedTuple

import msrnn_keras
from msrnn_keras.models.step_graph import Wiring, sources
from tools.site import svg

LEFT, RIGHT, ROW = 86, 318, 84
SIZES = (34, 28, 24, 20)  # of boxes, from the finest scale


class Layer(NamedTuple):
    """A layer of a stack."""

    number: int  # from 0
    scale: int
    size: tuple  # height and width of its maps
    reads: list  # numbers of the layers whose outputs it reads
    states: list  # names of its own states
    passes_memory: bool


def read(model):
    """Return the layers of an `MSStack`, read from its wiring."""
    found: Wiring = model._stepper.cell.wiring
    sizes = found.layer_shapes(model.image_shape)
    states = found.states(model.image_shape)
    depth = len(found.cells)
    return [
        Layer(
            number,
            found.scales[number],
            sizes[number],
            sources(number, depth, found.skips) if number else [],
            [
                name.rpartition("_")[0]
                for name, layer, *_ in states
                if layer == number and name != "m"
            ],
            number in found.memory_path,
        )
        for number in range(depth)
    ]


def draw(name, **options):
    """Return the SVG and the caption of a model of `msrnn_keras.create`."""
    model = msrnn_keras.create(name, filters=2, **options)
    layers = read(model)
    rows = {s: i for i, s in enumerate(sorted({x.scale for x in layers}))}
    step = (RIGHT - LEFT) / max(1, len(layers) - 1)
    has_skips = any(len(x.reads) > 1 for x in layers)
    top = 90 if has_skips else 44
    places = [
        (LEFT + step * x.number, top + ROW * rows[x.scale]) for x in layers
    ]
    sides = [SIZES[min(rows[x.scale], len(SIZES) - 1)] for x in layers]
    shapes = [*_scales(layers, places), *_ends(places, sides)]
    for layer in layers:
        for source in layer.reads:
            kind = "input" if source == layer.number - 1 else "skip"
            shapes.append(_reading(places, sides, source, layer.number, kind))
        shapes.append(_loop(*places[layer.number], sides[layer.number]))
    bottom = max(y for _, y in places) + 52
    has_memory = any(x.passes_memory for x in layers)
    if has_memory:
        shapes += _memory(layers, places, sides, bottom)
        bottom += 28
    for layer, place, side in zip(layers, places, sides, strict=True):
        shapes.append(svg.box(*place, side, layer.number + 1))
    entries = _entries(layers, has_memory)
    shapes += svg.legend(bottom + 12, entries)
    height = bottom + 12 + 20 * len(entries)
    caption = f"<code>{name}</code>, skips <code>{model.skips}</code>"
    return svg.document(shapes, height, _label(name, layers)), caption


def _entries(layers, has_memory):
    """Return the legend: the kinds of arrows that are in the picture."""
    states = ", ".join(layers[-1].states)
    entries = [("input", "output of a layer, input of the next")]
    if any(len(x.reads) > 1 for x in layers):
        entries.append(("skip", "skip connection: added to the input"))
    entries.append(("state", f"states kept for the next frame: {states}"))
    if has_memory:
        text = "memory m: through the layers, then to the next frame"
        entries.append(("memory", text))
    return entries


def _scales(layers, places):
    """Return the sizes of maps at the left."""
    rows = {y: x.size for x, (_, y) in zip(layers, places, strict=True)}
    first = places[0][1]
    return [
        svg.words(4, y - 14 if y == first else y + 4.5, f"{h}×{w}", "start")
        for y, (h, w) in rows.items()
    ]


def _ends(places, sides):
    """Return the frames that enter and leave the stack."""
    (x, y), (end, last) = places[0], places[-1]
    return [
        svg.words(4, y + 22, "frame t", "start"),
        svg.arrow(f"M10 {y:g}H{x - sides[0] / 2:g}"),
        svg.words(396, last + 22, "frame t+1", "end"),
        svg.arrow(f"M{end + sides[-1] / 2:g} {last:g}H396"),
    ]


def _reading(places, sides, source, target, kind):
    """Return the arrow from the output of a layer to the input of another."""
    (a, b), (x, y) = places[source], places[target]
    start, stop = a + sides[source] / 2, x - sides[target] / 2
    if kind == "input":
        return svg.arrow(f"M{start:g} {b:g}L{stop:g} {y:g}")
    if b == y:  # an arc above the row
        rise = 14 + 9 * (target - source)
        b, y = b - sides[source] / 2, y - sides[target] / 2
        path = f"M{a:g} {b:g}C{a:g} {b - rise:g} {x:g} {y - rise:g} {x:g} {y:g}"
        return svg.arrow(path, kind)
    bend = (x - a) / 3
    path = f"C{start + bend:g} {b:g} {stop - bend:g} {y:g} {stop:g} {y:g}"
    return svg.arrow(f"M{start:g} {b:g}{path}", kind)


def _loop(x, y, side):
    """Return the loop of the states of a layer, below its box."""
    low = y + side / 2
    path = f"M{x + 7:g} {low:g}C{x + 18:g} {low + 22:g} "
    return svg.arrow(
        path + f"{x - 18:g} {low + 22:g} {x - 7:g} {low:g}", "state"
    )


def _memory(layers, places, sides, bottom):
    """Return the way of the memory through the layers and back."""
    path = [x.number for x in layers if x.passes_memory]
    shapes = []
    for source, target in zip(path, path[1:], strict=False):
        (a, b), (x, y) = places[source], places[target]
        start, stop = a + sides[source] / 2, x - sides[target] / 2
        line = f"M{start:g} {b + 7:g}L{stop:g} {y + 7:g}"
        shapes.append(svg.arrow(line, "memory"))
    (a, b), (x, y) = places[path[-1]], places[path[0]]
    low, high = b + sides[path[-1]] / 2, y + sides[path[0]] / 2
    a, x = a + 14, x - 14
    line = f"M{a:g} {low:g}V{bottom:g}H{x:g}V{high:g}"
    return [*shapes, svg.arrow(line, "memory")]


def _label(name, layers):
    """Return what the picture shows, in words."""
    parts = [
        f"layer {x.number + 1} on maps of {'×'.join(map(str, x.size))} reads "
        + (" and ".join(f"layer {i + 1}" for i in x.reads) or "the frame")
        for x in layers
    ]
    return f"The wiring of {name}: {'; '.join(parts)}."
