"""The ``hub`` command itself, standing still at one point until told to go on: AIM TOLD GO, then the command's words."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from crash_points import Points, install, wait_for

from hub.cli import main

if __name__ == "__main__":
    aim, told, go, *words = sys.argv[1:]
    install(Points(aim=aim, do=wait_for(Path(told), Path(go))))
    sys.argv = ["hub", *words]
    main()
