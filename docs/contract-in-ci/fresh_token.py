"""Renew the tokens that `enphase-streaming login` stored, and print the new access token.

An access token lives for a day. Run this daily, shortly before the nightly job, on the machine that
holds the tokens, and pipe what it prints to where the job reads it:

    python fresh_token.py | gh secret set ENPHASE_ACCESS_TOKEN --repo you/yours

Like the command, it reads ENPHASE_CLIENT_ID, ENPHASE_CLIENT_SECRET and, for another token store
than the usual one, ENPHASE_TOKEN_FILE.
"""

import os
import sys
from datetime import UTC, datetime

from enphase_streaming import EnphaseStreamingError, FileTokenStore, RefreshingAuth
from enphase_streaming.core.options import TOKEN_URL
from enphase_streaming.environment import token_file

if sys.stdout.isatty():
    sys.exit("This prints a secret: pipe it to another program.")
path = token_file(os.environ)
store = FileTokenStore(path)
try:
    pair = store.load()
    if pair is None:
        sys.exit(f"There are no tokens in {path}: run `enphase-streaming login` first.")
    auth = RefreshingAuth(
        client_id=os.environ.get("ENPHASE_CLIENT_ID", ""),
        client_secret=os.environ.get("ENPHASE_CLIENT_SECRET", ""),
        store=store,
    )
    print(auth.renew(pair.access_token, token_url=TOKEN_URL, now=datetime.now(UTC)))
except EnphaseStreamingError as error:
    sys.exit(str(error))
