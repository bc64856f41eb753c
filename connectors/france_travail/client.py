"""The France Travail client: a pull is a stream of answers in the order asked; a message has one outcome."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Self, TypeVar

from connectors.france_travail.calls import Call, Calls
from connectors.france_travail.errors import Unavailable, UserTokenRefused
from connectors.france_travail.exchange import Agent, Answer, Query
from connectors.france_travail.gateway import Gateway, NotFound, User
from connectors.france_travail.line import Line, Reply
from connectors.france_travail.patience import Patience
from connectors.france_travail.provider import Provider, open_http
from connectors.france_travail.tokens import AccessTokens, TokenStore
from connectors.france_travail.verdicts import BY_CODE, NOBODY, UNAVAILABLE, WRITE_REFUSED, verdict_on
from connectors.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime
    from types import TracebackType

    from connectors.base import Access
    from connectors.budget import Budget

T = TypeVar("T")

READS = {
    "administratif": "/informations-administratives/v1/usager",
    "contrat": "/contrat-usager/v2/contrat",
    "orientation": "/orientationusager/v1/lectureOrientation",
}
DECISION = "/orientationusager/v1/decisionOrientation"
APPOINTMENT = "/rendez-vous-partenaire/v1/rendez-vous"
DONE = frozenset({"S000", "S001", "C001"})
PASSING = frozenset({"R999"})
NEEDED_IN = {
    DECISION: ("etat_decision", "date_decision", "organisme_decision", "agent_decision"),
    APPOINTMENT: (
        *("organisme", "motif", "date", "modaliteContact", "typeReception", "statut", "libelleAdresse", "adresse"),
    ),
}


@dataclass
class FranceTravail:
    """Open it with ``with``; it may be used from several threads.

    ``repairs`` counts what had to be put right in the answers of ``ask``.
    """

    access: Access
    tokens: TokenStore = field(repr=False)
    budget: Budget = field(repr=False)
    clock: Callable[[], datetime] = field(repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False, kw_only=True)
    agent: Agent = field(default=Agent(), kw_only=True)
    patience: Patience = field(default=Patience(), kw_only=True)
    parallel: int = field(default=8, kw_only=True)
    repairs: Counter[str] = field(default_factory=Counter, init=False)

    def __enter__(self) -> Self:
        provider = Provider.of(self.access)
        self._http = open_http(self.access, parallel=self.parallel)
        line = Line(
            connection=provider.connection,
            http=self._http,
            budget=self.budget,
            clock=self.clock,
            sleep=self.sleep,
            patience=self.patience,
        )
        access_tokens = AccessTokens(provider=provider, line=line, store=self.tokens)
        self._calls = Calls(line=line, tokens=access_tokens, agent=self.agent)
        self._gateway = Gateway(connection=provider.connection, calls=self._calls, store=self.tokens, clock=self.clock)
        self._silence = _Silence(self.patience.give_up_after)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def ask(self, queries: Iterable[Query]) -> Iterator[Answer]:
        """Answer each query, in order, a bounded number at once.

        One person's trouble is one answer's outcome. Raises ``TryAgainLater`` when no access token can be had to begin
        with, ``CallSomeone`` and ``FixTheDeclaration`` as soon as the connection itself is wrong.
        """
        rest = iter(queries)
        first = next(rest, None)
        if first is None:
            return
        self._calls.prepare()
        self._silence.reset()
        waiting: deque[Future[Answer]] = deque()
        with ThreadPoolExecutor(max_workers=self.parallel, thread_name_prefix="france-travail") as pool:
            try:
                for query in chain([first], rest):
                    waiting.append(pool.submit(self._answer, query))
                    if len(waiting) >= 4 * self.parallel:
                        yield self._next(waiting)
                while waiting:
                    yield self._next(waiting)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def decide_orientation(self, query: Query, decision: Mapping[str, Any], *, message_id: str) -> Outcome:
        """Tell the orientation decision. ``message_id`` is the idempotency key: the same one each time it is sent."""
        return self._write(query, Call(method="POST", path=DECISION, body=decision, message_id=message_id))

    def book_first_appointment(self, query: Query, appointment: Mapping[str, Any], *, message_id: str) -> Outcome:
        """Tell the first appointment; its ``provider_id`` is what France Travail calls it from now on."""
        return self._write(query, Call(method="POST", path=APPOINTMENT, body=appointment, message_id=message_id))

    def _next(self, waiting: deque[Future[Answer]]) -> Answer:
        answer = waiting.popleft().result()
        self.repairs.update(answer.repairs)
        return answer

    def _answer(self, query: Query) -> Answer:
        if self._silence.too_long:
            return Answer(key=query.key, code="NOT_ASKED", outcome="unavailable")
        try:
            answer = self._as_user(query, lambda user: self._read(query, user))
        except Unavailable as error:
            self._silence.heard_nothing(hopeless=(error.retry_after or 0) > self.patience.longest_wait)
            return Answer(key=query.key, code=error.code, outcome="unavailable")
        self._silence.reset()
        if isinstance(answer, NotFound):
            return Answer(key=query.key, code=answer.code, outcome=answer.verdict.finding)
        return answer

    def _as_user(self, query: Query, act: Callable[[User], T]) -> T | NotFound:
        """Act with the user's token; search again once if it is refused, for it may have ended early."""
        user = self._gateway.find(query)
        if isinstance(user, NotFound):
            return user
        try:
            return act(user)
        except UserTokenRefused:
            user = self._gateway.find(query, fresh=True)
        return user if isinstance(user, NotFound) else act(user)

    def _read(self, query: Query, user: User) -> Answer:
        body: dict[str, Any] = {"recherche": user.search}
        repairs = Counter(user.repairs)
        for name, path in READS.items():
            reply = self._calls.make(Call(method="GET", path=path, user_token=user.token))
            verdict = None if reply.ok else verdict_on(reply)
            if verdict and verdict is not NOBODY:
                return Answer(key=query.key, code=reply.code, outcome=verdict.finding)
            body[name] = reply.body if reply.ok else None
            repairs.update(reply.repairs)
        return Answer(key=query.key, code="S001", outcome="found", body=body, repairs=repairs)

    def _write(self, query: Query, call: Call) -> Outcome:
        missing = [name for name in NEEDED_IN[call.path] if not (call.body or {}).get(name)]
        if missing:
            return _refused("INCOMPLETE", f"Le message est incomplet : il manque {', '.join(missing)}.")
        try:
            reply = self._as_user(query, lambda user: self._calls.make(_as(user, call)))
        except Unavailable as error:
            return Outcome(
                accepted=False,
                retry=True,
                code=error.code,
                message_fr=UNAVAILABLE.message_fr,
                retry_after=error.retry_after,
            )
        return _refused(reply.code, reply.verdict.message_fr) if isinstance(reply, NotFound) else _outcome(reply)


def _as(user: User, call: Call) -> Call:
    return Call(method=call.method, path=call.path, body=call.body, user_token=user.token, message_id=call.message_id)


def _outcome(reply: Reply) -> Outcome:
    if reply.ok and reply.code in PASSING:
        return Outcome(accepted=False, retry=True, code=reply.code, message_fr=UNAVAILABLE.message_fr)
    if reply.ok and not _says_otherwise(reply):
        provider_id = reply.text("id")
        return Outcome(
            accepted=True, retry=False, code=reply.code, message_fr="Reçu par France Travail.", provider_id=provider_id
        )
    known = BY_CODE.get(reply.code)
    return _refused(reply.code, known.message_fr if known else WRITE_REFUSED)


def _says_otherwise(reply: Reply) -> bool:
    """An answer of success whose body names a code that is not one: it was not done."""
    return reply.code not in DONE and not reply.code.startswith("HTTP_2")


def _refused(code: str, message_fr: str) -> Outcome:
    return Outcome(accepted=False, retry=False, code=code, message_fr=message_fr)


class _Silence:
    """How many people in a row got no answer: a provider that is down is not asked about everybody."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._people = 0
        self._lock = threading.Lock()

    @property
    def too_long(self) -> bool:
        return self._people >= self._limit

    def heard_nothing(self, *, hopeless: bool) -> None:
        with self._lock:
            self._people = self._limit if hopeless else self._people + 1

    def reset(self) -> None:
        with self._lock:
            self._people = 0
