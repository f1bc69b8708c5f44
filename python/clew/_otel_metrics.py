# SPDX-License-Identifier: Apache-2.0
"""opentelemetry's meter provider over metric cells. Imported once the service has imported opentelemetry.metrics."""

import os

from clew import _native
from clew._otel_scope import scope

from opentelemetry import metrics
from opentelemetry.metrics import _internal as internal

COUNTER = 1
UP_DOWN_COUNTER = 2
GAUGE = 3
HISTOGRAM = 4

# Of the HTTP conventions, for what is measured in seconds; of the SDK, for the rest.
SECONDS_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
DEFAULT_BOUNDS = (0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000)

OBSERVE_SECONDS = 5


class Instrument:
    kind = COUNTER
    create = "create_counter"  # how the service's own meter makes it

    def __init__(self, meter, name, unit="", description="", bounds=()):
        self._meter = meter
        self.name = name
        self._arguments = (name, unit or "", description or "")
        self._number = _native.register_instrument(
            self.kind, False, meter._scope, str(name), str(unit or ""), str(description or ""), tuple(bounds)
        )
        self._other = None

    def _now(self):
        """The same of the service's own meter, once it has set up an SDK; else None."""
        other = self._meter._now()
        if other is not None and self._other is None:
            self._other = getattr(other, self.create)(*self._arguments)
        return self._other

    def _record(self, amount, attributes):
        _native.record_metric(self._number, self.kind, amount, attributes)


class Counter(Instrument, metrics.Counter):
    def add(self, amount, attributes=None, context=None):
        other = self._now()
        if other is not None:
            other.add(amount, attributes)
        elif amount >= 0:
            self._record(amount, attributes)


class UpDownCounter(Instrument, metrics.UpDownCounter):
    kind = UP_DOWN_COUNTER
    create = "create_up_down_counter"

    def add(self, amount, attributes=None, context=None):
        other = self._now()
        if other is not None:
            other.add(amount, attributes)
        else:
            self._record(amount, attributes)


class Histogram(Instrument, metrics.Histogram):
    kind = HISTOGRAM
    create = "create_histogram"

    def record(self, amount, attributes=None, context=None):
        other = self._now()
        if other is not None:
            other.record(amount, attributes)
        elif amount >= 0:
            self._record(amount, attributes)


class Gauge(Instrument, getattr(metrics, "_Gauge", object)):
    kind = GAUGE
    create = "create_gauge"

    def set(self, amount, attributes=None, context=None):
        other = self._now()
        if other is not None:
            other.set(amount, attributes)
        else:
            self._record(amount, attributes)


class Observable(Instrument):
    """Read by a thread of ours every few seconds: only this process can call the service's callbacks."""

    def __init__(self, meter, name, callbacks=None, unit="", description=""):
        super().__init__(meter, name, unit, description)
        # A generator stands for a callback that is asked again and again.
        self._callbacks = [c if callable(c) else c.send for c in callbacks or ()]
        self._seen = {}
        _observe_later(self)

    def observe(self):
        if self._meter._now() is not None:
            return
        for callback in self._callbacks:
            for observation in callback(metrics.CallbackOptions()):
                self._take(observation.value, observation.attributes)

    def _take(self, value, attributes):
        if self.kind == GAUGE:
            self._record(value, attributes)
            return
        key = tuple(sorted((attributes or {}).items()))
        change = value - self._seen.get(key, 0)
        self._seen[key] = value
        if change > 0 or (change and self.kind == UP_DOWN_COUNTER):
            self._record(change, attributes)


class ObservableCounter(Observable, metrics.ObservableCounter):
    pass


class ObservableUpDownCounter(Observable, metrics.ObservableUpDownCounter):
    kind = UP_DOWN_COUNTER


class ObservableGauge(Observable, metrics.ObservableGauge):
    kind = GAUGE


class Meter(metrics.Meter):
    def __init__(self, provider, name, version=None, schema_url=None):
        super().__init__(name, version, schema_url)
        self._provider = provider
        self._scope = scope(name, version, schema_url)
        self._instruments = {}
        self._other = None

    def _now(self):
        current = internal._METER_PROVIDER
        if current is self._provider or current is None:
            return None
        if self._other is None:
            self._other = current.get_meter(*self._scope)
        return self._other

    def _create(self, kind, name, *args):
        # The same instrument asked for twice is one (specification: duplicate instrument registration).
        key = (kind, str(name).lower())
        if key not in self._instruments:
            self._instruments[key] = kind(self, name, *args)
        return self._instruments[key]

    def create_counter(self, name, unit="", description=""):
        return self._create(Counter, name, unit, description)

    def create_up_down_counter(self, name, unit="", description=""):
        return self._create(UpDownCounter, name, unit, description)

    def create_histogram(self, name, unit="", description="", *, explicit_bucket_boundaries_advisory=None):
        bounds = explicit_bucket_boundaries_advisory
        if bounds is None:
            bounds = SECONDS_BOUNDS if unit == "s" else DEFAULT_BOUNDS
        return self._create(Histogram, name, unit, description, bounds)

    def create_gauge(self, name, unit="", description=""):
        return self._create(Gauge, name, unit, description)

    def create_observable_counter(self, name, callbacks=None, unit="", description=""):
        return self._create(ObservableCounter, name, callbacks, unit, description)

    def create_observable_up_down_counter(self, name, callbacks=None, unit="", description=""):
        return self._create(ObservableUpDownCounter, name, callbacks, unit, description)

    def create_observable_gauge(self, name, callbacks=None, unit="", description=""):
        return self._create(ObservableGauge, name, callbacks, unit, description)


class MeterProvider(metrics.MeterProvider):
    def get_meter(self, name, version=None, schema_url=None, attributes=None):
        return Meter(self, name, version, schema_url)

    def force_flush(self, timeout_millis=30000):
        return True

    def shutdown(self, timeout_millis=30000):
        pass


_observables = []


def _observe_for_ever():
    import time

    while True:
        time.sleep(OBSERVE_SECONDS)
        for observable in list(_observables):
            try:
                observable.observe()
            except Exception:  # the callback's own mistake; the next time it may be right
                pass


def _start_observing():
    import threading

    for observable in _observables:
        observable._seen.clear()  # cells of a forked process begin at nothing
    threading.Thread(target=_observe_for_ever, name="clew-observe", daemon=True).start()


def _observe_later(instrument):
    _observables.append(instrument)
    if len(_observables) == 1:
        _start_observing()
        os.register_at_fork(after_in_child=_start_observing)
