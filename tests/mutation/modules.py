"""What is mutated, and which tests are to notice: those that mirror the module, in-process."""

from __future__ import annotations

UNIT, PROPERTY, MOCK = "tests/unit", "tests/property", "tests/unit/mock"
CONTRACT = "tests/contract"
_READING = (f"{UNIT}/test_reading.py", f"{PROPERTY}/test_reading.py")
_WINDOW = (f"{UNIT}/test_window.py", f"{UNIT}/test_watch.py")
_RECORDED = (f"{UNIT}/test_redaction.py", f"{UNIT}/test_recording.py")
_STATUSES = (f"{CONTRACT}/test_statuses.py", f"{UNIT}/test_policy.py")

OVERLAY = {
    "core.sse": (f"{UNIT}/test_sse.py", f"{PROPERTY}/test_sse.py"),
    "core.duration": (f"{UNIT}/test_duration.py", f"{PROPERTY}/test_duration.py"),
    "core.reading": _READING,
    "core.window": _WINDOW,
    "core.watch": (
        f"{UNIT}/test_watch.py",
        f"{UNIT}/test_policy.py",
        f"{PROPERTY}/test_watch_machine.py",
    ),
    "core.budget": (f"{UNIT}/test_budget.py", f"{PROPERTY}/test_budget.py"),
    "errors": (
        f"{UNIT}/test_errors.py",
        f"{UNIT}/test_duration.py",
        f"{UNIT}/test_reading.py",
        f"{UNIT}/test_window.py",
    ),
    "core.drift": _READING,
    "core.ends": _WINDOW,
    "core.arrivals": _WINDOW,
    "core.policy": (f"{UNIT}/test_policy.py", f"{UNIT}/test_watch.py"),
    "core.answers": (f"{UNIT}/test_answers.py", *_STATUSES, *_READING),
    "core.refusal": (f"{UNIT}/test_refusal.py", *_STATUSES, f"{UNIT}/test_window.py"),
    "core.arguments": (
        f"{CONTRACT}/test_requests.py",
        f"{UNIT}/test_duration.py",
        f"{UNIT}/test_budget.py",
        f"{UNIT}/test_grants.py",
        f"{PROPERTY}/test_base_url.py",
    ),
    "secrets": (f"{UNIT}/test_masking.py",),
    "spelling": (f"{UNIT}/test_masking.py",),
    "recording.redaction": _RECORDED,
    "recording.naming": _RECORDED,
    "recording.echoes": (f"{UNIT}/test_echoes.py", *_RECORDED),
    "recording.pseudonyms": _RECORDED,
    "core.plans": (f"{UNIT}/test_budget.py",),
    "core.exchange": _WINDOW,
}
MOCKED = {
    "wire": (f"{MOCK}/test_mock_wire.py",),
    "stream": (f"{MOCK}/test_mock_stream.py", f"{PROPERTY}/test_mock_wire.py"),
    "faults.fault": (f"{MOCK}/test_mock_faults.py",),
    "faults.stream": (f"{MOCK}/test_mock_effects.py",),
    "faults.answer": (f"{MOCK}/test_mock_effects.py",),
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
