"""The WebSocket of the bench: of the messages of a page only the newest is worked on, and what is older is stopped."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gvlab.simulation.cancel import CancelToken

if TYPE_CHECKING:
    from fastapi import WebSocket

    from gvlab.web.desk import Desk

_SENT = 0.02
"""Seconds for which who works waits until a part is on its way; a page that does not listen keeps nobody longer."""

_Part = tuple[CancelToken, str, threading.Event]


class Conversation:
    """One page that is open.

    Parameters
    ----------
    socket
        To the page; accepted.
    desk
        Who answers.
    """

    def __init__(self, socket: WebSocket, desk: Desk) -> None:
        self._socket, self._desk = socket, desk
        self._newest: str | None = None
        self._cancel = CancelToken()
        self._there = asyncio.Event()
        self._out: asyncio.Queue[_Part] = asyncio.Queue()

    async def hold(self) -> None:
        """Talk until the page is closed."""
        from starlette.websockets import WebSocketDisconnect

        tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._send())]
        try:
            while True:
                text = await self._socket.receive_text()
                # Who moves on does not wait for what was asked before.
                self._cancel.cancel()
                self._newest = text
                self._there.set()
        except (WebSocketDisconnect, KeyError, RuntimeError):
            pass
        finally:
            self._cancel.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._there.wait()
            self._there.clear()
            text, self._newest = self._newest, None
            if text is None:
                continue
            cancel = self._cancel = CancelToken()

            def emit(part: Mapping[str, Any], cancel: CancelToken = cancel) -> None:
                # Work goes on when the part is on its way: sooner, both threads would want the interpreter at once, and
                # the page would wait for it.
                text, sent = json.dumps(part, ensure_ascii=False, separators=(",", ":")), threading.Event()
                loop.call_soon_threadsafe(self._out.put_nowait, (cancel, text, sent))
                sent.wait(_SENT)

            self._desk.waiting += 1
            try:
                await loop.run_in_executor(self._desk.pool, self._desk.respond, text, cancel, emit)
            finally:
                self._desk.waiting -= 1

    async def _send(self) -> None:
        while True:
            cancel, text, sent = await self._out.get()
            if not cancel.cancelled:
                await self._socket.send_text(text)
            sent.set()
