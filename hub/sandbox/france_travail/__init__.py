"""A pretend France Travail: a real HTTP server that answers as its documented agent API does."""

from __future__ import annotations

from hub.sandbox.france_travail.faults import FtFaults
from hub.sandbox.france_travail.people import FtPerson
from hub.sandbox.france_travail.register import Written
from hub.sandbox.france_travail.server import FranceTravailServer

__all__ = ["FranceTravailServer", "FtFaults", "FtPerson", "Written"]
