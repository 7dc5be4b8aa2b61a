"""What to install where a package that the mock needs is missing."""

_PACKAGES = frozenset({"aiohttp", "jsonschema", "yaml"})


def how_to_install(error: ModuleNotFoundError) -> str:
    """Return which extra brings the module that was not found.

    Raises the error again if it is another module: that is a defect.
    """
    package = (error.name or "").partition(".")[0]
    if package not in _PACKAGES:
        raise error
    return (
        f"The Enphase mock needs {package}, which is not installed. "
        "Install it with: pip install 'enphase-streaming[mock]', "
        "or in a checkout: pip install '.[mock]'"
    )
