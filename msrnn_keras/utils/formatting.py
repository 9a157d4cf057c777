"""Numbers as text."""

NO_VALUE = "–"


def format_number(value, spec=".4g"):
    """Format a number for a table; `"–"` stands for None and NaN."""
    if value is None or value != value:
        return NO_VALUE
    return format(value, spec)
