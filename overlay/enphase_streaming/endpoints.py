"""Where Enphase's API is."""

from __future__ import annotations

from enphase_streaming.version import __version__

BASE_URL = "https://api.enphaseenergy.com/api/v4"
TOKEN_URL = "https://api.enphaseenergy.com/oauth/token"
AUTHORIZE_URL = "https://api.enphaseenergy.com/oauth/authorize"
USER_AGENT = f"enphase-streaming/{__version__}"
