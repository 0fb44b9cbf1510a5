"""What the commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from rich.console import Console

out = Console()

PAPER = "mathew2018"
"""All experiments of the paper and all findings."""


def help_of(command: Callable[..., None]) -> str:
    """Give the docstring of a command for a screen of any width: the lines of a paragraph are joined.

    The lines of source code are longer than many a terminal, which would break each of them again.
    """
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
