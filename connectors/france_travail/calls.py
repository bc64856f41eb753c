"""One call to France Travail's API: signed, insisted upon, and checked for what concerns the connection itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from connectors.france_travail.errors import UserTokenRefused
from schemas.errors import CallSomeone, FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.france_travail.exchange import Agent
    from connectors.france_travail.line import Line, Reply
    from connectors.france_travail.tokens import AccessTokens


@dataclass(frozen=True, kw_only=True)
class Call:
    """``path`` never names a person: whoever it is about is in the body or in the user token."""

    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    user_token: str | None = field(default=None, repr=False)
    message_id: str | None = None


class Calls:
    """Thread-safe: any number of threads may call at once."""

    def __init__(self, *, line: Line, tokens: AccessTokens, agent: Agent) -> None:
        self._line = line
        self._tokens = tokens
        self._agent = agent.headers()

    def prepare(self) -> None:
        """Make sure of an access token; raises what ``AccessTokens.current`` raises."""
        self._tokens.current()

    def make(self, call: Call) -> Reply:
        """Return France Travail's final answer.

        Raises ``Unavailable`` when there is none, ``CallSomeone`` on 302 and on a 401 that a new token does not cure,
        ``UserTokenRefused`` on a 401 about a user, ``FixTheDeclaration`` when a scope is missing.
        """
        reply = self._line.insist(lambda: self._once(call))
        if HTTPStatus.MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST:
            raise CallSomeone(
                f"Connection {self._line.connection!r}: France Travail answered {reply.status}: it did not receive "
                "the agent headers (pa-identifiant-agent, pa-nom-agent, pa-prenom-agent)."
            )
        if reply.status == HTTPStatus.FORBIDDEN and reply.text("error") == "insufficient_scope":
            raise FixTheDeclaration(
                f"Connection {self._line.connection!r}: extra.scope lacks what {call.path} needs: "
                "add that API's scopes if the client is entitled to them."
            )
        return reply

    def _once(self, call: Call) -> Reply:
        token = self._tokens.current()
        reply = self._send(call, token)
        if reply.status == HTTPStatus.UNAUTHORIZED and call.user_token is None:
            reply = self._send(call, self._tokens.current(refused=token))
        if reply.status == HTTPStatus.UNAUTHORIZED:
            raise self._unauthorised(call)
        if reply.ok and not reply.readable:  # a page of maintenance says nothing of what was done
            raise self._line.unavailable("UNREADABLE")
        return reply

    def _unauthorised(self, call: Call) -> CallSomeone:
        if call.user_token is not None:
            return UserTokenRefused(
                f"Connection {self._line.connection!r}: France Travail refuses the user token on {call.path}."
            )
        return CallSomeone(
            f"Connection {self._line.connection!r}: France Travail refuses the access token it has just given (401): "
            "check the client's rights and the agent headers."
        )

    def _send(self, call: Call, token: str) -> Reply:
        headers = {"Authorization": f"Bearer {token}", **self._agent}
        if call.user_token is not None:
            headers["ft-jeton-usager"] = call.user_token
        if call.message_id is not None:
            headers["Idempotency-Key"] = call.message_id
        return self._line.send(self._line.http.build_request(call.method, call.path, json=call.body, headers=headers))
