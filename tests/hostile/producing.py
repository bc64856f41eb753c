"""The heavy ones: deliveries too large to be written down, made from a few numbers."""

from __future__ import annotations

import gzip
import io
import zipfile

import building


def _around(inside, place="<NOM>MARTIN</NOM>"):
    whole = building.caf([building.household(n) for n in range(1, building.GOOD + 1)])
    before, after = whole.split(place, 1)
    return before.encode("cp1252") + inside + after.encode("cp1252")


def attributes(count):
    """An element with so many attributes."""
    return _around(b"<NOM " + b" ".join(b'a%d="x"' % n for n in range(count)) + b">MARTIN</NOM>")


def nested_elements(depth):
    return _around(b"<NOM>" + b"<x>" * depth + b"</x>" * depth + b"</NOM>")


def empty_elements(count):
    return _around(b"<NOM>MARTIN</NOM>" + b"<x/>" * count)


def different_elements(count):
    return _around(b"<NOM>MARTIN</NOM>" + b"".join(b"<x%d>1</x%d>" % (n, n) for n in range(count)))


def long_text(megabytes):
    return _around(b"<NOM>" + b"MARTIN " * (megabytes << 17) + b"</NOM>")


def long_comment(megabytes):
    return _around(b"<NOM>MARTIN</NOM><!--" + b"x" * (megabytes << 20) + b"-->")


def people_in_one_household(count):
    person = b"<Personne><Identification><NOM>A</NOM></Identification></Personne>"
    return _around(b"</Identification></Personne>" + person * count + b"<Personne><Identification><NOM>MARTIN</NOM>")


def between_units(count):
    """Elements nobody asks for, between the header and the first household."""
    return _around(b"</IdentificationFlux>" + b"<x>1</x>" * count, "</IdentificationFlux>")


def entities(depth):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, depth))
    document = building.caf([building.household(1)]).replace(
        "<Racine>", f'<!DOCTYPE Racine [<!ENTITY l0 "ha">{laughs}]><Racine>'
    )
    return document.replace("MARTIN", f"&l{depth - 1};").encode("cp1252")


def declared_entities(count):
    many = "".join(f'<!ENTITY e{n} "x">' for n in range(count))
    return (
        building.caf([building.household(1)])
        .replace("<Racine>", f"<!DOCTYPE Racine [{many}]><Racine>")
        .encode("cp1252")
    )


def header_leaves(count):
    return _around(b"<IdentificationFlux>" + b"<x>1</x>" * count, "<IdentificationFlux>")


def columns(count):
    return (
        ";".join(building.PIVOT) + ";" + ";".join(f"c{n}" for n in range(count)) + "\n" + "A1;Zoé;Lefèvre\n"
    ).encode()


def cells(count):
    return building.GOOD_DELIVERY["departement_pivot"]().encode() + b"A9;" * count + b"\n"


def long_line(megabytes):
    return building.GOOD_DELIVERY["departement_pivot"]().encode() + b"x" * (megabytes << 20) + b"\n"


def long_cell(length):
    return building.GOOD_DELIVERY["departement_pivot"]().replace("Lefèvre", "L" * length, 1).encode()


def open_quotes(count):
    """So many rows, each with a quote that nobody closes."""
    good = building.GOOD_DELIVERY["departement_pivot"]().encode()
    row = building.pivot([building.pivot_row(9)]).splitlines()[1].replace("Zoé", '"Zoé')
    return good + b"".join(row.replace("A9", f"B{n}").encode() + b"\n" for n in range(count))


def blank_lines(count):
    return building.GOOD_DELIVERY["departement_pivot"]().encode() + b"\n" * count


def spaces_in_a_name(count):
    return building.GOOD_DELIVERY["departement_pivot"]().replace("Lefèvre", "A" + " " * count + "B", 1).encode()


def nested_json(depth):
    """An answer where a text is a list in a list in a list."""
    return _usagers_with(b"[" * depth + b"]" * depth)


def json_string(megabytes):
    return _usagers_with(b'"' + b"x" * (megabytes << 20) + b'"')


def json_number(digits):
    return _usagers_with(b"9" * digits)


def json_keys(count):
    return _usagers_with(b"{" + b",".join(b'"k%d":1' % n for n in range(count)) + b"}")


def json_list(count):
    return _usagers_with(b'"LEFEVRE"').replace(
        b'"telephones": []', b'"telephones": [' + b",".join([b'"0601234567"'] * count) + b"]", 1
    )


def _usagers_with(value):
    return building.GOOD_DELIVERY["pole_emploi_usagers"]().encode().replace(b'"LEFEVRE"', value, 1)


def zip_bomb(megabytes):
    sink = io.BytesIO()
    with (
        zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("RSABEM.xml", "w") as member,
    ):
        member.write(b'<?xml version="1.0"?><Racine>')
        for _ in range(megabytes):
            member.write(b" " * (1 << 20))
    return sink.getvalue()


def gzip_bomb(megabytes):
    sink = io.BytesIO()
    with gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=1, mtime=0) as member:
        for _ in range(megabytes):
            member.write(b" " * (1 << 20))
    return sink.getvalue()


def zip_directory(members):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for number in range(members):
            archive.writestr(f"{number}.xml", b"")
    return sink.getvalue()
