# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask many HTTP endpoints at once. All together get one deadline, however many of them hang."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import http.client
import queue
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.compat import dataclass
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError

# Threads that wait cost little; those that hang must leave room for the others.
MAX_THREADS = 128
# A node exporter says some 100 KB, a cAdvisor with hundreds of containers some MB.
MAX_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_CUT_OFF = "an answer that is cut off"


@dataclass(frozen=True)
class Question:
    """A URL to ask. ``read`` makes of the answer what is wanted; it raises ValueError for a wrong one."""

    url: str
    read: Callable[[bytes], Any]
    max_bytes: int = MAX_BYTES


@dataclass(frozen=True, slots=True)
class Answer:
    """What ``Question.read`` has returned, or in ``problem`` why there is nothing new.

    ``received``: when it came, in seconds since the epoch; ``age``: how many seconds ago that was, if it was
    not just now.
    """

    value: Any = None
    problem: str | None = None
    received: float = 0.0
    age: float = 0.0


class _WrongAnswer(Exception):
    """The endpoint answered, but not with what was asked for."""


def ask_all(
    questions: Iterable[Question],
    *,
    timeout_seconds: float,
    ca_path: str | None = None,
    validate_certs: bool = True,
    use_proxy: bool = False,
) -> dict[str, Answer]:
    """Ask all at the same time. Returns after ``timeout_seconds`` at the latest: URL → answer.

    Raises OrcastraError where ``ca_path`` cannot be used.
    """
    waiting = {question.url: question for question in questions}
    deadline = time.monotonic() + timeout_seconds
    opener = _opener(ca_path, validate_certs=validate_certs, use_proxy=use_proxy)
    todo: queue.SimpleQueue[Question] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[str, Answer]] = queue.SimpleQueue()
    for question in waiting.values():
        todo.put(question)

    def work() -> None:
        while time.monotonic() < deadline:
            try:
                question = todo.get_nowait()
            except queue.Empty:
                return
            done.put((question.url, _ask(opener, question, deadline)))

    for _number in range(min(len(waiting), MAX_THREADS)):
        # Daemons: the process must be able to end while a name server or an endpoint keeps one waiting.
        threading.Thread(target=work, daemon=True).start()
    answers: dict[str, Answer] = {}
    while len(answers) < len(waiting):
        try:
            url, answer = done.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        answers[url] = answer
    late = Answer(problem=f"no answer within {timeout_seconds:g} s")
    return {url: answers.get(url, late) for url in waiting}


def _opener(ca_path: str | None, *, validate_certs: bool, use_proxy: bool) -> urllib.request.OpenerDirector:
    try:
        context = ssl.create_default_context(cafile=ca_path)
    except OSError as error:
        raise OrcastraError(f"{ca_path}: expected a file of CA certificates, found: {error}") from error
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.OpenerDirector()
    # no other protocol: a redirection must not lead to a file or to FTP
    for handler in (
        urllib.request.ProxyHandler(None if use_proxy else {}),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _ask(opener: urllib.request.OpenerDirector, question: Question, deadline: float) -> Answer:
    try:
        body = _fetch(opener, question, deadline)
        return Answer(question.read(body), received=time.time())
    except urllib.error.HTTPError as error:
        error.close()
        return Answer(problem=f"expected metrics, found HTTP status {error.code}")
    except urllib.error.URLError as error:
        return Answer(problem=_in_words(error.reason))
    except OSError as error:
        return Answer(problem=_in_words(error))
    except http.client.IncompleteRead:
        return Answer(problem=f"expected metrics, found {_CUT_OFF}")
    except http.client.HTTPException:
        return Answer(problem="expected metrics, found something that is not HTTP")
    except (ValueError, _WrongAnswer) as error:
        return Answer(problem=f"expected metrics, found {error}")
    except Exception as error:  # noqa: BLE001 - one endpoint's strange answer must not cost the others
        return Answer(problem=f"unexpected {type(error).__name__}: {error}")


def _fetch(opener: urllib.request.OpenerDirector, question: Question, deadline: float) -> bytes:
    request = urllib.request.Request(question.url, headers={"Accept": "text/plain, application/json"})  # noqa: S310 the configuration takes http and https only
    body = bytearray()
    with opener.open(request, timeout=_left(deadline)) as response:
        # read1: it returns with what has come, so that an endpoint that drips cannot outlast the deadline
        while chunk := response.read1(_CHUNK_BYTES):
            body += chunk
            if len(body) > question.max_bytes:
                raise _WrongAnswer(f"more than {question.max_bytes // 1024 // 1024} MiB")
            _left(deadline)
        # a number that is cut off is another number
        if response.length:
            raise _WrongAnswer(_CUT_OFF)
    return bytes(body)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _in_words(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate cannot be verified: {reason.verify_message}"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__
