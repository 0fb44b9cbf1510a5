"""What the commands share."""

from __future__ import annotations

from rich.console import Console

out = Console()

PAPER = "mathew2018"
"""All experiments of the paper and all findings."""
