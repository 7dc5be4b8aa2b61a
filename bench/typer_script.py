"""The shortest script that does what `enphase-streaming snapshot` does: typer, httpx and json."""

from __future__ import annotations

import json
import os

import httpx
import typer

app = typer.Typer()


@app.command()
def snapshot(system_id: int) -> None:
    """Print the first event of a site."""
    headers = {
        "Authorization": f"Bearer {os.environ['ENPHASE_ACCESS_TOKEN']}",
        "key": os.environ["ENPHASE_API_KEY"],
    }
    url = f"{os.environ['ENPHASE_BASE_URL']}/systems/{system_id}/live_data"
    with httpx.stream("GET", url, headers=headers) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if line.startswith("data:"):
                print(json.dumps(json.loads(line.removeprefix("data:")), indent=2))
                break


@app.command()
def watch(system_id: int) -> None:
    """Make the script one of several commands, as ours is."""
    raise NotImplementedError


if __name__ == "__main__":
    app()
