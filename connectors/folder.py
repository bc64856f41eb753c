"""A folder on this machine: the demonstration, the tests, and files a person drops by hand."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from connectors.base import Access, Arrival, Sink
from connectors.completeness import Place, settled
from schemas.errors import TryAgainLater

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

COPY_BYTES = 1 << 18


class FolderConnector:
    """The same promises as SFTP, on a local folder named by ``host`` in the connection."""

    def __init__(self, access: Access, place: Place, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._folder = Path(access.host or "/") / place.folder
        self._place = place
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def arrivals(self) -> list[Arrival]:
        return settled(self._look, self._place, self._sleep)

    def _look(self) -> list[Arrival]:
        if not self._folder.is_dir():
            raise TryAgainLater(f"The folder {self._place.folder} is not there.")
        found = []
        for path in self._folder.iterdir():
            if path.is_symlink() or not path.is_file():
                continue
            stat = path.stat()
            moment = datetime.fromtimestamp(int(stat.st_mtime), tz=UTC)
            found.append(Arrival(name=path.name, size=stat.st_size, modified_at=moment))
        return found

    def fetch(self, arrival: Arrival, sink: Sink) -> None:
        try:
            with (self._folder / arrival.name).open("rb") as source:
                shutil.copyfileobj(source, sink, COPY_BYTES)
        except FileNotFoundError as error:
            raise TryAgainLater(f"A file of {self._place.folder} was taken away before it was read.") from error

    def deposit(self, name: str, source: IO[bytes]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f".{name}.part"
        with temporary.open("wb") as sink:
            shutil.copyfileobj(source, sink, COPY_BYTES)
        temporary.replace(self._folder / name)

    def remove(self, arrival: Arrival) -> None:
        (self._folder / arrival.name).unlink(missing_ok=True)
