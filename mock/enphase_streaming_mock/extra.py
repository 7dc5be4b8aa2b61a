"""The packages that the mock needs and a bare `pip install enphase-streaming` does not bring."""

_PACKAGES = frozenset({"aiohttp", "jsonschema", "yaml"})


def how_to_install(error: ModuleNotFoundError) -> str:
    """Say which installation lacks the module that was not found.

    Raises the error again if another module is missing: that is a defect and not a missing extra.
    """
    package = (error.name or "").partition(".")[0]
    if package not in _PACKAGES:
        raise error
    return (
        f"The Enphase mock needs {package}, which is not installed. "
        "Install it with: pip install 'enphase-streaming[mock]', "
        "or in a checkout: pip install '.[mock]'"
    )
