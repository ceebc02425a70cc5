"""How many examples the property tests of the rules try."""

import os

FACTOR = float(os.environ.get("FIREBELL_EXAMPLES", "1"))


def examples(number: int) -> int:
    """Return a number of examples, multiplied by FIREBELL_EXAMPLES: `FIREBELL_EXAMPLES=20` looks for longer."""
    return max(1, round(number * FACTOR))
