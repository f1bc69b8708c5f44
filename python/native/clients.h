// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python/native/python_api.h"

namespace clew::python {

// client_start(scope number, method, url) -> Span that is current from here on, or None: off, or within another HTTP
// client span, whose request it is.
PyObject* ClientStart(PyObject*, PyObject* args);
// client_end(span, status or 0, exception or None)
PyObject* ClientEnd(PyObject*, PyObject* args);
// db_start(system, database, statement) -> Span, current, or None
PyObject* DatabaseStart(PyObject*, PyObject* args);
// db_end(span, exception or None)
PyObject* DatabaseEnd(PyObject*, PyObject* args);

}  // namespace clew::python
