"""How many examples the property tests of the rules try, and which.

By default they are the same in every run, so that a test fails only for a change. FIREBELL_EXAMPLES draws others.
"""

import os

FACTOR = float(os.environ.get("FIREBELL_EXAMPLES", "1"))
ARE_RANDOM = "FIREBELL_EXAMPLES" in os.environ


def examples(number: int) -> int:
    """Return a number of examples, multiplied by FIREBELL_EXAMPLES: `FIREBELL_EXAMPLES=20` looks for longer."""
    return max(1, round(number * FACTOR))
