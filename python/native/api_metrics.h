// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python/native/python_api.h"

namespace clew::python {

// Instruments of opentelemetry's metrics API, by number.
// register_instrument(kind number, is_int, scope tuple, name, unit, description, bounds) -> int; -1: no room
PyObject* RegisterApiInstrument(PyObject*, PyObject* args);
// record_metric(instrument, kind number, value, attributes or None)
PyObject* RecordMetric(PyObject*, PyObject* args);
// emit_log(scope tuple, time or 0, severity number, severity text, body, attributes, event name, context or None)
PyObject* EmitLog(PyObject*, PyObject* args);

}  // namespace clew::python
