// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python/native/python_api.h"

namespace clew::python {

// set_up_logging(frozenset of the names that a LogRecord has, frozenset of CLEW_LOG_IDS_SKIP)
PyObject* SetUpLogging(PyObject*, PyObject* args);
// set_up_queues(logging.handlers.QueueHandler)
PyObject* SetUpQueues(PyObject*, PyObject* queue_handler_class);

}  // namespace clew::python
