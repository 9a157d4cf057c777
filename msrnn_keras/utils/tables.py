"""Tables as plain text."""


def aligned(rows):
    """Return rows of strings as lines with aligned columns, the first left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [c.rjust(n) for c, n in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in rows
    ]
