"""The packages that the clients publish: small, of several files, and different for every version."""

import json
import pathlib
import random

FILES = ("index.js", "README.md", "lib/table.txt", "bin/run.js")


def write(folder: pathlib.Path, name: str, version: str, dependencies: dict[str, str] | None = None) -> pathlib.Path:
    """Writes a package into a new folder. The table is random text of 20 KB, so that tarballs are not all alike."""
    for sub in ("lib", "bin"):
        (folder / sub).mkdir(parents=True)
    manifest = {
        "name": name,
        "version": version,
        "description": f"Integration package {name}",
        "keywords": ["tarn-integration"],
        "license": "MIT",
        "main": "index.js",
        "bin": {name.rpartition("/")[2]: "bin/run.js"},
        "files": ["index.js", "lib", "bin"],
        "dependencies": dependencies or {},
        # Not a field any client knows: manifests are stored as published.
        "tarnIntegration": {"deep": [1, "two", None, {"three": 3.5}]},
    }
    (folder / "package.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    (folder / "index.js").write_text(f'// untampered\nmodule.exports = "{name}@{version}";\n', encoding="utf-8")
    (folder / "README.md").write_text(f"# {name}\n\nVersion {version}, with a non-ASCII word: Bergsø.\n",
                                      encoding="utf-8")
    dice = random.Random(f"{name}@{version}")
    table = "\n".join(str(dice.getrandbits(64)) for _ in range(1000))
    (folder / "lib/table.txt").write_text(table + "\n", encoding="utf-8")
    (folder / "bin/run.js").write_text("#!/usr/bin/env node\nconsole.log(require('..'));\n", encoding="utf-8")
    (folder / "bin/run.js").chmod(0o755)
    return folder


def write_project(folder: pathlib.Path, dependencies: dict[str, str]) -> pathlib.Path:
    """An application that depends on the given specs and has nothing installed."""
    folder.mkdir(parents=True)
    manifest = {"name": "project", "version": "1.0.0", "private": True, "license": "MIT", "dependencies": dependencies}
    (folder / "package.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return folder


def installed_version(project: pathlib.Path, name: str) -> str | None:
    manifest = project / "node_modules" / name / "package.json"
    return json.loads(manifest.read_text(encoding="utf-8"))["version"] if manifest.exists() else None


def differences(source: pathlib.Path, installed: pathlib.Path) -> list[str]:
    """The files of a package that did not arrive byte for byte."""
    wrong = []
    for file in FILES:
        arrived = installed / file
        if not arrived.exists():
            wrong.append(f"{arrived} is missing")
        elif arrived.read_bytes() != (source / file).read_bytes():
            wrong.append(f"{arrived} differs from what was published")
    return wrong
