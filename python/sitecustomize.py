# SPDX-License-Identifier: Apache-2.0
# Put in front of PYTHONPATH by `clew run`. Runs in every Python process of the service, so it is short, silent, and
# whatever fails here the service goes on without us.
try:
    import os as _os

    if _os.environ.get("CLEW_DISABLED", "").lower() in ("", "0", "false") and "CLEW_ATTACH" in _os.environ:
        import clew._inject as _inject

        _inject.start()
except BaseException:
    pass


def _run_hidden():
    """Runs the sitecustomize that ours stands in front of, as Python would have."""
    import os
    import sys

    here = os.path.dirname(os.path.abspath(__file__))
    whole = sys.path
    others = [entry for entry in whole if os.path.abspath(entry) != here]
    ours = sys.modules.pop("sitecustomize", None)
    sys.path = list(others)
    try:
        import sitecustomize  # noqa: F401
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        # site looks the name up after the import, whatever came of it.
        sys.modules.setdefault("sitecustomize", ours)
        if sys.path == others:
            sys.path = whole
        else:
            sys.path.insert(0, here)


_run_hidden()
