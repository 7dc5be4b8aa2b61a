"""Generate `generated/` from the document, or report with --check where it differs."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent / "streaming.yaml"
GENERATED = HERE.parent.parent / "generated"
PACKAGE = "enphase_streaming_api"
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
Bounds = tuple[int | None, int | None]
NOTICE = """\
# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
"""


def bounds() -> dict[str, dict[str, Bounds]]:
    """Return the bounds of the parameters of each operation, by `method path` and by name."""
    document: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text("utf-8"))

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            *_, section, name = node["$ref"].split("/")
            node = document["components"][section][name]
        return node

    found: dict[str, dict[str, Bounds]] = {}
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            parameters = item.get("parameters", []) + item[method].get("parameters", [])
            bounded = found[f"{method} {path}"] = {}
            for parameter in map(resolved, parameters):
                schema = resolved(parameter["schema"])
                if schema.keys() & {"minimum", "maximum"}:
                    bounded[parameter["name"]] = (schema.get("minimum"), schema.get("maximum"))
    return found


def generate(package: Path) -> None:
    """Generate the package into a folder that does not exist yet."""
    # The hooks run `ruff` from PATH, and the pinned one is beside this Python. Its path stays
    # unresolved: in a virtual environment it is a link, and ruff is beside the link.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with tempfile.TemporaryDirectory() as templates:
        shutil.copytree(HERE / "templates", templates, dirs_exist_ok=True)
        # The generator drops the bounds of parameters, so pass them as a template.
        Path(templates, "bounds.jinja").write_text(f"{{% set bounds = {bounds()} %}}", "utf-8")
        run = subprocess.run(
            [
                *(sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"),
                *("--path", DOCUMENT, "--config", HERE / "config.yaml"),
                *("--custom-template-path", templates),
                *("--meta", "none", "--output-path", package),
            ],
            env=os.environ | {"PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    if run.returncode:
        sys.exit(run.stdout)
    for module in package.rglob("*.py"):
        module.write_bytes(NOTICE.encode() + module.read_bytes())
    (package / "py.typed").touch()


def files(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder by its path there, without compiled modules."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def main() -> int:
    """Generate or check, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder) / PACKAGE)
        wanted, present = files(Path(folder)), files(GENERATED)
    different = [name for name in wanted if present.get(name) != wanted[name]]
    extra = [name for name in present if name not in wanted]
    if check:
        for name in different:
            print(f"{'changed' if name in present else 'missing'}: generated/{name}")
        for name in extra:
            print(f"extra: generated/{name}")
        if different or extra:
            print("generated/ is out of date: run make client")
        return int(bool(different or extra))
    # Write only what differs, so that a process that imports the package now finds it whole.
    for name in different:
        (GENERATED / name).parent.mkdir(parents=True, exist_ok=True)
        (GENERATED / name).write_bytes(wanted[name])
    for name in extra:
        (GENERATED / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
