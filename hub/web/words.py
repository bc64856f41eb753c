"""The words of the screens: states, kinds, roles and rules, as an agent says them."""

from __future__ import annotations

STATES = {
    "received": "en cours",
    "applied": "appliquée",
    "refused": "refusée",
    "repeated": "déjà reçue",
    "redated": "déjà reçue",
    "outdated": "dépassée",
    "reverted": "annulée",
    "held": "retenue",
    None: "jamais reçue",
}
MESSAGES = {
    "pending": "en attente",
    "sent": "envoyé, sans réponse",
    "acknowledged": "acquitté",
    "rejected": "rejeté",
    "unfound": "personne introuvable",
    "parked": "mis de côté",
    "replaced": "remplacé",
}
KINDS = {"full": "complète", "delta": "changements", None: "–"}
PARTNERS = {"caf": "CAF/MSA", "pole_emploi": "Pôle emploi"}
RULES = {
    "required": "champ obligatoire absent",
    "not_future": "date dans le futur",
    "not_before": "date trop ancienne",
    "not_before_birth": "date avant la naissance",
    "has_letters": "nom sans aucune lettre",
    "cle_json_repetee": "clé JSON répétée",
    "json": "ligne JSON illisible",
    "nombre_de_colonnes": "nombre de colonnes",
    "valeur_repetee": "valeur répétée",
}
SUSPENDED = {"right": "droit suspendu", "payment": "versement suspendu"}
ROLES = {
    "operator": "opérateur",
    "reviewer": "instructeur des rapprochements",
    "dpo": "délégué à la protection des données",
    "administrator": "administrateur",
    "partner": "partenaire (lecture seule)",
}
ACTIONS = {
    "personne_vue": "dossier consulté",
    "personnes_cherchees": "recherche de personnes",
    "nir_devoile": "NIR dévoilé",
    "rapprochement_vu": "rapprochement consulté",
    "quarantaine_vue": "enregistrement refusé consulté",
    "quarantaine_devoilee": "enregistrement refusé dévoilé",
    "rejets_exportes": "fichier de rejets téléchargé",
}
CASES = {
    "a_confirmer": "fiches semblables, mais pas assez pour décider sans un agent",
    "deux_verites": "deux partenaires certifiés ne disent pas la même chose",
    "rapprochement_refuse": "ces deux fiches se ressemblent, mais les réunir mettrait ensemble des fiches qui se contredisent",
}
# What messages of each state are, for whoever never saw one.
MEANING = {
    "pending": "Écrits, pas encore partis : ils partent au prochain envoi.",
    "sent": "Partis ; le partenaire n'a encore rien répondu.",
    "acknowledged": "Le partenaire a dit les avoir reçus et enregistrés.",
    "rejected": "Le partenaire les a refusés ; le motif est le sien.",
    "unfound": "Le partenaire n'a trouvé personne sous ces références.",
    "parked": "Le dernier essai a échoué : ils ne partent plus d'eux-mêmes.",
    "replaced": "Jamais partis : un message plus récent dit mieux, ou il n'y avait plus rien à dire.",
}
MANY = {
    "pending": "Messages en attente",
    "sent": "Messages envoyés, sans réponse",
    "acknowledged": "Messages acquittés",
    "rejected": "Messages rejetés",
    "unfound": "Messages dont la personne est introuvable",
    "parked": "Messages mis de côté",
    "replaced": "Messages remplacés",
}
# What was done that partners had to be told of. Which right somebody used is said on no screen but the person's own.
ACTS = {
    "revert": "livraison annulée",
    "unlink": "fiches séparées",
    "right": "décision sur la personne",
    "erasure": "personne effacée",
    "retention": "durée de conservation atteinte",
    "agreement": "convention modifiée",
    "resend": "tout dit à nouveau",
}
