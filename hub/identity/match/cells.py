"""What SQL reads by itself: plain values, most of them. What is not plain is left to the French pack."""

from __future__ import annotations

from hub.identity.french import names, numbers
from hub.identity.french.person import SEXES

NOBODY = ", ".join(f"'{word}'" for word in sorted(names.NOBODY))
TITLES = ", ".join(f"'{word}'" for word in sorted(names.TITLES))
PLAIN_NUMBER = r"'[12]\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[1-9]\d)\d{3}\d{3}(?:\d\d)?'"
NO_NUMBER = "'^(?:1234567890|[12]000000|[12]999999|2690549588157|1{10}|2{10})'"
NO_PHONE = "'0{7}|1{7}|2{7}|3{7}|4{7}|5{7}|6{7}|7{7}|8{7}|9{7}|12345678|23456789'"
NO_MAIL = "'^(?:inconnu|neant|sans|aucun|pas|non|no-?reply|xxx|test|nc|na)|@(?:inconnu|aucun|xx)'"
MISREAD = "'[ÃÂâÅ][šžŸŠŽ]'"
UNREAD = "?"

# Capitals without accents; nothing when the text may have been read in the wrong encoding and still look plain.
FOLDED = f"CASE WHEN NOT regexp_matches(text, {MISREAD}) THEN upper(strip_accents(text)) END"

# Each of these tables has one row a spelling. A surname of one word stands for itself; any other cell may hold two names.
SURNAMES = f"""
CREATE OR REPLACE TEMP TABLE spelt_surnames AS
SELECT text, CASE WHEN regexp_full_match(folded, '[A-Z]{{4,}}') AND folded NOT IN ({NOBODY}, {TITLES}) THEN folded END AS word
FROM (SELECT text, {FOLDED} AS folded
  FROM (SELECT birth_name AS text FROM said UNION SELECT usage_name FROM said) WHERE text IS NOT NULL)
"""

FIRST_NAMES = f"""
CREATE OR REPLACE TEMP TABLE spelt_first_names AS
SELECT text, CASE WHEN array_to_string(words, '') IN ({NOBODY}) OR list_has_any(words, [{TITLES}])
  OR (len(words) > 1 AND len(list_distinct(words)) < len(words)) THEN NULL ELSE words END AS words
FROM (SELECT text, CASE WHEN regexp_full_match(folded, '[A-Z]+') THEN [folded]
    WHEN regexp_full_match(folded, '[A-Z]+(?:[ ,''-]+[A-Z]+)*') THEN string_split_regex(folded, '[ ,''-]+') END AS words
  FROM (SELECT text, {FOLDED} AS folded FROM (SELECT DISTINCT first_names AS text FROM said) WHERE text IS NOT NULL))
"""

STREETS = f"""
CREATE OR REPLACE TEMP TABLE spelt_streets AS
SELECT text, CASE WHEN regexp_full_match(way, '\\d+ [A-Z ]*[A-Z]')
  THEN split_part(way, ' ', 1) || ' ' || string_split(way, ' ')[-1] END AS street
FROM (SELECT text, translate({FOLDED}, '-''’.,', '     ') AS way
  FROM (SELECT DISTINCT address AS text FROM said) WHERE text IS NOT NULL)
"""

# Nearly every record has its own phone, mail box and number: they are read beside it. What is not plain is marked, and read later.
DIGITS = "translate(s.phone, ' .-', '')"
PHONE = f"""CASE WHEN regexp_full_match({DIGITS}, '(?:0|\\+33)[1-9]\\d{{8}}') AND NOT regexp_matches({DIGITS}, {NO_PHONE})
  THEN right({DIGITS}, 9) WHEN s.phone IS NOT NULL THEN '{UNREAD}' || s.phone END"""
MAIL = "lower(s.email)"
EMAIL = f"""CASE WHEN regexp_full_match({MAIL}, '[a-z0-9._-]+@[a-z0-9-]+\\.[a-z]{{2,}}') AND NOT regexp_matches({MAIL}, {NO_MAIL})
  THEN {MAIL} WHEN s.email IS NOT NULL THEN '{UNREAD}' || s.email END"""
SEX = (
    "CASE upper(s.sex) "
    + " ".join(f"WHEN '{word}' THEN '{sex}'" for word, sex in SEXES.items())
    + " WHEN 'M.' THEN '1' END"
)
CLEANED = "translate(s.nir, ' -/', '')"
PLAIN = f"regexp_full_match({CLEANED}, {PLAIN_NUMBER}) AND {CLEANED}[11:13] <> '000' AND NOT regexp_matches({CLEANED}, {NO_NUMBER})"

# A plain number against its record, part by part; ``told`` is its first 13 digits. The same as ``numbers.coherence``.
AREA = "told // 1000000 % 100"
DEPARTEMENT = f"""CASE WHEN {AREA} IN (97, 98) THEN told // 100000 % 1000
  WHEN year < 1968 AND {AREA} IN (75, 78, 91, 92, 93, 94, 95) THEN 75 ELSE {AREA} END"""
COUNTRY = (
    f"CASE WHEN {AREA} IN (91, 92, 93, 94) THEN '99352' WHEN {AREA} = 95 THEN '99350' WHEN {AREA} = 96 THEN '99351' END"
)
PARTS = (
    "sex = (told // 1000000000000)::VARCHAR",
    "year % 100 = told // 10000000000 % 100",
    "month = told // 100000000 % 100",
    f"CASE WHEN place IS NOT NULL THEN ({DEPARTEMENT}) = departement::SMALLINT OR coalesce(place = {COUNTRY}, false) END",
)
YES = " + ".join(f"coalesce({part}, false)::TINYINT" for part in PARTS)
NO = " + ".join(f"coalesce(NOT ({part}), false)::TINYINT" for part in PARTS)
STATE = f"""CASE WHEN nir_said IS NULL THEN {int(numbers.State.NONE)} WHEN NOT plain THEN -1
  WHEN key_right = false THEN {int(numbers.State.SUSPECT)}
  WHEN yes >= {numbers.ENOUGH_AGREE} AND yes + no >= 4 - {numbers.MOST_UNKNOWN}
    THEN CASE WHEN key_right THEN {int(numbers.State.CERTIFIED)} ELSE {int(numbers.State.VALID)} END
  WHEN no > 1 THEN {int(numbers.State.SUSPECT)} ELSE {int(numbers.State.VALID)} END::TINYINT"""
