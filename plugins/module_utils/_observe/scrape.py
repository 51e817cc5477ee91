# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Query many HTTP endpoints concurrently, with one deadline for all of them.

Answers are read in chunks as they arrive, so that a large answer needs little memory. After the deadline, no
connection and no thread remains.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import http.client
import queue
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Protocol

from .._model.compat import dataclass
from .._model.errors import OrcastraError
from .deadline import Connections, Deadline

# Waiting threads are cheap; there must be enough of them even if many endpoints hang.
MAX_THREADS = 128
# A node exporter sends about 100 KB, a cAdvisor with hundreds of containers a few MB.
MAX_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_TRUNCATED = "a truncated answer"
# After their connections are shut down, threads end within this time.
_END_SECONDS = 1.0


class Reader(Protocol):
    """Parses an answer. Both methods raise ValueError for an invalid one; its text is the found value."""

    def feed(self, chunk: bytes) -> None:
        """Read the next chunk."""

    def close(self) -> Any:
        """End of the answer. Returns the result."""


@dataclass(frozen=True)
class Question:
    """A request. ``reader`` creates the parser of the answer from its content type.

    If ``reader`` is None, the result is the status. ``headers`` are sent only to the host of the URL.
    ``expected`` describes a valid answer in error messages. If ``redirects`` is True, redirects on the same
    host are followed.
    """

    url: str
    reader: Callable[[str], Reader] | None = None
    max_bytes: int = MAX_BYTES
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    expected: str = "metrics"
    redirects: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of the reader, or in ``problem`` the reason why there is no new one.

    ``received`` is the time of receipt in seconds since the epoch; ``age`` is how many seconds ago that was,
    for an answer of an earlier query.
    """

    value: Any = None
    problem: str | None = None
    received: float = 0.0
    age: float = 0.0


class _WrongAnswer(Exception):
    """The endpoint gave an invalid answer."""


def ask_all(
    questions: Iterable[Question],
    *,
    timeout_seconds: float,
    ca_path: str | None = None,
    validate_certs: bool = True,
    use_proxy: bool = False,
) -> dict[str, Answer]:
    """Query all endpoints concurrently, within ``timeout_seconds``. Returns URL → answer.

    Raises OrcastraError if ``ca_path`` cannot be used.
    """
    waiting = {question.url: question for question in questions}
    deadline = Deadline(timeout_seconds)
    context = _tls(ca_path, validate_certs=validate_certs)
    todo: queue.SimpleQueue[Question] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[str, Answer]] = queue.SimpleQueue()
    for question in waiting.values():
        todo.put(question)

    def work() -> None:
        while not deadline.is_over:
            try:
                question = todo.get_nowait()
            except queue.Empty:
                return
            with deadline.connections() as connections:
                opener = _opener(connections, context, question, use_proxy=use_proxy)
                answer = _ask(opener, question, deadline)
            done.put((question.url, answer))

    # daemon threads, so that the process can end at any time
    threads = [
        threading.Thread(target=work, daemon=True) for _number in range(min(len(waiting), MAX_THREADS))
    ]
    answers: dict[str, Answer] = {}
    try:
        for thread in threads:
            thread.start()
        while len(answers) < len(waiting):
            url, answer = done.get(timeout=deadline.left())
            answers[url] = answer
    except (queue.Empty, TimeoutError):
        pass
    finally:
        deadline.cut()
        _join(threads)
    late = Answer(problem=f"no answer within {timeout_seconds:g} s")
    return {url: answers.get(url, late) for url in waiting}


def _join(threads: Iterable[threading.Thread]) -> None:
    end = time.monotonic() + _END_SECONDS
    for thread in threads:
        if thread.ident is not None:
            thread.join(max(0.0, end - time.monotonic()))


def _tls(ca_path: str | None, *, validate_certs: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_path)
    except OSError as error:
        raise OrcastraError(f"{ca_path}: expected a file of CA certificates, found: {error}") from error
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects on the same host only, so that an endpoint cannot direct requests elsewhere.

    ``headers`` are sent again if scheme and port are also the same.
    """

    def __init__(self, question: Question) -> None:
        self._question = question

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        before, after = urllib.parse.urlsplit(self._question.url), urllib.parse.urlsplit(newurl)
        if not self._question.redirects or before.hostname != after.hostname:
            return None  # the redirect itself is the answer
        # otherwise urllib reads the body of the redirect, however long it is
        fp.close()
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and _origin(before) == _origin(after):
            _add_headers(request, self._question)
        return request


def _origin(parts: urllib.parse.SplitResult) -> tuple[str, int | None]:
    return parts.scheme, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _add_headers(request: urllib.request.Request, question: Question) -> None:
    for name, value in question.headers.items():
        # urllib does not repeat these after a redirect; it encodes headers as latin-1
        request.add_unredirected_header(name, value.encode().decode("latin-1"))


def _opener(
    connections: Connections, context: ssl.SSLContext, question: Question, *, use_proxy: bool
) -> urllib.request.OpenerDirector:
    class Http(http.client.HTTPConnection):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._create_connection = connections.open

    class Https(http.client.HTTPSConnection):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._create_connection = connections.open

    class HttpHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(Http, req)

    class HttpsHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(Https, req, context=context)

    opener = urllib.request.OpenerDirector()
    # no other protocol: a redirect must not lead to a file or to FTP
    for handler in (
        urllib.request.ProxyHandler(None if use_proxy else {}),
        HttpHandler(),
        HttpsHandler(),
        _Redirects(question),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _ask(opener: urllib.request.OpenerDirector, question: Question, deadline: Deadline) -> Answer:
    try:
        return Answer(_fetch(opener, question, deadline), received=time.time())
    except Exception as error:  # noqa: BLE001 - an error of one endpoint must not affect the others
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        return Answer(problem=_problem(error, question, deadline))


def _problem(error: Exception, question: Question, deadline: Deadline) -> str:
    """Why there is no answer, without anything that was sent."""
    found: object = None
    if isinstance(error, urllib.error.HTTPError):
        found = f"HTTP status {error.code}"
        if error.code in (401, 403):
            found += " (the credentials are wrong)" if question.headers else " (it requires credentials)"
        elif 300 <= error.code < 400:
            found += " (the redirect is not followed)"
    elif deadline.is_over:
        # a connection that was shut down can cause any error
        return "no answer in time"
    elif isinstance(error, urllib.error.URLError):
        return _reason_text(error.reason)
    elif isinstance(error, http.client.RemoteDisconnected):
        found = "no answer before the end of the connection"
    elif isinstance(error, OSError):
        return _reason_text(error)
    elif isinstance(error, http.client.IncompleteRead):
        found = _TRUNCATED
    elif isinstance(error, http.client.InvalidURL):
        return "its URL is invalid"
    elif isinstance(error, http.client.HTTPException):
        found = "an answer that is not HTTP"
    elif isinstance(error, _WrongAnswer):
        found = error
    if found is None:
        return f"unexpected {type(error).__name__}"
    return f"expected {question.expected}, found {found}"


def _fetch(opener: urllib.request.OpenerDirector, question: Question, deadline: Deadline) -> Any:
    request = urllib.request.Request(  # noqa: S310 the configuration takes http and https only
        question.url, question.body, {"Accept": "text/plain, application/json"}
    )
    _add_headers(request, question)
    with opener.open(request, timeout=deadline.left()) as response:
        if question.reader is None:
            return response.status
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise _WrongAnswer(f"an answer with the Content-Encoding {encoding[:20]!r}")
        reader = question.reader(response.headers.get("Content-Type", ""))
        size = 0
        # read1 returns available data at once, so that an invalid answer is detected early
        while chunk := response.read1(_CHUNK_BYTES):
            size += len(chunk)
            if size > question.max_bytes:
                raise _WrongAnswer(f"more than {question.max_bytes // 1024 // 1024} MiB")
            deadline.left()
            _read(reader.feed, chunk)
        deadline.left()
        # a truncated number would be a different number
        if response.length:
            raise _WrongAnswer(_TRUNCATED)
        return _read(reader.close)


def _read(part: Callable[..., Any], *arguments: bytes) -> Any:
    try:
        return part(*arguments)
    except ValueError as error:
        raise _WrongAnswer(str(error)) from error


def _reason_text(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate cannot be verified: {reason.verify_message}"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__
