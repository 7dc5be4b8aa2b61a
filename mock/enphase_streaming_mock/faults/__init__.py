"""What can go wrong: one class per fault, and the queue of those that are set."""

# Importing `answer` and `stream` makes their faults known.
from enphase_streaming_mock.faults import answer, stream
from enphase_streaming_mock.faults.fault import KINDS, Fault, FaultName, FaultOptions, Faults

__all__ = ["KINDS", "Fault", "FaultName", "FaultOptions", "Faults", "answer", "stream"]
