"""The `duration` header: a text becomes a number of seconds, or one of three refusals.

How lenient the real API reads the header is unknown, so the mock is strict: a client that sends
`30` as the document has it passes, and one that relies on leniency fails here first.
"""

import re
from collections.abc import Sequence

from enphase_streaming_mock.contract import Contract, Refusal

# An integer as JSON writes it, since the document describes it in JSON's types: no leading zero,
# no plus, no exponent, no fraction, and no digits but ASCII's.
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")


def read_duration(values: Sequence[str], contract: Contract) -> int | Refusal:
    """Return the seconds that a stream lasts, given every `duration` header of the request."""
    if not values:
        return contract.shortest
    text = values[0].strip(" \t")  # space around a field's value is no part of it, RFC 9110 5.5
    if len(values) > 1 or _INTEGER.fullmatch(text) is None:
        return contract.refusal("notInteger")
    if text.startswith("-"):
        return contract.refusal("tooShort")
    # Compared by length first: Python refuses to convert thousands of digits.
    if len(text) > len(str(contract.longest)) or int(text) > contract.longest:
        return contract.refusal("tooLong")
    if int(text) < contract.shortest:
        return contract.refusal("tooShort")
    return int(text)
