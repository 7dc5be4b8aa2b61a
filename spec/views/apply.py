"""Apply an OpenAPI Overlay to the document that it extends: `apply.py OVERLAY OUTPUT`."""

import sys
from pathlib import Path
from typing import Any

import yaml
from jsonpath_ng.ext.parser import parse
from jsonschema import Draft202012Validator
from oas_patch.overlay import apply_overlay  # type: ignore[import-untyped]  # ships no types
from oas_patch.validator import load_schema  # type: ignore[import-untyped]  # ships no types

# The C parser is several times faster, but some builds of PyYAML lack it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def main(overlay_file: Path, output: Path) -> None:
    """Write the view, or exit with a message that names the file and the action."""
    overlay: dict[str, Any] = yaml.load(overlay_file.read_text("utf-8"), _Loader)
    # Without the schema, a misspelt key of an action would be ignored.
    for error in Draft202012Validator(load_schema("overlay_schema_1.0.0.yml")).iter_errors(overlay):
        sys.exit(f"{overlay_file}: {error.json_path}: {error.message}")
    document = yaml.load((overlay_file.parent / overlay["extends"]).read_text("utf-8"), _Loader)
    for number, action in enumerate(overlay["actions"], 1):
        # oas-patch ignores a target that matches nothing.
        if not parse(action["target"]).find(document):
            sys.exit(f"{overlay_file}: action {number} matches nothing: {action['target']}")
        apply_overlay(document, {"actions": [action]})
    output.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    output.write_text(f"# Built from {overlay_file.name}. Do not edit.\n{text}", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
