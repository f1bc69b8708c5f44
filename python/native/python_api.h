// SPDX-License-Identifier: Apache-2.0
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string_view>
#include <utility>

// The extension's common ground. Everything here runs with the interpreter's lock held; module state is plain statics
// that are never destroyed, since threads may still run at exit.
namespace clew::python {

// Owns one reference; may be empty.
class Ref {
 public:
  Ref() = default;
  // Takes over a new reference.
  explicit Ref(PyObject* object) : object_(object) {}
  static Ref Borrowed(PyObject* object) {
    Py_XINCREF(object);
    return Ref(object);
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref&& other) noexcept {
    PyObject* old = std::exchange(object_, std::exchange(other.object_, nullptr));
    Py_XDECREF(old);
    return *this;
  }
  Ref(const Ref&) = delete;
  Ref& operator=(const Ref&) = delete;
  ~Ref() { Py_XDECREF(object_); }

  PyObject* get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  PyObject* Release() { return std::exchange(object_, nullptr); }

 private:
  PyObject* object_ = nullptr;
};

// Keeps an exception that is on its way across calls that may set or clear others.
class SavedError {
 public:
#if PY_VERSION_HEX >= 0x030C0000
  SavedError() : error_(PyErr_GetRaisedException()) {}
  ~SavedError() { PyErr_SetRaisedException(error_); }
  // The exception as an object with its traceback, or empty.
  Ref Exception() { return Ref::Borrowed(error_); }
#else
  SavedError() { PyErr_Fetch(&type_, &error_, &traceback_); }
  ~SavedError() { PyErr_Restore(type_, error_, traceback_); }
  Ref Exception() {
    if (type_ == nullptr) return {};
    PyErr_NormalizeException(&type_, &error_, &traceback_);
    if (traceback_ != nullptr) PyException_SetTraceback(error_, traceback_);
    return Ref::Borrowed(error_);
  }
#endif
  SavedError(const SavedError&) = delete;
  SavedError& operator=(const SavedError&) = delete;

 private:
  PyObject* error_ = nullptr;
#if PY_VERSION_HEX < 0x030C0000
  PyObject* type_ = nullptr;
  PyObject* traceback_ = nullptr;
#endif
};

// Interned once; used as dictionary keys and attribute names.
// The formatter does not come to rest on this list.
// clang-format off
#define CLEW_NAMES(X) \
  X(REQUEST_METHOD) X(PATH_INFO) X(SCRIPT_NAME) X(QUERY_STRING) X(RAW_URI) X(HTTP_HOST) X(SERVER_NAME) \
  X(SERVER_PORT) X(SERVER_PROTOCOL) X(REMOTE_ADDR) X(HTTP_USER_AGENT) X(HTTP_TRACEPARENT) X(HTTP_TRACESTATE) \
  X(close) X(rule) X(name) X(msg) X(args) X(levelno) X(levelname) X(exc_info) X(exc_text) X(pathname) X(lineno) \
  X(funcName) X(created) X(getMessage) X(__dict__) X(__name__) X(__module__) X(__qualname__) X(trace_id) X(span_id) \
  X(trace_flags) X(trace_state) X(is_remote) X(to_header) X(get_span_context) X(traceparent) X(tracestate) \
  X(message) X(asctime) X(attributes) X(value)
// clang-format on

struct Names {
#define CLEW_DECLARE_NAME(name) PyObject* name;
  CLEW_NAMES(CLEW_DECLARE_NAME)
#undef CLEW_DECLARE_NAME
  PyObject* wsgi_url_scheme;
  PyObject* wsgi_file_wrapper;
  PyObject* clew_request;
  PyObject* clew_ids;
};
extern Names names;

// UTF-8 of a str, valid while it lives; empty for what is none, and for text with lone surrogates.
inline std::string_view TextOf(PyObject* object) {
  if (object == nullptr || !PyUnicode_Check(object)) return {};
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(object, &size);
  if (text == nullptr) {
    PyErr_Clear();
    return {};
  }
  return {text, static_cast<size_t>(size)};
}

// The bytes that a WSGI environ value stands for (PEP 3333: text in which each character is one byte of the request).
inline std::string_view WsgiBytes(PyObject* object) {
  if (object == nullptr || !PyUnicode_Check(object)) return {};
#if PY_VERSION_HEX < 0x030C0000
  if (PyUnicode_READY(object) != 0) {
    PyErr_Clear();
    return {};
  }
#endif
  if (PyUnicode_KIND(object) != PyUnicode_1BYTE_KIND) return TextOf(object);
  return {reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(object)),
          static_cast<size_t>(PyUnicode_GET_LENGTH(object))};
}

// Borrowed; nullptr where the key is missing. Leaves no error.
inline PyObject* Lookup(PyObject* dict, PyObject* key) {
  PyObject* value = PyDict_GetItemWithError(dict, key);
  if (value == nullptr && PyErr_Occurred() != nullptr) PyErr_Clear();
  return value;
}

// An attribute or empty. Leaves no error.
inline Ref Attribute(PyObject* object, PyObject* name) {
  Ref value(PyObject_GetAttr(object, name));
  if (!value) PyErr_Clear();
  return value;
}

}  // namespace clew::python
