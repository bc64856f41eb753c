"""France Travail's agent API: ask what it knows of people, tell it what a département decided."""

from __future__ import annotations

from connectors.budget import Budget, MemoryBudget
from connectors.france_travail.client import FranceTravail
from connectors.france_travail.exchange import Agent, Answer, Query
from connectors.france_travail.gateway import user_token_name
from connectors.france_travail.patience import Patience
from connectors.france_travail.tokens import MemoryTokenStore, TokenStore
from connectors.outcome import Outcome

__all__ = [
    "Agent",
    "Answer",
    "Budget",
    "FranceTravail",
    "MemoryBudget",
    "MemoryTokenStore",
    "Outcome",
    "Patience",
    "Query",
    "TokenStore",
    "user_token_name",
]
