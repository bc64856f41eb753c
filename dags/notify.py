"""Tell operators of alarms through Airflow's notifiers: by e-mail and by webhook, each where it is set up."""

from __future__ import annotations

from html import escape
from typing import Any


def send(digest: dict[str, Any]) -> None:
    """Send one digest everywhere it goes; an error of one leaves its alarms untold, and the task is tried again.

    Alarms hold no personal data. The text is sent as it is: nothing in it is taken for a template.
    """
    if digest["emails"]:
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        page = f"<pre>{escape(digest['text'])}</pre>"
        SmtpNotifier(to=digest["emails"], subject=digest["subject"], html_content=page).notify({})
    if digest["webhook"]:
        from airflow.providers.http.notifications.http import HttpNotifier

        body = {"subject": digest["subject"], "alarms": digest["alarms"]}
        HttpNotifier(http_conn_id=digest["webhook"], json=body).notify({})
