"""How much a request may cost (SPEC S9): what it compares is counted before it is done."""

from __future__ import annotations

from .errors import ScimError

COMPARISONS = 200_000  # a second or two of work; a real client needs some hundreds


class Budget:
    """What is left for a request. A bulk request has one for all its operations."""

    def __init__(self, left: int = COMPARISONS) -> None:
        self.left = left

    def spend(self, comparisons: int) -> None:
        """Raises ScimError (413) where more than what is left is asked for, which then costs nothing."""
        if comparisons > self.left:
            raise ScimError(
                f"This takes more than {COMPARISONS} comparisons of values; select by fewer terms, or send several "
                "requests.",
                status=413,
            )
        self.left -= comparisons
