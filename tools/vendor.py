"""Fetch the browser libraries and fonts the pages use into omcrm/static/vendor.

A developer's tool: run it after changing a version below and commit what it writes. A running
installation never fetches anything; the pages load these copies only.
"""

import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "omcrm" / "static" / "vendor"


@dataclass(frozen=True)
class Package:
    """An npm package, and which of its files the pages need under which names."""

    name: str
    version: str
    licence: str
    folder: str
    files: dict[str, str]
    written: dict[str, str] = field(default_factory=dict)
    icons: tuple[str, ...] = ()


PACKAGES = (
    Package(
        name="lightweight-charts",
        version="5.2.1",
        licence="Apache-2.0",
        folder="lightweight-charts",
        files={
            "dist/lightweight-charts.standalone.production.mjs": "lightweight-charts.js",
            "LICENSE": "LICENSE",
        },
        # Its licence asks for this attribution, and the npm package does not carry the file.
        written={
            "NOTICE": (
                "TradingView Lightweight Charts\n"
                "Copyright (c) 2026 TradingView, Inc. https://www.tradingview.com/\n"
            )
        },
    ),
    Package(
        name="socket.io-client",
        version="4.8.4",
        licence="MIT",
        folder="socket.io-client",
        files={"dist/socket.io.esm.min.js": "socket.io.js", "LICENSE": "LICENSE"},
    ),
    Package(
        name="@fontsource-variable/inter",
        version="5.3.0",
        licence="OFL-1.1",
        folder="inter",
        files={
            "files/inter-latin-wght-normal.woff2": "inter-latin.woff2",
            "files/inter-latin-ext-wght-normal.woff2": "inter-latin-ext.woff2",
            "LICENSE": "LICENSE",
        },
    ),
    Package(
        name="@fontsource-variable/jetbrains-mono",
        version="5.3.0",
        licence="OFL-1.1",
        folder="jetbrains-mono",
        files={
            "files/jetbrains-mono-latin-wght-normal.woff2": "jetbrains-mono-latin.woff2",
            "LICENSE": "LICENSE",
        },
    ),
    Package(
        name="lucide-static",
        version="1.62.0",
        licence="ISC",
        folder="lucide",
        files={"LICENSE": "LICENSE"},
        icons=("arrow-left", "log-out", "moon", "play", "plus", "search", "square", "sun"),
    ),
)

SOURCE_MAP = re.compile(rb"\n?//# sourceMappingURL=\S+\s*$")
ICON_BODY = re.compile(r"<svg[^>]*>\s*(.*?)\s*</svg>", re.DOTALL)


def main() -> None:
    """Fetch every package and write its files and the manifest."""
    if VENDOR.exists():
        shutil.rmtree(VENDOR)
    entries = [entry for package in PACKAGES for entry in vendor(package)]
    manifest = json.dumps({"files": entries}, indent=2) + "\n"
    (VENDOR / "manifest.json").write_text(manifest)
    print(f"{len(entries)} files of {len(PACKAGES)} packages")


def vendor(package: Package) -> list[dict[str, str]]:
    """Write the files of a package and give their manifest entries."""
    target = VENDOR / package.folder
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place:
        root = fetch(package, Path(place))
        for source, name in package.files.items():
            (target / name).write_bytes(without_source_map((root / source).read_bytes()))
        if package.icons:
            (target / "sprite.svg").write_text(sprite(root / "icons", package.icons))
    for name, text in package.written.items():
        (target / name).write_text(text)
    return [entry(package, path) for path in sorted(target.iterdir())]


def fetch(package: Package, place: Path) -> Path:
    """Download a package with npm, unpack it, and give the folder it is in."""
    specifier = f"{package.name}@{package.version}"
    subprocess.run(["npm", "pack", "--silent", specifier], cwd=place, check=True)
    [archive] = place.glob("*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(place, filter="data")
    return place / "package"


def without_source_map(content: bytes) -> bytes:
    """Leave out the pointer to a source map that is not served."""
    return SOURCE_MAP.sub(b"\n", content)


def sprite(folder: Path, names: tuple[str, ...]) -> str:
    """Join icons into one SVG whose symbols pages refer to by name."""
    symbols = "".join(symbol(name, (folder / f"{name}.svg").read_text()) for name in names)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}</svg>\n'


def symbol(name: str, icon: str) -> str:
    """Turn an icon file into a symbol of the sprite."""
    match = ICON_BODY.search(icon)
    if match is None:
        raise ValueError(f"the icon {name} has no drawing")
    body = re.sub(r"\s*\n\s*", "", match.group(1))
    return f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>\n'


def entry(package: Package, path: Path) -> dict[str, str]:
    """Describe one vendored file for the manifest."""
    return {
        "name": package.name,
        "version": package.version,
        "licence": package.licence,
        "file": path.relative_to(VENDOR).as_posix(),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


if __name__ == "__main__":
    main()
