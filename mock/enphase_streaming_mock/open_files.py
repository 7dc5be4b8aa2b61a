"""How many files, and so connections, this process may have open."""

# Enough for 10,000 streams, and what macOS allows every process.
_ENOUGH = 10_240


def allow_many() -> None:
    """Allow this process 10,240, where it was allowed fewer and may change that.

    A shell allows 256 or 1,024 as a rule; beyond them connections would be left waiting.
    """
    try:
        import resource
    except ModuleNotFoundError:  # Windows, which sets no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    most = _ENOUGH if hard == endless else min(_ENOUGH, hard)
    if soft != endless and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
