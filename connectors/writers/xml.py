"""XML for partners: a header, then one element a person, streamed; the same records make the same bytes."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNWRITABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_xml(
    sink: IO[bytes], root: str, header: tuple[str, Mapping[str, str]], record: str, records: Iterable[Mapping[str, str]]
) -> int:
    """Write a header and records, each from its elements by place (``modes_contact/email``); returns how many.

    What XML cannot hold (control characters) is left out of a value.
    """
    count = 0
    with etree.xmlfile(sink, encoding="utf-8") as file:
        file.write_declaration()
        with file.element(root):
            file.write(_element(*header))
            for each in records:
                file.write("\n")
                file.write(_element(record, each))
                count += 1
            file.write("\n")
    return count


def _element(name: str, values: Mapping[str, str]) -> etree._Element:
    made = etree.Element(name)
    for place, value in values.items():
        into = made
        *groups, last = place.split("/")
        for group in groups:
            found = into.find(group)
            into = etree.SubElement(into, group) if found is None else found
        etree.SubElement(into, last).text = UNWRITABLE.sub("", value)
    return made
