"""What is mutated, and which tests are to notice: those that mirror the module, in-process."""

from __future__ import annotations

UNIT, PROPERTY, MOCK = "tests/unit", "tests/property", "tests/unit/mock"
CONTRACT = "tests/contract"
_READING = (f"{UNIT}/test_reading.py", f"{PROPERTY}/test_reading.py")
_WINDOW = (f"{UNIT}/test_window.py", f"{UNIT}/test_watch.py")
_RECORDED = (f"{UNIT}/test_redaction.py", f"{UNIT}/test_recording.py")
_STATUSES = (f"{CONTRACT}/test_statuses.py", f"{UNIT}/test_policy.py")

OVERLAY = {
    "sse": (f"{UNIT}/test_sse.py", f"{PROPERTY}/test_sse.py"),
    "duration": (f"{UNIT}/test_duration.py", f"{PROPERTY}/test_duration.py"),
    "reading": _READING,
    "window": _WINDOW,
    "watch": (
        f"{UNIT}/test_watch.py",
        f"{UNIT}/test_policy.py",
        f"{PROPERTY}/test_watch_machine.py",
    ),
    "budget": (f"{UNIT}/test_budget.py", f"{PROPERTY}/test_budget.py"),
    "errors": (
        f"{UNIT}/test_errors.py",
        f"{UNIT}/test_duration.py",
        f"{UNIT}/test_reading.py",
        f"{UNIT}/test_window.py",
    ),
    "drift": _READING,
    "ends": _WINDOW,
    "arrivals": _WINDOW,
    "policy": (f"{UNIT}/test_policy.py", f"{UNIT}/test_watch.py"),
    "answers": (f"{UNIT}/test_answers.py", *_STATUSES, *_READING),
    "refusal": (f"{UNIT}/test_refusal.py", *_STATUSES, f"{UNIT}/test_window.py"),
    "arguments": (
        f"{CONTRACT}/test_requests.py",
        f"{UNIT}/test_duration.py",
        f"{UNIT}/test_budget.py",
        f"{UNIT}/test_grants.py",
        f"{PROPERTY}/test_base_url.py",
    ),
    "masking": (f"{UNIT}/test_masking.py",),
    "spelling": (f"{UNIT}/test_masking.py",),
    "redaction": _RECORDED,
    "naming": _RECORDED,
    "echoes": (f"{UNIT}/test_echoes.py", *_RECORDED),
    "pseudonyms": _RECORDED,
    "plans": (f"{UNIT}/test_budget.py",),
    "steps": _WINDOW,
}
MOCKED = {
    "agenda": (f"{MOCK}/test_mock_agenda.py",),
    "wire": (f"{MOCK}/test_mock_wire.py",),
    "frames": (f"{MOCK}/test_mock_wire.py",),
    "timeline": (f"{MOCK}/test_mock_timeline.py", f"{PROPERTY}/test_mock_wire.py"),
    "faults": (f"{MOCK}/test_mock_faults.py",),
    "spoil": (f"{MOCK}/test_mock_spoil.py",),
    "contract": (f"{MOCK}/test_mock_contract.py",),
}

SUITES = {f"enphase_streaming.{name}": tests for name, tests in OVERLAY.items()} | {
    f"enphase_streaming_mock.{name}": tests for name, tests in MOCKED.items()
}


def chosen(names: list[str]) -> list[str]:
    """Return the modules called `names`, with or without their package; all of them for none."""
    if not names:
        return list(SUITES)
    found = []
    for name in names:
        fits = [module for module in SUITES if name in (module, module.rpartition(".")[2])]
        if not fits:
            known = ", ".join(module.rpartition(".")[2] for module in SUITES)
            raise SystemExit(f"{name} is no module that is mutated; give some of {known}.")
        found += fits
    return found
