"""Pictures of readers' own data that can still be downloaded: the last few, in memory alone."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence

from gvlab.errors import InvalidValueError
from gvlab.views import View

MOST = 32
"""Answers whose pictures are held; an older one is asked for by choosing the file again."""


class ShownData:
    """Pictures by the number that only their reader was told. Nothing of them is written to disk."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[View, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def hold(self, views: Sequence[View]) -> str:
        """Return the number under which the pictures of an answer are held for a while."""
        number = secrets.token_urlsafe(16)
        with self._lock:
            self._held[number] = tuple(views)
            while len(self._held) > MOST:
                self._held.popitem(last=False)
        return number

    def views(self, number: str) -> tuple[View, ...]:
        """Return the pictures that are held under a number.

        Raises
        ------
        InvalidValueError
            If they are not, or not any more.
        """
        with self._lock:
            if number not in self._held:
                raise InvalidValueError("These pictures are not held any more. Choose the file again.")
            return self._held[number]
