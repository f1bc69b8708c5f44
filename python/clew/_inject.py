# SPDX-License-Identifier: Apache-2.0
"""Starts the agent in a process and hooks libraries as the service imports them."""

import sys

# Module that the service imports -> function of clew._hooks or clew._otel that then runs with it.
HOOKS = {
    "flask.app": ("clew._hooks", "flask_app"),
    "flask.ctx": ("clew._hooks", "flask_ctx"),
    "werkzeug.routing.map": ("clew._hooks", "werkzeug_routing"),
    "werkzeug.routing": ("clew._hooks", "werkzeug_routing"),
    "requests.sessions": ("clew._hooks", "requests_sessions"),
    "urllib3.connectionpool": ("clew._hooks", "urllib3_connectionpool"),
    "sqlite3.dbapi2": ("clew._hooks", "sqlite3_dbapi2"),
    "logging": ("clew._hooks", "logging_module"),
    "logging.handlers": ("clew._hooks", "logging_handlers"),
    "opentelemetry.context": ("clew._otel", "context_module"),
    "opentelemetry.trace": ("clew._otel", "trace_module"),
    "opentelemetry.metrics": ("clew._otel", "metrics_module"),
    "opentelemetry._logs": ("clew._otel", "logs_module"),
    "opentelemetry.instrumentation.flask": ("clew._otel", "contrib_flask_module"),
    "opentelemetry.instrumentation.logging.handler": ("clew._otel", "logging_handler_module"),
    "opentelemetry.instrumentation.instrumentor": ("clew._otel", "instrumentor_module"),
}


def _run_hook(name, module):
    try:
        where, function = HOOKS[name]
        __import__(where)
        getattr(sys.modules[where], function)(module)
    except Exception:  # the library works as if we were not there
        pass


class _Loader:
    """The module's own loader, after which the hook runs."""

    def __init__(self, loader, finder):
        self._clew_loader = loader
        self._clew_finder = finder

    def __getattr__(self, name):
        return getattr(self._clew_loader, name)

    def create_module(self, spec):
        return self._clew_loader.create_module(spec)

    def exec_module(self, module):
        loader = self._clew_loader
        spec = module.__spec__
        # Whoever looks finds the true one, also while the module runs.
        module.__loader__ = loader
        if spec is not None:
            spec.loader = loader
        try:
            loader.exec_module(module)
        except BaseException:
            self._clew_finder.waiting.add(module.__name__)  # the service may try again
            raise
        _run_hook(module.__name__, module)


class _Finder:
    """First on sys.meta_path; concerns itself with the modules of HOOKS only, each once."""

    def __init__(self):
        self.waiting = set(HOOKS)

    def find_spec(self, name, path=None, target=None):
        if name not in self.waiting:
            return None
        self.waiting.discard(name)
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec = find(name, path, target)
            if spec is None:
                continue
            if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                spec.loader = _Loader(spec.loader, self)
            return spec
        self.waiting.add(name)
        return None


def start():
    """Attaches to the arena; where that works, sets the hooks."""
    from clew import _native

    if not _native.attach():
        return
    _native.set_identity(_identity())
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    for name in HOOKS:
        module = sys.modules.get(name)
        if module is not None:
            finder.waiting.discard(name)
            _run_hook(name, module)
    import os

    # Only so that a worker counts before its first request: that a process is new the recorder sees for itself.
    os.register_at_fork(after_in_child=_native.claim)
    _native.add_notes(8)


def _identity():
    version = sys.version_info
    return {
        "process.executable.path": sys.executable or "",
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": "%d.%d.%d" % version[:3],
        "process.runtime.description": sys.version,
    }
