// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python/native/python_api.h"

namespace clew::python {

// A native function that stands in a class in place of one of its methods. Binds as functions do (and is called without
// a bound method being made), carries the replaced function as __wrapped__ and answers for its other attributes.
struct Hook {
  // clang-format off
  PyObject_HEAD
      // clang-format on
      vectorcallfunc call;
  PyObject* original;
};

extern PyTypeObject HookType;

inline PyObject* CallOriginal(PyObject* hook, PyObject* const* args, size_t argument_count, PyObject* keywords) {
  return PyObject_Vectorcall(reinterpret_cast<Hook*>(hook)->original, args, argument_count, keywords);
}

bool InitHookType(PyObject* module);
PyObject* MakeHook(vectorcallfunc call, PyObject* original);

// The functions that hooks run; each does as its original where it has nothing to add, and whatever happens calls the
// original exactly once with the arguments that came.
PyObject* FlaskWsgiApp(PyObject* hook, PyObject* const* args, size_t count, PyObject* keywords);
PyObject* FlaskHandleException(PyObject* hook, PyObject* const* args, size_t count, PyObject* keywords);
PyObject* RoutingMatch(PyObject* hook, PyObject* const* args, size_t count, PyObject* keywords);
PyObject* LoggerCallHandlers(PyObject* hook, PyObject* const* args, size_t count, PyObject* keywords);
PyObject* HandlerFormat(PyObject* hook, PyObject* const* args, size_t count, PyObject* keywords);
PyObject* QueueEmit(PyObject* hook, PyObject* const* args, size_t count, PyObject* keywords);

// Which native hooks act; another instrumentation of the same library switches one off.
struct Switches {
  bool flask = true;
  bool requests = true;
  bool urllib3 = true;
  bool sqlite3 = true;
  bool spans = true;  // false: the service exports traces itself
  bool logs = true;
  bool metrics = true;
  bool log_ids = true;
};
extern Switches switches;

}  // namespace clew::python
