"""The HTTP face of the pretend France Travail: its paths, its checks in their order, its codes."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import orjson
from fastapi import FastAPI, Response

from hub.sandbox.france_travail import answers
from hub.sandbox.france_travail.answers import Refusal, as_json, as_read, body_of
from hub.sandbox.france_travail.register import ACCESS_TOKEN_LIFE
from hub.sandbox.france_travail.shapes import administrative, encode_twice, orientations, registration

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import Request

    from hub.sandbox.france_travail.faults import Script
    from hub.sandbox.france_travail.people import FtPerson
    from hub.sandbox.france_travail.register import Register, Written

    Endpoint = Callable[[Request], Awaitable[Response]]

TOKEN_PATH = "/connexion/oauth2/access_token"  # noqa: S105 - a path
BASE_PATH = "/partenaire"
SEARCH, ADMINISTRATIVE, STATUS, ORIENTATION, APPOINTMENT = (
    "/rechercher-usager/v2/usagers",
    "/informations-administratives/v1",
    "/contrat-usager/v2",
    "/orientationusager/v1",
    "/rendez-vous-partenaire/v1",
)
SCOPES = {
    SEARCH: frozenset({"api_rechercher-usagerv2", "rechercheusager", "profil_accedant"}),
    ADMINISTRATIVE: frozenset({"api_informations-administrativesv1", "informationsadministrativesusager"}),
    STATUS: frozenset({"api_contrat-usagerv2", "statutcontratusager"}),
    ORIENTATION: frozenset({"api_orientationusagerv1", "orientationusager"}),
    APPOINTMENT: frozenset({"api_rendez-vous-partenairev1", "gererRDV"}),
}
AGENT_HEADERS = ("pa-identifiant-agent", "pa-nom-agent", "pa-prenom-agent")
DECISION_FIELDS = ("etat_decision", "date_decision", "organisme_decision", "agent_decision")
APPOINTMENT_FIELDS = (
    *("organisme", "motif", "date", "modaliteContact", "typeReception", "statut", "libelleAdresse", "adresse"),
)
CHOICES = {
    "etat_decision": ["ACCEPTEE", "REFUSEE"],
    "motif": ["AUT", "ACC", "ORI"],
    "modaliteContact": ["PHYSIQUE", "TELEPHONE", "VISIO"],
    "typeReception": ["COL", "IND"],
    "statut": ["PRIS", "EFFECTUE", "MODIFIE", "ABSENT", "ANNULE"],
}


class Face:
    """One client is known, with its secret and the scopes it is entitled to."""

    def __init__(self, *, register: Register, script: Script, client: tuple[str, str]) -> None:
        self.register = register
        self.client_id, self._client_secret = client
        self.entitled = frozenset().union(*SCOPES.values()) | {f"application_{self.client_id}"}
        self.requests: Counter[str] = Counter()
        self.refuses_content = False
        self._script = script

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        app.add_route(TOKEN_PATH, self._counted(self.token), methods=["POST"])
        routes: list[tuple[str, str, str, Endpoint]] = [
            ("POST", SEARCH, "/par-datenaissance-et-nir", self.search_by_nir),
            ("POST", SEARCH, "/par-numero-francetravail", self.search_by_number),
            ("GET", ADMINISTRATIVE, "/usager", self.read_administrative),
            ("GET", STATUS, "/contrat", self.read_status),
            ("GET", ORIENTATION, "/lectureOrientation", self.read_orientation),
            ("POST", ORIENTATION, "/decisionOrientation", self.decide),
            ("POST", APPOINTMENT, "/rendez-vous", self.book),
        ]
        for method, api, path, endpoint in routes:
            guarded = self._counted(self._guarded(endpoint, SCOPES[api]))
            app.add_route(BASE_PATH + api + path, guarded, methods=[method])
        return app

    def _counted(self, endpoint: Endpoint) -> Endpoint:
        async def counted(request: Request) -> Response:
            self.requests[request.url.path.removeprefix(BASE_PATH)] += 1
            try:
                return await endpoint(request)
            except Refusal as refusal:
                return refusal.response

        return counted

    def _guarded(self, endpoint: Endpoint, scopes: frozenset[str]) -> Endpoint:
        async def guarded(request: Request) -> Response:
            number = self._script.next()
            await self._bad_day(number)
            self._check(request, scopes)
            response = await endpoint(request)
            if self._script.due(self._script.faults.double_encoded_every, number) and response.body:
                return as_json(response.status_code, encode_twice(orjson.loads(response.body)))
            return response

        return guarded

    async def _bad_day(self, number: int) -> None:
        faults, due = self._script.faults, self._script.due
        if due(faults.slow_every, number):
            await asyncio.sleep(faults.slow_seconds)
        if due(faults.forget_tokens_every, number):
            self.register.forget_tokens()
        if due(faults.rate_limit_every, number):
            raise Refusal(Response(status_code=429, headers={"Retry-After": faults.retry_after}))
        if due(faults.unavailable_every, number):
            raise Refusal(answers.coded(503, "R999", "Service indisponible"))
        for status, every in ((502, faults.non_json_502_every), (200, faults.non_json_200_every)):
            if due(every, number):
                raise Refusal(Response(status_code=status, content=b"<html>Maintenance</html>", media_type="text/html"))

    def _check(self, request: Request, scopes: frozenset[str]) -> None:
        """The gateway: access token, then scopes, then the agent."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        held = self.register.scopes_of(token) if scheme == "Bearer" else None
        if held is None:
            raise Refusal(as_json(401, {"error": "invalid_token"}))
        if not scopes <= held:
            raise Refusal(as_json(403, {"error": "insufficient_scope", "scope": " ".join(sorted(scopes))}))
        agent = [request.headers.get(name) for name in AGENT_HEADERS]
        if None in agent:
            raise Refusal(Response(status_code=302, headers={"Location": "/connexion"}))
        if not all(agent):
            raise Refusal(as_json(401, {"error": "agent"}))

    async def token(self, request: Request) -> Response:
        given = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        urlencoded = request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        if not urlencoded or request.query_params.get("realm") != "/agent":
            return as_json(400, {"error": "invalid_request"})
        if given.get("grant_type") != "client_credentials":
            return as_json(400, {"error": "unsupported_grant_type"})
        if (given.get("client_id"), given.get("client_secret")) != (self.client_id, self._client_secret):
            return as_json(401, {"error": "invalid_client"})
        scopes = frozenset(given.get("scope", "").split())
        if not scopes or not scopes <= self.entitled:
            return as_json(400, {"error": "invalid_scope", "error_description": "Unknown/invalid scope(s)"})
        return as_json(
            200,
            {
                "access_token": self.register.give_access(scopes),
                "token_type": "Bearer",
                "expires_in": ACCESS_TOKEN_LIFE,
                "scope": " ".join(sorted(scopes)),
            },
        )

    async def search_by_nir(self, request: Request) -> Response:
        body = await body_of(request)
        nir, date = str(body.get("nir")), str(body.get("dateNaissance"))
        if not re.fullmatch(r"[0-9AB]{13}(\d{2})?", nir) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
            return answers.bad_input()
        return self._found(self.register.by_nir(nir, date))

    async def search_by_number(self, request: Request) -> Response:
        number = str((await body_of(request)).get("numeroFranceTravail"))
        if not re.fullmatch(r"\d{11}", number):
            return answers.bad_input()
        return self._found(self.register.by_number(number))

    def _found(self, people: list[FtPerson]) -> Response:
        if not people:
            return answers.nobody()
        if len(people) > 1:
            return answers.several()
        person = people[0]
        return answers.refusal_of(person) or answers.recognised(person, self.register.give_user(person))

    async def read_administrative(self, request: Request) -> Response:
        return as_read(administrative(self._user(request)))

    async def read_status(self, request: Request) -> Response:
        return as_read(registration(self._user(request)))

    async def read_orientation(self, request: Request) -> Response:
        person = self._user(request)
        found = orientations(person, self.register.decision_on(person))
        wanted = request.query_params.get("etatOrientation")
        return as_read([one for one in found or [] if wanted in (None, one["etat"])] or None)

    async def decide(self, request: Request) -> Response:
        written = await self._tell(request, self.register.decisions, needed=DECISION_FIELDS)
        return Response(status_code=201) if written else answers.bad_input()

    async def book(self, request: Request) -> Response:
        written = await self._tell(request, self.register.appointments, needed=APPOINTMENT_FIELDS)
        return as_json(201, {"id": written.provider_id}) if written else answers.bad_input()

    async def _tell(self, request: Request, book: list[Written], *, needed: tuple[str, ...]) -> Written | None:
        person, body = self._user(request), await body_of(request)
        if self.refuses_content or any(
            not body.get(name) or body[name] not in CHOICES.get(name, [body[name]]) for name in needed
        ):
            return None
        return self.register.tell(book, who=person.numero, body=body, key=request.headers.get("Idempotency-Key"))

    def _user(self, request: Request) -> FtPerson:
        person = self.register.user_of(request.headers.get("ft-jeton-usager", ""))
        if person is None:
            raise Refusal(as_json(401, {"error": "invalid_user_token"}))
        return person
