"""What goes on over time, as a picture: context, forecast, sampling."""

import msrnn_keras
from tools.site import svg

TRUTH, STEP, PREDICTION, LEFT = 148, 92, 36, 46


def draw(name, context=4, horizon=3):
    """Return the SVG and the caption of the steps of a model."""
    sizes = {"context": context, "horizon": horizon}
    model = msrnn_keras.create(name, filters=2, **sizes)
    context, horizon = model.context, model.horizon
    steps = context + horizon - 1
    width = (svg.WIDTH - 2 * LEFT) / (steps - 1)
    shapes = [
        svg.words(4, 14, "predictions", "start"),
        svg.words(4, 186, "true frames", "start"),
    ]
    for step in range(steps):
        x, seen = LEFT + width * step, step < context
        forecast = "forecast" if step >= context - 1 else "warmup"
        shapes.append(svg.box(x, STEP, 30, "step", "layer"))
        shapes.append(svg.box(x, PREDICTION, 24, step + 2, forecast))
        shapes.append(svg.arrow(f"M{x:g} {STEP - 15}V{PREDICTION + 12}"))
        kind = "truth" if seen else "hidden"
        shapes.append(svg.box(x, TRUTH, 24, step + 1, kind))
        arrow = "input" if seen else "skip"
        shapes.append(svg.arrow(f"M{x:g} {TRUTH - 12}V{STEP + 15}", arrow))
        if step:
            line = f"M{x - width + 15:g} {STEP}H{x - 15:g}"
            shapes.append(svg.arrow(line, "state"))
        if not seen:
            line = (
                f"M{x - width + 12:g} {PREDICTION + 8}L{x - 12:g} {STEP - 15}"
            )
            shapes.append(svg.arrow(line))
    entries = [
        ("input", "input of a step, and its prediction"),
        ("state", "states, from step to step"),
        ("skip", "in training only, by scheduled sampling"),
    ]
    shapes += svg.legend(212, entries)
    label = (
        f"{context} true frames enter {context} steps; after them each step "
        f"reads the prediction before it, until {horizon} frames are forecast."
    )
    caption = (
        f"<code>context={context}</code>, <code>horizon={horizon}</code>. The "
        "thick boxes are the forecast, the dashed predictions the warm-up."
    )
    return svg.document(shapes, 268, label), caption


def draw_sampling(steps=100):
    """Return a plot of the rates of scheduled sampling over the training."""
    make = msrnn_keras.ScheduledSampling
    curves = [
        ("linear, horizon", make.linear(steps), 1, "input"),
        ("reverse, context", make.reverse(steps), 0, "memory"),
        ("reverse, horizon", make.reverse(steps), 1, "skip"),
    ]
    left, right, top, low = 48, 388, 16, 156
    shapes = [
        f'<path class="axis" d="M{left} {top}V{low}H{right}"/>',
        svg.words(left - 6, top + 8, "1", "end"),
        svg.words(left - 6, low, "0", "end"),
        svg.words(left, low + 18, "start", "start"),
        svg.words(right, low + 18, "last step", "end"),
    ]
    for row, (text, sampling, which, kind) in enumerate(curves):
        points = []
        for step in range(steps + 1):
            rate = float(sampling.rates(step)[which])
            x = left + (right - left) * step / steps
            points.append(f"{x:.1f},{low - (low - top) * rate:.1f}")
        line = " ".join(points)
        shapes.append(f'<polyline class="arrow {kind}" points="{line}"/>')
        y = low + 40 + 20 * row
        shapes.append(f'<path class="arrow {kind}" d="M16 {y}H52"/>')
        shapes.append(svg.words(62, y + 4.5, text, "start"))
    caption = "The share of true frames among the inputs, over the training."
    return svg.document(shapes, low + 96, caption), caption
