"""What can go wrong: one class per fault, and the queue of those that are set."""

# Importing `answer` and `stream` makes their faults known.
from enphase_streaming_mock.faults import answer, stream
from enphase_streaming_mock.faults.fault import Fault, FaultName, Faults
from enphase_streaming_mock.faults.options import KINDS, FaultOptions

__all__ = ["KINDS", "Fault", "FaultName", "FaultOptions", "Faults", "answer", "stream"]
