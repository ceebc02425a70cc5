"""Scan Markdown with pymarkdown without formatting its debug log; takes its arguments.

For every line, pymarkdown formats all tokens of the document for a debug log that no one reads.
"""

from pymarkdown.main import PyMarkdownLint
from pymarkdown.tokens.markdown_token import MarkdownToken


def main() -> None:
    """Run pymarkdown with tokens whose representation costs nothing; exits with its code."""
    MarkdownToken.__repr__ = object.__repr__  # type: ignore[method-assign]
    PyMarkdownLint().main()


if __name__ == "__main__":
    main()
