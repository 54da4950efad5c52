"""What somebody else wrote, for a mail (SPEC N3)."""


def plain(text: str) -> str:
    """One line of at most 80 characters, in which nothing is a link."""
    line = " ".join(text.split()).replace("://", ": //")
    return line if len(line) <= 80 else f"{line[:79]}…"
