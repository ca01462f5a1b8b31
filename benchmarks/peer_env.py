"""An environment for the peers that Assay does not depend on, apart from its own.

In: nothing. Out: the path of its Python; made by pip where it is missing. Does not know: what is run in it.
imagededup declares torch, which only its networks need (and their weights are a download): it is installed without it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / ".env-peers"
PACKAGES = ("pyod==3.6.7", "cleanvision==0.3.7", "ImageHash==4.3.2", "tqdm")
WITHOUT_DEPENDENCIES = ("imagededup==0.3.3.post2",)


def peer_python() -> Path:
    python = FOLDER / "bin" / "python"
    done = FOLDER / "complete"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *PACKAGES], check=True)
        subprocess.run([*pip, "--no-deps", *WITHOUT_DEPENDENCIES], check=True)
        done.touch()
    return python


def peer_versions() -> dict[str, str]:
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    names = ["pyod", "cleanvision", "imagehash", "imagededup"]
    done = subprocess.run([str(peer_python()), "-c", code, *names], capture_output=True, text=True, check=True)
    return dict(zip(names, done.stdout.split(), strict=True))
