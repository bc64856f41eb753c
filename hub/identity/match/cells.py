"""What SQL reads by itself: plain values, most of them, each looked at once. What is not plain is left to the French pack."""

from __future__ import annotations

from hub.identity.french import names

NOBODY = ", ".join(f"'{word}'" for word in sorted(names.NOBODY))
TITLES = ", ".join(f"'{word}'" for word in sorted(names.TITLES))
PLAIN_NUMBER = r"'[12](?:\d{2})(?:0[1-9]|1[0-2])(?:0[1-9]|[1-9]\d)\d{3}(?:\d{3})(?:\d\d)?'"
NO_NUMBER = "'^(?:1234567890|[12]000000|[12]999999|2690549588157|1{10}|2{10})'"
NO_PHONE = "'0{7}|1{7}|2{7}|3{7}|4{7}|5{7}|6{7}|7{7}|8{7}|9{7}|12345678|23456789'"
NO_MAIL = "'^(?:inconnu|neant|sans|aucun|pas|non|no-?reply|xxx|test|nc|na)|@(?:inconnu|aucun|xx)'"
MISREAD = "'[ÃÂâÅ][šžŸŠŽ]'"


def _folded(column: str) -> str:
    """Capitals without accents; nothing when the text may have been read in the wrong encoding and still look plain."""
    return f"CASE WHEN NOT regexp_matches({column}, {MISREAD}) THEN upper(strip_accents({column})) END"


# Names are looked up: one word in capitals stands for all its spellings, anything else is kept as it was written. Other columns are
# null when the pack has to read them.
CELLS = f"""
CREATE OR REPLACE TABLE cells AS
WITH folded AS (
  SELECT rid, nir, birth_name, {_folded("birth_name")} AS birth, usage_name, {_folded("usage_name")} AS used,
    {_folded("first_names")} AS given, translate(phone, ' .-', '') AS digits, lower(email) AS mail, postcode,
    translate({_folded("address")}, '-''’.,', '     ') AS way
  FROM said
), parted AS (
  SELECT * EXCLUDE (given), CASE WHEN regexp_full_match(given, '[A-Z]+') THEN [given]
    WHEN regexp_full_match(given, '[A-Z]+(?:[ ,''-]+[A-Z]+)*') THEN string_split_regex(given, '[ ,''-]+') END AS words
  FROM folded
)
SELECT rid, nir,
  regexp_full_match(nir, {PLAIN_NUMBER}) AND nir[11:13] <> '000' AND NOT regexp_matches(nir, {NO_NUMBER}) AS plain,
  CASE WHEN regexp_full_match(birth, '[A-Z]{{4,}}') THEN birth ELSE birth_name END AS birth_cell,
  CASE WHEN regexp_full_match(used, '[A-Z]{{4,}}') THEN used ELSE usage_name END AS usage_cell,
  CASE WHEN array_to_string(words, '') IN ({NOBODY}) OR list_has_any(words, [{TITLES}])
    OR (len(words) > 1 AND len(list_distinct(words)) < len(words)) THEN NULL ELSE words END AS words,
  CASE WHEN regexp_full_match(digits, '(?:0|\\+33)[1-9]\\d{{8}}') AND NOT regexp_matches(digits, {NO_PHONE}) THEN right(digits, 9) END AS phone,
  CASE WHEN regexp_full_match(postcode, '\\d{{5}}') AND postcode <> '00000' THEN postcode END AS postcode,
  CASE WHEN regexp_full_match(mail, '[a-z0-9._-]+@[a-z0-9-]+\\.[a-z]{{2,}}') AND NOT regexp_matches(mail, {NO_MAIL}) THEN mail END AS email,
  CASE WHEN regexp_full_match(way, '\\d+ [A-Z ]*[A-Z]') THEN split_part(way, ' ', 1) || ' ' || string_split(way, ' ')[-1] END AS address
FROM parted
"""
