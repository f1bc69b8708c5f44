# SPDX-License-Identifier: Apache-2.0
"""Hooks for the libraries that the agent knows itself. Each runs once, right after its library was imported."""

from clew import _native

_SCOPE_REQUESTS = 2
_SCOPE_URLLIB3 = 3


def _replace(owner, name, kind):
    """Puts a native function in place of owner.name, unless one is there."""
    original = owner.__dict__[name]
    if type(original).__name__ != "Hook":
        setattr(owner, name, _native.hook(kind, original))


def flask_app(module):
    _replace(module.Flask, "wsgi_app", "flask.wsgi_app")
    _replace(module.Flask, "handle_exception", "flask.handle_exception")


def flask_ctx(module):
    copy_context = module.copy_current_request_context
    current_span = _native.current_span
    attach, detach = _native.context_attach, _native.context_detach

    def copy_current_request_context(f):
        wrapped = copy_context(f)
        span = current_span()
        if span is None:
            return wrapped

        def run(*args, **kwargs):
            # Flask's copy is of its own context only; a thread that has none of ours gets the request's span.
            if current_span() is not None:
                return wrapped(*args, **kwargs)
            token = attach(span)
            try:
                return wrapped(*args, **kwargs)
            finally:
                detach(token)

        _dress(run, wrapped)
        return run

    _dress(copy_current_request_context, copy_context)
    module.copy_current_request_context = copy_current_request_context


def werkzeug_routing(module):
    adapter = getattr(module, "MapAdapter", None)
    if adapter is not None:
        _replace(adapter, "match", "routing.match")


def logging_module(module):
    import os

    plain = set(module.makeLogRecord({}).__dict__) | {"message", "asctime"}
    skip = {name.strip() for name in os.environ.get("CLEW_LOG_IDS_SKIP", "").split(",")} - {""}
    _native.set_up_logging(frozenset(plain), frozenset(skip))
    if os.environ.get("CLEW_LOG_IDS", "").lower() == "off" or _native.configuration()["conventions"] & 16:
        _native.switch("log_ids", False)
    _replace(module.Logger, "callHandlers", "logging.callHandlers")
    _replace(module.Handler, "format", "logging.format")


def logging_handlers(module):
    _native.set_up_queues(module.QueueHandler)
    _replace(module.QueueHandler, "emit", "logging.queue_emit")
    _replace(module.BufferingHandler, "emit", "logging.queue_emit")


def requests_sessions(module):
    client_start, client_end = _native.client_start, _native.client_end
    send_request = module.Session.send

    def send(self, request, **kwargs):
        span = client_start(_SCOPE_REQUESTS, request.method, request.url)
        if span is None:
            return send_request(self, request, **kwargs)
        headers = request.headers
        if headers is not None:
            headers["traceparent"] = span.traceparent
            if span.tracestate:
                headers["tracestate"] = span.tracestate
        try:
            response = send_request(self, request, **kwargs)
        except BaseException as error:
            client_end(span, 0, error)
            raise
        client_end(span, getattr(response, "status_code", 0) or 0, None)
        return response

    _dress(send, send_request)
    module.Session.send = send


def urllib3_connectionpool(module):
    client_start, client_end = _native.client_start, _native.client_end
    pool_urlopen = module.HTTPConnectionPool.urlopen

    def urlopen(self, method, url, body=None, headers=None, *args, **kwargs):
        span = client_start(_SCOPE_URLLIB3, method, _full_url(self, url))
        if span is None:
            return pool_urlopen(self, method, url, body, headers, *args, **kwargs)
        # The caller's mapping stays as it is.
        sent = self.headers if headers is None else headers
        sent = sent.copy() if hasattr(sent, "copy") else dict(sent)
        sent["traceparent"] = span.traceparent
        if span.tracestate:
            sent["tracestate"] = span.tracestate
        try:
            response = pool_urlopen(self, method, url, body, sent, *args, **kwargs)
        except BaseException as error:
            client_end(span, 0, error)
            raise
        client_end(span, getattr(response, "status", 0) or 0, None)
        return response

    _dress(urlopen, pool_urlopen)
    module.HTTPConnectionPool.urlopen = urlopen


def _full_url(pool, url):
    if "://" in url:
        return url
    host = pool.host
    if ":" in host and not host.startswith("["):
        host = "[" + host + "]"
    port = pool.port
    if port is None or port == {"http": 80, "https": 443}.get(pool.scheme):
        return "%s://%s%s" % (pool.scheme, host, url)
    return "%s://%s:%d%s" % (pool.scheme, host, port, url)


def _dress(function, original):
    """As functools.wraps, which need not be imported for it."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        try:
            setattr(function, name, getattr(original, name))
        except AttributeError:
            pass
    function.__dict__.update(getattr(original, "__dict__", {}))
    function.__wrapped__ = original


def sqlite3_dbapi2(module):
    connect = module.connect

    def traced_connect(*args, **kwargs):
        # connect(database, timeout, detect_types, isolation_level, check_same_thread, factory, …)
        factory = args[5] if len(args) > 5 else kwargs.get("factory", module.Connection)
        traced = _traced_connection(module, factory)
        if traced is None:
            return connect(*args, **kwargs)
        if len(args) > 5:
            args = args[:5] + (traced,) + args[6:]
        else:
            kwargs["factory"] = traced
        connection = connect(*args, **kwargs)
        database = args[0] if args else kwargs.get("database", "")
        connection._clew_database = database if isinstance(database, str) else ""
        return connection

    _dress(traced_connect, connect)
    module.connect = traced_connect


_connection_types = {}
_cursor_types = {}


def _traced_connection(module, factory):
    """A subclass of `factory` whose cursors record; None where it is no class of connections."""
    traced = _connection_types.get(factory)
    if traced is None:
        if not isinstance(factory, type) or not issubclass(factory, module.Connection):
            return None

        if factory.cursor is module.Connection.cursor:

            def cursor(self, factory=module.Cursor):
                return super(traced, self).cursor(_traced_cursor(module, factory))

        else:
            # The service's own class makes cursors in its own way: what comes out becomes one of ours where its class
            # can be changed.
            def cursor(self, *args, **kwargs):
                made = super(traced, self).cursor(*args, **kwargs)
                try:
                    made.__class__ = _traced_cursor(module, type(made))
                except TypeError:
                    pass
                return made

        # Looks like what it stands for.
        members = {"cursor": cursor, "_clew_database": "", "__module__": factory.__module__, "__doc__": factory.__doc__}
        for name in ("execute", "executemany", "executescript"):
            # The connection's shortcuts go to a cursor of ours, unless the service's class has its own.
            if getattr(factory, name) is getattr(module.Connection, name):
                members[name] = _shortcut(name, getattr(factory, name))
        traced = type(factory.__name__, (factory,), members)
        traced.__qualname__ = factory.__qualname__
        _connection_types[factory] = traced
    return traced


def _shortcut(name, original):
    def method(self, *args):
        return getattr(self.cursor(), name)(*args)

    _dress(method, original)
    return method


def _traced_cursor(module, factory):
    traced = _cursor_types.get(factory)
    if traced is None and factory in _cursor_types.values():
        return factory
    if traced is None:
        if not isinstance(factory, type) or not issubclass(factory, module.Cursor):
            return factory
        db_start, db_end = _native.db_start, _native.db_end

        def traced_method(name):
            original = getattr(factory, name)

            def method(self, sql, *args):
                span = db_start("sqlite", getattr(self.connection, "_clew_database", ""), sql)
                if span is None:
                    return original(self, sql, *args)
                try:
                    result = original(self, sql, *args)
                except BaseException as error:
                    db_end(span, error)
                    raise
                db_end(span, None)
                return result

            _dress(method, original)
            return method

        members = {name: traced_method(name) for name in ("execute", "executemany", "executescript")}
        members["__module__"] = factory.__module__
        members["__doc__"] = factory.__doc__
        if factory is not module.Cursor:
            members["__slots__"] = ()  # the same layout, so that an instance can become one
        traced = type(factory.__name__, (factory,), members)
        traced.__qualname__ = factory.__qualname__
        _cursor_types[factory] = traced
    return traced
