"""From a declaration to the connector or the reader it asks for."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from connectors.base import Wanted
from connectors.formats import CsvFormat, JsonLinesFormat, XmlFormat
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from connectors.base import Access, Connector, Reader
    from connectors.completeness import Place
    from connectors.declaration import Flow
    from connectors.readers.sieve import Recall


def open_connector(flow: Flow, access: Access) -> Connector:
    """Reach the place of a file flow; nothing is opened before the connector is entered."""
    from connectors.completeness import Place  # noqa: PLC0415 - protocols load when used

    folder = flow.deliver.folder if flow.deliver else flow.folder
    return connector_at(flow, access, Place(folder=folder, pattern=flow.pattern, **flow.complete.model_dump()))


def open_acknowledgements(flow: Flow, access: Access) -> Connector:
    """Reach the place where a partner answers what it was sent."""
    from connectors.completeness import Place  # noqa: PLC0415 - protocols load when used

    if flow.deliver is None:
        raise FixTheDeclaration(f"{flow.flow}: deliver: acknowledgements are read where files are delivered.")
    answers = flow.deliver.acknowledgements
    return connector_at(flow, access, Place(folder=answers.folder, pattern=answers.pattern, stable_for=0))


def connector_at(flow: Flow, access: Access, place: Place) -> Connector:
    """The connector of the flow's protocol at a place."""
    if flow.protocol == "sftp":
        from connectors.sftp import SftpConnector  # noqa: PLC0415 - protocols load when used

        return SftpConnector(access, place)
    if flow.protocol == "folder":
        from connectors.folder import FolderConnector  # noqa: PLC0415 - protocols load when used

        return FolderConnector(access, place)
    raise FixTheDeclaration(f"{flow.flow}: protocol: {flow.protocol} has no files to look at.")


def open_reader(
    flow: Flow,
    stream: IO[bytes],
    columns: Sequence[str],
    *,
    ignored: Collection[str] = (),
    chunk: int = 2000,
    recall: Recall | None = None,
) -> Reader:
    """Read a delivery of a flow; only ``columns`` leave the reader, and what is neither asked nor ignored is counted.

    ``recall`` lets a reader of units skip those whose bytes were read before.
    """
    wanted = Wanted(columns=tuple(columns), ignored=frozenset(ignored), chunk=chunk)
    match flow.format:
        case XmlFormat() as layout:
            from connectors.readers.xml_households import XmlReader  # noqa: PLC0415 - readers load when used

            return XmlReader(layout, stream, wanted, recall=recall)
        case CsvFormat() as layout:
            from connectors.readers.csv_rows import CsvReader  # noqa: PLC0415 - readers load when used

            return CsvReader(layout, stream, wanted)
        case JsonLinesFormat():
            from connectors.readers.json_lines import JsonLinesReader  # noqa: PLC0415 - readers load when used

            return JsonLinesReader(stream, wanted)
        case None:
            raise FixTheDeclaration(f"{flow.flow}: format: only an incoming flow is read.")
