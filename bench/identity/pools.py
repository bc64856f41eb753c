"""Names, streets and places that invented people are drawn from: real shapes and frequencies, nobody's combination.

Each pool is a list with a falling frequency, as names have. Beyond the common names, rare ones are built from syllables.
"""

from __future__ import annotations

import numpy as np

FRENCH = """Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel Lefèvre Leroy Roux David Bertrand
Morel Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Vincent Muller Lefebvre Faure André Mercier Blanc Guérin Boyer
Garnier Chevalier François Legrand Gauthier Garcia Perrin Robin Clément Morin Nicolas Henry Roussel Mathieu Gautier Masson
Marchand Duval Denis Dumont Marie Lemaire Noël Meyer Dufour Meunier Brun Blanchard Giraud Joly Rivière Lucas Brunet Gaillard
Barbier Arnaud Martinez Gérard Roche Renard Schmitt Roy Leroux Colin Vidal Caron Picard Roger Fabre Aubert Lemoine Renaud Dumas
Lacroix Olivier Philippe Bourgeois Pierre Benoît Rey Leclerc Payet Rolland Leclercq Guillaume Lecomte López Jean Dupuy Guillot
Hubert Berger Carpentier Sánchez Dupuis Moulin Louis Deschamps Huet Vasseur Pérez Boucher Fleury Royer Klein Jacquet Adam Paris
Poirier Marty Aubry Guyot Carré Charles Renault Charpentier Ménard Maillard Baron Bertin Bailly Hervé Schneider Fernández Collet
Léger Bouvier Julien Prévost Millet Perrot Daniel Cousin Germain Breton Besson Langlois Rémy Pelletier Lévêque Perrier Leblanc
Barré Lebrun Marchal Weber Mallet Hamon Boulanger Jacob Monnier Michaud Guichard Poulain Tessier Étienne Gillet Hoarau Humbert
Le Gall|Le Goff|Le Roux|De Oliveira|De Sousa|Da Silva|Dos Santos|Saint-Martin|Du Pont|De La Fontaine|D'Almeida|Le Corre"""
MAGHREB = """Benali Bensaïd Haddad Mansouri Saidi Belkacem Cherif Amrani|El Amrani|Ben Ali|Ben Youssef|Bouzid Brahimi Hamidi Khelifi
Meziane Rahmani Slimani Toumi Ziani Zerrouki Boukhalfa Mokrani Taleb|Aït Ahmed|El Idrissi|Alaoui Benjelloun Chraibi Fassi Ouali
Bouchareb Hamdi Trabelsi Jaziri Gharbi Mejri Dridi Ayari Khemiri Abdallah Messaoudi Ferhat Guendouz Hadj|El Ouafi|Bouteflika Lounes"""
AFRICA = """Traoré Diallo Diarra Coulibaly Keita Touré Camara Cissé Konaté Sow Ba Barry Bah Sylla Kouyaté Sissoko Ndiaye Diop Fall Faye
Gueye Kone Ouattara Yao Kouassi Kouadio Mbaye Sarr Sy Kanté Doumbia Fofana Dembélé Sidibé Condé Baldé Kaba Mendy Gomis Mbemba
Nkounkou Makosso Mbala Ilunga Kabongo Tshibangu Rakotomalala Razafindrakoto Andrianarisoa Ali Said Abdou Mohamed"""
ELSEWHERE = """Silva Ferreira Santos Pereira Yilmaz Kaya Demir Çelik Şahin Yildiz Nguyen Tran Pham Le Singh Kumar Khan Hussain Ivanov
Petrov Kovalenko Shevchenko Popescu Ionescu Hoxha Gashi Krasniqi Wang Li Zhang Chen Mohammadi Ahmadi Rahimi Haile Tesfay Sivakumar"""
WOMEN = """Marie Nathalie Isabelle Sylvie Catherine Françoise Valérie Christine Monique Sophie Patricia Martine Nicole Sandrine Stéphanie
Céline Julie Aurélie Caroline Laurence Émilie Claire Anne Camille Laura Sarah Manon Emma Léa Chloé Élodie Mélanie Virginie Véronique
Corinne Delphine Audrey Karine Florence Agnès Hélène Pauline Mathilde Lucie Charlotte Marine Amandine Jessica Vanessa Sabrina Laetitia
Justine Alice Inès Jade Louise Zoé Lola Anaïs Clara Océane Éva Noémie Brigitte Dominique Chantal Jacqueline Michèle Annie Evelyne
Marie-Claude Anne-Marie Marie-Christine Marie-Thérèse Anne-Sophie Marie-Line Gaëlle Maëva Morgane Coralie Fanny Alexandra Séverine
Angélique Christelle Magali Muriel Sonia Nadia Estelle Myriam Rachel Margaux Élise Juliette Lisa Andréa Romane Solène Clémence"""
MEN = """Jean Pierre Michel André Philippe René Louis Alain Jacques Bernard Marcel Daniel Roger Robert Paul Claude Christian Nicolas Laurent
David Julien Thomas Alexandre Maxime Antoine Lucas Hugo Nathan Enzo Théo Léo Mathis Louis Gabriel Kévin Anthony Romain Clément
Guillaume Sébastien Frédéric Stéphane Christophe Olivier Vincent Éric Patrick Pascal Thierry Bruno Didier Gérard Serge Francis Gilles
Denis Dominique Jean-Pierre Jean-Claude Jean-Luc Jean-Marc Jean-François Jean-Michel Pierre-Yves Benoît Cédric Fabien Florian Jérôme
Mathieu Mickaël Ludovic Arnaud Damien Jérémy Quentin Valentin Adrien Baptiste Benjamin Dylan Jordan Loïc Cyril Franck Xavier Yann
Hervé Fabrice Emmanuel Régis Gaël Rémi Tristan Raphaël Arthur Jules Ethan Noah Camille Yves Joël Raymond Henri Georges Maurice"""
WOMEN_MAGHREB = """Fatima Khadija Aïcha Fatiha Zohra Malika Nadia Samira Yamina Naïma Rachida Karima Leïla Houria Saliha Zineb Meryem Amina
Hanane Soumia Hafida Djamila Fadila Ouarda Nawel Imane Salma Yasmine Nour Rania Fatoumata Aminata Mariam Aïssatou Kadiatou Awa Binta"""
MEN_MAGHREB = """Mohamed Ahmed Ali Rachid Karim Mustapha Abdelkader Said Hassan Youssef Omar Brahim Khalid Farid Mourad Nordine Kamel Samir
Abdallah Abderrahmane Bilal Mehdi Sofiane Yassine Hamza Ibrahim Ismaël Ousmane Mamadou Moussa Amadou Boubacar Cheikh Abdoulaye Souleymane"""
STREETS = """de la Gare|du Moulin|des Lilas|Victor Hugo|Jean Jaurès|de l'Église|du Faubourg|des Acacias|Pasteur|du Château|de la République|
des Écoles|du 8 Mai 1945|Gambetta|de Verdun|Voltaire|de la Fontaine|des Tilleuls|du Général de Gaulle|de la Paix|Saint-Michel|
des Roses|du Stade|de la Mairie|Émile Zola|Jules Ferry|des Vignes|du Marché|de Strasbourg|de Paris|du Lavoir|des Prés|de la Forêt|
Anatole France|du Bois|des Jardins|de Lorraine|du Port|Jean Moulin|des Cerisiers|Aristide Briand|Louis Pasteur|de Bretagne"""
WAYS = ("rue", "avenue", "boulevard", "impasse", "allée", "place", "chemin")
SYLLABLES = [
    "ba",
    "be",
    "bi",
    "bo",
    "bou",
    "bra",
    "bri",
    "car",
    "cha",
    "che",
    "clo",
    "cou",
    "da",
    "de",
    "do",
    "du",
    "fa",
    "fe",
    "fla",
    "fou",
    "ga",
    "gi",
    "gra",
    "gue",
    "jo",
    "la",
    "le",
    "li",
    "lou",
    "ma",
    "me",
    "mi",
    "mo",
    "mou",
    "na",
    "ne",
    "no",
    "pa",
    "pe",
    "pi",
    "po",
    "pra",
    "ra",
    "re",
    "ri",
    "ro",
    "rou",
    "sa",
    "se",
    "si",
    "so",
    "ta",
    "te",
    "ti",
    "to",
    "tra",
    "va",
    "ve",
    "vi",
    "vo",
]
ENDINGS = [
    "rd",
    "net",
    "lot",
    "lin",
    "nier",
    "tier",
    "rault",
    "gnac",
    "zac",
    "ville",
    "mont",
    "bert",
    "dier",
    "quet",
    "ron",
    "son",
    "chet",
    "lier",
    "dal",
    "ney",
    "ric",
    "vel",
    "cher",
    "laud",
]


def listed(text: str) -> list[str]:
    """Names separated by spaces, or by bars where a name holds a space."""
    out: list[str] = []
    for part in text.replace("\n", " ").split("|"):
        simple = not any(
            part.strip().startswith(word) for word in ("Le ", "De ", "Da ", "Dos ", "Du ", "El ", "Ben ", "Aït ")
        )
        out += part.split() if simple else [part.strip()]
    return [name for name in out if name]


def streets() -> list[str]:
    """Street names."""
    return [name.strip() for name in STREETS.replace("\n", "").split("|")]


def rare_names(random: np.random.Generator, count: int) -> list[str]:
    """Rare family names, invented from syllables."""
    parts = [random.choice(SYLLABLES, count), random.choice(SYLLABLES, count), random.choice(ENDINGS, count)]
    return sorted({f"{a}{b}{c}".capitalize() for a, b, c in zip(*parts, strict=True)})


def falling(count: int, *, slope: float) -> np.ndarray:
    """Frequencies that fall as names' do."""
    weights = 1 / (np.arange(count) + 6.0) ** slope
    return weights / weights.sum()
