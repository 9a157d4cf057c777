"""Tables as plain text."""


def aligned(rows):
    """Rows of strings as lines of text, the first column to the left.

    Args:
        rows: List of tuples of strings, all of one length.

    Returns:
        List of strings.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [c.rjust(n) for c, n in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in rows
    ]
