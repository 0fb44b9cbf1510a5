"""Who may ask, and what a page may load.

Only this machine is listened to unless a host is named. A page of another origin cannot ask anything: the name in
`Host` must be ours (against DNS rebinding), `Origin` too where a browser sends one, and the token is asked for in any
case. Nothing may be loaded but our own files, no script stands in a page, and no page may be framed.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gvlab.web.limits import MAX_BODY

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "gvlab_token"

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""The content-security policy: nothing inline, nothing from elsewhere."""

HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not "no-referrer": with that, a browser sends a form of our own page with the origin "null", which is refused.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)

_OPEN = ("/static/",)
"""What is served without a token: our own script and style, which say nothing of anybody."""


def is_loopback(host: str) -> bool:
    """Return whether a name or an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware: refuses who may not ask, bounds what is sent, and adds the headers of `HEADERS`.

    Parameters
    ----------
    app
        What is guarded.
    token
        Must come with every request: as cookie, as ``Authorization: Bearer``, or as ``?token=`` of the address.
    hosts
        Names by which this server may be called; where it listens on all addresses, any address (no name) is one too.
    any_address
        Whether it listens on all addresses.
    """

    def __init__(self, app: ASGIApp, *, token: str, hosts: Iterable[str], any_address: bool = False) -> None:
        self.app = app
        self.token = token
        self.hosts = {host.lower() for host in hosts}
        self.any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(scope, receive, send, *refusal)
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        await self.app(scope, _bounded(receive), _with_headers(send, self._cookie(scope, headers)))

    def _cookie(self, scope: Scope, headers: dict[str, str]) -> str:
        """Return the cookie for who came with the token in the address: what a page loads has no such address."""
        if scope["path"].startswith(_OPEN) or b"token=" not in scope.get("query_string", b""):
            return ""
        port = urlsplit(f"//{headers.get('host', '')}").port or 80
        return f"{COOKIE}_{port}={self.token}; HttpOnly; Path=/; SameSite=lax"

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        if not self._ours(headers.get("host", "")):
            return 421, "This server does not go by that name. Open the address that `gvlab serve` printed."
        origin = headers.get("origin")
        if origin is not None and not self._same_origin(origin, headers.get("host", "")):
            return 403, "Pages of other origins may not ask here."
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return 403, "Pages of other sites may not ask here."
        try:
            length = int(headers.get("content-length", "0"))
        except ValueError:
            return 400, "Content-Length is not a number."
        if length > MAX_BODY:
            return 413, f"At most {MAX_BODY:,} bytes are taken."
        if scope["path"].startswith(_OPEN) or self._has_token(scope, headers):
            return None
        return 401, "The token is missing or wrong. Open the whole address that `gvlab serve` printed, with ?token=."

    def _ours(self, host: str) -> bool:
        name = (urlsplit(f"//{host}").hostname or "") if _HOST.match(host) else ""
        if name in self.hosts:
            return True
        if not self.any_address:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _same_origin(self, origin: str, host: str) -> bool:
        try:
            return urlsplit(origin).scheme in ("http", "https") and urlsplit(origin).netloc.lower() == host.lower()
        except ValueError:
            return False

    def _has_token(self, scope: Scope, headers: dict[str, str]) -> bool:
        given = re.split(r"[?&=]", scope.get("query_string", b"").decode("latin-1"))
        given += re.split(r"[;=\s]+", headers.get("cookie", ""))
        kind, _, value = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            given.append(value.strip())
        wanted = self.token.encode()
        return any(hmac.compare_digest(each.encode(), wanted) for each in given)


_HOST = re.compile(r"[\w.\-:\[\]]{1,255}\Z")


class TooLargeError(Exception):
    """More was sent than is taken."""


def _bounded(receive: Receive) -> Receive:
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY:
            raise TooLargeError
        return message

    return bounded


def _with_headers(send: Send, cookie: str = "") -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(pair for pair in HEADERS if pair[0] not in there)]
            if b"cache-control" not in there:
                message["headers"].append((b"cache-control", b"no-store"))
            if cookie:
                message["headers"].append((b"set-cookie", cookie.encode()))
        await send(message)

    return sending


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, why: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4401 if status == 401 else 4403, "reason": why[:120]})
        return
    body = json.dumps({"error": why}).encode()
    kind = b"application/json"
    if b"text/html" in dict(scope["headers"]).get(b"accept", b""):
        body = f"<!doctype html><html lang=en><title>GVLab</title><p>{why.replace('`', '')}</p></html>".encode()
        kind = b"text/html; charset=utf-8"
    start = {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]}
    await _with_headers(send)(start)
    await send({"type": "http.response.body", "body": body})
