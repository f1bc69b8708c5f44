// SPDX-License-Identifier: Apache-2.0
#include "python/native/context.h"

#include <cstring>

namespace clew::python {

OpenTelemetry opentelemetry;

namespace {

PyObject* variable = nullptr;

// Lower `size` bytes of an int, most significant first.
bool IdFromInt(PyObject* number, uint8_t* out, size_t size) {
  if (number == nullptr || !PyLong_Check(number)) return false;
  const Ref bytes(PyObject_CallMethod(number, "to_bytes", "ns", static_cast<Py_ssize_t>(size), "big"));
  if (!bytes || !PyBytes_Check(bytes.get()) || PyBytes_GET_SIZE(bytes.get()) != static_cast<Py_ssize_t>(size)) {
    PyErr_Clear();
    return false;
  }
  std::memcpy(out, PyBytes_AS_STRING(bytes.get()), size);
  return true;
}

bool IsZero(const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] != 0) return false;
  }
  return true;
}

Parent ParentFromSpanContext(PyObject* context) {
  Parent parent;
  const Ref trace_id = Attribute(context, names.trace_id), span_id = Attribute(context, names.span_id);
  if (!IdFromInt(trace_id.get(), parent.trace_id, 16) || !IdFromInt(span_id.get(), parent.span_id, 8) ||
      IsZero(parent.trace_id, 16) || IsZero(parent.span_id, 8)) {
    return parent;
  }
  parent.valid = true;
  const Ref flags = Attribute(context, names.trace_flags), remote = Attribute(context, names.is_remote);
  if (flags && PyLong_Check(flags.get())) parent.flags = static_cast<uint8_t>(PyLong_AsLong(flags.get()));
  parent.remote = remote.get() == Py_True;
  const Ref state = Attribute(context, names.trace_state);
  if (state && PyObject_IsTrue(state.get()) == 1) {
    parent.trace_state = Ref(PyObject_CallMethodNoArgs(state.get(), names.to_header));
  }
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  parent.object = Ref::Borrowed(context);
  return parent;
}

Parent ParentFromSpan(Span* span) {
  Parent parent;
  parent.valid = true;
  std::memcpy(parent.trace_id, span->trace_id, 16);
  std::memcpy(parent.span_id, span->span_id, 8);
  parent.flags = static_cast<uint8_t>(span->flags);
  parent.trace_state = Ref::Borrowed(span->trace_state);
  parent.object = Ref::Borrowed(reinterpret_cast<PyObject*>(span));
  return parent;
}

// The span object within the variable's value: itself, or a Context's entry. Borrowed from `value`.
PyObject* SpanWithin(PyObject* value) {
  if (value == nullptr || IsSpan(value)) return value;
  if (opentelemetry.span_key == nullptr || !PyDict_Check(value)) return nullptr;
  return Lookup(value, opentelemetry.span_key);
}

}  // namespace

bool InitContext() {
  variable = PyContextVar_New("clew_current", nullptr);
  return variable != nullptr;
}

Ref CurrentValue() {
  PyObject* value = nullptr;
  if (PyContextVar_Get(variable, nullptr, &value) != 0) PyErr_Clear();
  return Ref(value);
}

Ref CurrentSpan() {
  const Ref value = CurrentValue();
  PyObject* span = SpanWithin(value.get());
  return span != nullptr && IsSpan(span) ? Ref::Borrowed(span) : Ref();
}

bool HttpIsCovered() {
  const Ref value = CurrentValue();
  PyObject* span = SpanWithin(value.get());
  if (span != nullptr && IsSpan(span) && reinterpret_cast<Span*>(span)->covers_http) return true;
  if (!value || opentelemetry.suppress_keys == nullptr || !PyDict_Check(value.get())) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(opentelemetry.suppress_keys); ++i) {
    PyObject* asked = Lookup(value.get(), PyTuple_GET_ITEM(opentelemetry.suppress_keys, i));
    if (asked != nullptr && PyObject_IsTrue(asked) == 1) return true;
  }
  return false;
}

Ref Activate(PyObject* value) { return Ref(PyContextVar_Set(variable, value)); }

void Deactivate(PyObject* token) {
  if (token != nullptr && PyContextVar_Reset(variable, token) != 0) PyErr_Clear();
}

bool ActivateSpan(Span* span) {
  const Ref beneath = CurrentValue();
  if (beneath && span->base_context == nullptr) {
    PyObject* base = IsSpan(beneath.get()) ? reinterpret_cast<Span*>(beneath.get())->base_context : beneath.get();
    Py_XINCREF(base);
    span->base_context = base;
  }
  Ref token = Activate(reinterpret_cast<PyObject*>(span));
  Py_XDECREF(std::exchange(span->token, token.Release()));
  return span->token != nullptr;
}

void DeactivateSpan(Span* span) {
  const Ref token(std::exchange(span->token, nullptr));
  Deactivate(token.get());
  Py_CLEAR(span->base_context);
}

Parent CurrentParent() {
  const Ref value = CurrentValue();
  PyObject* span = SpanWithin(value.get());
  return span != nullptr ? ParentFrom(span) : Parent();
}

Parent ParentFrom(PyObject* object) {
  if (IsSpan(object)) return ParentFromSpan(reinterpret_cast<Span*>(object));
  const Ref method = Attribute(object, names.get_span_context);
  if (!method) return ParentFromSpanContext(object);
  const Ref context(PyObject_CallNoArgs(method.get()));
  if (!context || context.get() == Py_None) {
    PyErr_Clear();
    return {};
  }
  return ParentFromSpanContext(context.get());
}

CurrentIds IdsOfCurrent() {
  CurrentIds ids;
  const Ref value = CurrentValue();
  PyObject* object = SpanWithin(value.get());
  if (object == nullptr) return ids;
  if (IsSpan(object)) {
    const auto* span = reinterpret_cast<const Span*>(object);
    ids.valid = true;
    std::memcpy(ids.trace_id, span->trace_id, 16);
    std::memcpy(ids.span_id, span->span_id, 8);
    ids.flags = static_cast<uint8_t>(span->flags);
    return ids;
  }
  const Parent parent = ParentFrom(object);
  ids.valid = parent.valid;
  std::memcpy(ids.trace_id, parent.trace_id, 16);
  std::memcpy(ids.span_id, parent.span_id, 8);
  ids.flags = parent.flags;
  return ids;
}

PyObject* ContextAttach(PyObject*, PyObject* context) { return PyContextVar_Set(variable, context); }

PyObject* ContextDetach(PyObject*, PyObject* token) {
  if (PyContextVar_Reset(variable, token) != 0) return nullptr;
  Py_RETURN_NONE;
}

// A Context in any case: a native span stands in one made for the asking, above what was attached beneath it.
PyObject* ContextGetCurrent(PyObject*, PyObject*) {
  Ref value = CurrentValue();
  if (value && !IsSpan(value.get())) return value.Release();
  if (opentelemetry.context_type == nullptr) Py_RETURN_NONE;
  if (!value) return PyObject_CallNoArgs(opentelemetry.context_type);
  auto* span = reinterpret_cast<Span*>(value.get());
  const Ref entries(span->base_context != nullptr ? PyDict_Copy(span->base_context) : PyDict_New());
  if (!entries || PyDict_SetItem(entries.get(), opentelemetry.span_key, value.get()) != 0) return nullptr;
  if (span->covers_http) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(opentelemetry.suppress_keys); ++i) {
      PyObject* key = PyTuple_GET_ITEM(opentelemetry.suppress_keys, i);
      // The first one silences everything, not only HTTP clients.
      if (i > 0 && PyDict_SetItem(entries.get(), key, Py_True) != 0) return nullptr;
    }
  }
  return PyObject_CallOneArg(opentelemetry.context_type, entries.get());
}

PyObject* ModuleCurrentSpan(PyObject*, PyObject*) {
  Ref span = CurrentSpan();
  if (!span) Py_RETURN_NONE;
  return span.Release();
}

PyObject* SetOpenTelemetry(PyObject*, PyObject* args, PyObject* keywords) {
  static const char* const kKeywords[] = {
      "span_key",  "context_type", "make_span_context", "span_kind",     "make_status", "make_event",
      "make_link", "make_scope",   "resource",          "suppress_keys", nullptr};
  OpenTelemetry given;
  if (PyArg_ParseTupleAndKeywords(args, keywords, "OOOOOOOOOO!", const_cast<char**>(kKeywords), &given.span_key,
                                  &given.context_type, &given.make_span_context, &given.span_kind, &given.make_status,
                                  &given.make_event, &given.make_link, &given.make_scope, &given.resource,
                                  &PyTuple_Type, &given.suppress_keys) == 0) {
    return nullptr;
  }
  for (PyObject* object :
       {given.span_key, given.context_type, given.make_span_context, given.span_kind, given.make_status,
        given.make_event, given.make_link, given.make_scope, given.resource, given.suppress_keys}) {
    Py_INCREF(object);
  }
  opentelemetry = given;
  Py_RETURN_NONE;
}

}  // namespace clew::python
