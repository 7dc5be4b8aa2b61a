"""Renew a token several times; `test_auth.py` runs two of these on one token file.

Usage: renewing.py TIMES PATH TOKEN_URL. Prints "ready", then waits for a line.
"""

import sys
from datetime import UTC, datetime

from enphase_streaming import FileTokenStore, RefreshingAuth


def main(times: str, path: str, token_url: str) -> None:
    auth = RefreshingAuth(
        client_id="app", client_secret="planted-secret", store=FileTokenStore(path)
    )
    print("ready", flush=True)
    sys.stdin.readline()
    token = None
    for _ in range(int(times)):
        token = auth.renew(token, token_url=token_url, now=datetime.now(UTC))
        print(token, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
