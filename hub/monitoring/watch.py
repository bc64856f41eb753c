"""Watch: what is wrong as things stand now, whoever did it: what waits too long, ended agreements, certificates, the journal."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
from cryptography import x509
from sqlalchemy import text

from hub.alarms import Alarm
from hub.days import day_of
from hub.proof.checkpoints import verify_signed
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from sqlalchemy import Connection

    from hub.opening import Hub

BACKLOG, UNSENT, PARKED, UNANSWERED = "retard_rapprochement", "retard_partage", "messages_ecartes", "accuses_absents"
OLD_CASES, OLD_QUARANTINE = "dossiers_en_attente", "quarantaine_ancienne"
AGREEMENT_OVER, AGREEMENT_ENDING = "convention_expiree", "convention_bientot_expiree"
CERTIFICATE_ENDING, JOURNAL_BROKEN = "certificat_bientot_expire", "journal_rompu"

# The kinds this module raises when something is so, and closes when it is no more.
STANDING = (
    BACKLOG, UNSENT, PARKED, UNANSWERED, OLD_CASES, OLD_QUARANTINE, AGREEMENT_OVER, AGREEMENT_ENDING, CERTIFICATE_ENDING,
)  # fmt: skip

LONGEST_RECONCILE = timedelta(hours=1)
LONGEST_UNSENT = {"immediate": timedelta(hours=1), "daily": timedelta(hours=36)}
LONGEST_UNANSWERED = timedelta(days=3)
LONGEST_CASE = timedelta(days=14)
LONGEST_QUARANTINE = timedelta(days=30)
AGREEMENT_NOTICE = timedelta(days=60)
CERTIFICATE_NOTICE = timedelta(days=30)
ANSWER_SECONDS = 5.0

WAITING = """
select (select count(*) from source_record where to_match and updated_at < :reconcile_before) as to_match,
       (select count(*) from review_case where closed_at is null and opened_at < :cases_before) as cases,
       (select count(*) from quarantine where state = 'open' and opened_at < :quarantine_before) as quarantined
"""
MESSAGES = """
select partner,
       count(*) filter (where state = 'parked') as parked,
       count(*) filter (where state = 'sent' and sent_at < :answer_before) as unanswered,
       min(created_at) filter (where state = 'pending') as oldest_pending
from message where state in ('parked', 'sent', 'pending') group by partner order by partner
"""


def standing(hub: Hub, connection: Connection, *, now: datetime) -> Iterator[Alarm]:
    """Every alarm the store shows to hold at this moment; with ``certificates``, the kinds of ``STANDING``."""
    yield from _waiting(connection, now)
    yield from _messages(hub, connection, now)
    yield from _agreements(hub, day_of(now))


def journal_alarms(hub: Hub, connection: Connection) -> Iterator[Alarm]:
    """The alarm of a journal that does not hold. It reads the whole chain: once a day is enough."""
    found = verify_signed(hub, connection)
    if found.first_bad is not None:
        message = f"Le journal des communications ne tient plus à l'entrée {found.first_bad} : {found.reason}."
        yield Alarm(kind=JOURNAL_BROKEN, subject="journal", message=message)


def _waiting(connection: Connection, now: datetime) -> Iterator[Alarm]:
    row = connection.execute(
        text(WAITING),
        {
            "reconcile_before": now - LONGEST_RECONCILE,
            "cases_before": now - LONGEST_CASE,
            "quarantine_before": now - LONGEST_QUARANTINE,
        },
    ).one()
    if row.to_match:
        yield Alarm(
            kind=BACKLOG,
            subject="rapprochement",
            message=f"{row.to_match} fiches attendent d'être rapprochées depuis plus d'une heure.",
        )
    if row.cases:
        message = f"{row.cases} rapprochements douteux attendent une décision depuis plus de {LONGEST_CASE.days} jours."
        yield Alarm(kind=OLD_CASES, subject="rapprochements", message=message)
    if row.quarantined:
        message = f"{row.quarantined} fiches sont en quarantaine depuis plus de {LONGEST_QUARANTINE.days} jours."
        yield Alarm(kind=OLD_QUARANTINE, subject="quarantaine", message=message)


def _messages(hub: Hub, connection: Connection, now: datetime) -> Iterator[Alarm]:
    for row in connection.execute(text(MESSAGES), {"answer_before": now - LONGEST_UNANSWERED}):
        agreement = hub.agreements.get(row.partner)
        longest = LONGEST_UNSENT[agreement.frequency if agreement else "daily"]
        if row.parked:
            message = f"{row.partner} : {row.parked} messages écartés après leur dernier essai."
            yield Alarm(kind=PARKED, subject=row.partner, message=message)
        if row.unanswered:
            message = (
                f"{row.partner} : {row.unanswered} messages sans accusé depuis plus de {LONGEST_UNANSWERED.days} jours."
            )
            yield Alarm(kind=UNANSWERED, subject=row.partner, message=message)
        if row.oldest_pending and row.oldest_pending < now - longest:
            message = f"{row.partner} : des messages attendent depuis le {row.oldest_pending:%d/%m/%Y à %H:%M} UTC."
            yield Alarm(kind=UNSENT, subject=row.partner, message=message)


def _agreements(hub: Hub, today: date) -> Iterator[Alarm]:
    for title, agreement in sorted(hub.approved_agreements.items()):
        ends = f"{agreement.valid_until:%d/%m/%Y}"
        if agreement.valid_until < today:
            message = f"{title} : la convention a pris fin le {ends} ; plus rien ne lui est communiqué."
            yield Alarm(kind=AGREEMENT_OVER, subject=title, message=message)
        elif agreement.valid_until - today < AGREEMENT_NOTICE:
            message = f"{title} : la convention prend fin le {ends}."
            yield Alarm(kind=AGREEMENT_ENDING, subject=title, message=message)


def certificates(hub: Hub, *, now: datetime) -> Iterator[Alarm]:
    """The alarms of certificates about to end; asks each partner's API, outside any transaction."""
    for name in sorted({flow.connection for flow in hub.flows.values() if flow.protocol == "api"}):
        ends = certificate_end(hub, name)
        if ends is not None and ends - now < CERTIFICATE_NOTICE:
            message = (
                f"{name} : le certificat du serveur {'a pris' if ends <= now else 'prend'} fin le {ends:%d/%m/%Y}."
            )
            yield Alarm(kind=CERTIFICATE_ENDING, subject=name, message=message)


def certificate_end(hub: Hub, connection: str) -> datetime | None:
    """When the certificate a partner's API presents ends; None without TLS, or when the server cannot be reached now.

    The certificate is read, not trusted: trust is decided where calls are made.
    """
    try:
        address = httpx.URL(hub.settings.access(connection).extra.get("base_url", ""))
    except FixTheDeclaration:
        return None  # a connection that is not set up has other alarms
    if address.scheme != "https":
        return None
    try:
        presented = ssl.get_server_certificate((address.host, address.port or 443), timeout=ANSWER_SECONDS)
    except OSError:
        return None
    return x509.load_pem_x509_certificate(presented.encode()).not_valid_after_utc.astimezone(UTC)
