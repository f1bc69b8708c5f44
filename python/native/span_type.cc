// SPDX-License-Identifier: Apache-2.0
// The span as opentelemetry's API sees it (opentelemetry.trace.Span, and the readable names that its SDK adds).
#include <cstring>

#include "clew/agent/record/clocks.h"
#include "python/native/context.h"
#include "python/native/encode.h"
#include "python/native/span.h"

namespace clew::python {

using agent::record::Config;

namespace {

Span* Self(PyObject* object) { return reinterpret_cast<Span*>(object); }

// nullptr-safe "given and not None".
bool Given(PyObject* object) { return object != nullptr && object != Py_None; }

bool SetOneAttribute(Span* span, PyObject* key, PyObject* value) {
  if (!PyUnicode_Check(key) || PyUnicode_GET_LENGTH(key) == 0) return true;
  const Ref clean(CleanValue(value));
  if (!clean) {
    ++span->dropped_attributes;
    return true;
  }
  if (span->attributes == nullptr) span->attributes = PyDict_New();
  if (span->attributes == nullptr) return false;
  const auto limit = static_cast<Py_ssize_t>(agent::record::Configuration().span_attributes);
  if (PyDict_GET_SIZE(span->attributes) >= limit && Lookup(span->attributes, key) == nullptr) {
    ++span->dropped_attributes;
    return true;
  }
  return PyDict_SetItem(span->attributes, key, clean.get()) == 0;
}

bool SetAll(Span* span, PyObject* attributes) {
  if (!Given(attributes)) return true;
  // Any mapping will do.
  const Ref items(PyMapping_Items(attributes));
  if (!items) return false;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
    PyObject* item = PyList_GET_ITEM(items.get(), i);
    if (!SetOneAttribute(span, PyTuple_GET_ITEM(item, 0), PyTuple_GET_ITEM(item, 1))) return false;
  }
  return true;
}

PyObject* SetAttribute(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* const kKeywords[] = {"key", "value", nullptr};
  PyObject *key = nullptr, *value = nullptr;
  if (PyArg_ParseTupleAndKeywords(args, keywords, "OO", const_cast<char**>(kKeywords), &key, &value) == 0) {
    return nullptr;
  }
  if (IsRecordingSpan(Self(self)) && !SetOneAttribute(Self(self), key, value)) return nullptr;
  Py_RETURN_NONE;
}

PyObject* SetAttributes(PyObject* self, PyObject* attributes) {
  if (IsRecordingSpan(Self(self)) && !SetAll(Self(self), attributes)) return nullptr;
  Py_RETURN_NONE;
}

// A copy of the attributes given, cleaned; a new dict in any case.
Ref CleanDict(PyObject* attributes) {
  Ref clean(PyDict_New());
  if (!clean || !Given(attributes)) return clean;
  const Ref items(PyMapping_Items(attributes));
  if (!items) {
    PyErr_Clear();
    return clean;
  }
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
    PyObject* item = PyList_GET_ITEM(items.get(), i);
    const Ref value(CleanValue(PyTuple_GET_ITEM(item, 1)));
    if (value && PyUnicode_Check(PyTuple_GET_ITEM(item, 0))) {
      PyDict_SetItem(clean.get(), PyTuple_GET_ITEM(item, 0), value.get());
    }
  }
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  return clean;
}

bool AppendBounded(PyObject*& list, uint32_t limit, uint32_t& dropped, const Ref& item) {
  if (list == nullptr) list = PyList_New(0);
  if (list == nullptr || !item) return false;
  if (PyList_GET_SIZE(list) >= static_cast<Py_ssize_t>(limit)) {
    ++dropped;
    return true;
  }
  return PyList_Append(list, item.get()) == 0;
}

PyObject* AddEvent(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* const kKeywords[] = {"name", "attributes", "timestamp", nullptr};
  PyObject *name = nullptr, *attributes = nullptr, *timestamp = nullptr;
  if (PyArg_ParseTupleAndKeywords(args, keywords, "O|OO", const_cast<char**>(kKeywords), &name, &attributes,
                                  &timestamp) == 0) {
    return nullptr;
  }
  Span* span = Self(self);
  if (!IsRecordingSpan(span)) Py_RETURN_NONE;
  const bool is_unix = Given(timestamp);
  const long long time = is_unix ? PyLong_AsLongLong(timestamp) : agent::record::MonotonicNanos();
  if (time == -1 && PyErr_Occurred() != nullptr) return nullptr;
  const Ref clean = CleanDict(attributes);
  const Ref text(SafeStr(name));
  const Ref event(Py_BuildValue("(LOOO)", time, is_unix ? Py_True : Py_False, text.get(), clean.get()));
  if (!AppendBounded(span->events, agent::record::Configuration().span_events, span->dropped_events, event)) {
    return nullptr;
  }
  Py_RETURN_NONE;
}

bool AddOneLink(Span* span, PyObject* context, PyObject* attributes) {
  const Ref clean = CleanDict(attributes);
  const Ref link(Py_BuildValue("(OO)", context, clean.get()));
  return AppendBounded(span->links, agent::record::Configuration().span_links, span->dropped_links, link);
}

PyObject* AddLink(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* const kKeywords[] = {"context", "attributes", nullptr};
  PyObject *context = nullptr, *attributes = nullptr;
  if (PyArg_ParseTupleAndKeywords(args, keywords, "O|O", const_cast<char**>(kKeywords), &context, &attributes) == 0) {
    return nullptr;
  }
  if (Given(context) && IsRecordingSpan(Self(self)) && !AddOneLink(Self(self), context, attributes)) return nullptr;
  Py_RETURN_NONE;
}

PyObject* UpdateName(PyObject* self, PyObject* name) {
  Span* span = Self(self);
  if (PyUnicode_Check(name) && IsRecordingSpan(span)) {
    Py_INCREF(name);
    Py_XDECREF(std::exchange(span->name, name));
    span->name_is_set = true;
  }
  Py_RETURN_NONE;
}

PyObject* IsRecordingMethod(PyObject* self, PyObject*) { return PyBool_FromLong(IsRecordingSpan(Self(self))); }

// OK is final; unset changes nothing; a description belongs to errors only (specification: Set Status).
PyObject* SetStatus(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* const kKeywords[] = {"status", "description", nullptr};
  PyObject *status = nullptr, *description = nullptr;
  if (PyArg_ParseTupleAndKeywords(args, keywords, "O|O", const_cast<char**>(kKeywords), &status, &description) == 0) {
    return nullptr;
  }
  Span* span = Self(self);
  Ref code, text;
  const Ref inner(PyObject_GetAttrString(status, "status_code"));
  if (inner) {
    code = Attribute(inner.get(), names.value);
    text = Ref(PyObject_GetAttrString(status, "description"));
  } else {
    PyErr_Clear();
    code = Attribute(status, names.value);
    text = Ref::Borrowed(description);
  }
  const long number = code && PyLong_Check(code.get()) ? PyLong_AsLong(code.get()) : -1;
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  if (!IsRecordingSpan(span) || number < 1 || number > 2 || span->status == kStatusOk) Py_RETURN_NONE;
  span->status = static_cast<uint8_t>(number);
  Py_CLEAR(span->status_message);
  if (number == kStatusError && text && PyUnicode_Check(text.get())) span->status_message = text.Release();
  Py_RETURN_NONE;
}

PyObject* RecordExceptionMethod(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* const kKeywords[] = {"exception", "attributes", "timestamp", "escaped", nullptr};
  PyObject *exception = nullptr, *attributes = nullptr, *timestamp = nullptr, *escaped = nullptr;
  if (PyArg_ParseTupleAndKeywords(args, keywords, "O|OOO", const_cast<char**>(kKeywords), &exception, &attributes,
                                  &timestamp, &escaped) == 0) {
    return nullptr;
  }
  Span* span = Self(self);
  if (!IsRecordingSpan(span) || !PyExceptionInstance_Check(exception)) Py_RETURN_NONE;
  const bool is_unix = Given(timestamp);
  const long long time = is_unix ? PyLong_AsLongLong(timestamp) : agent::record::MonotonicNanos();
  if (time == -1 && PyErr_Occurred() != nullptr) return nullptr;
  const Ref extra = CleanDict(attributes);
  if (escaped != nullptr && PyObject_IsTrue(escaped) == 1 && extra) {
    const Ref text(PyUnicode_FromString("True"));
    PyDict_SetItemString(extra.get(), "exception.escaped", text.get());
  }
  RecordException(span, exception, extra.get(), time, is_unix);
  Py_RETURN_NONE;
}

PyObject* End(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* const kKeywords[] = {"end_time", nullptr};
  PyObject* end_time = nullptr;
  if (PyArg_ParseTupleAndKeywords(args, keywords, "|O", const_cast<char**>(kKeywords), &end_time) == 0) return nullptr;
  const long long end = Given(end_time) ? PyLong_AsLongLong(end_time) : 0;
  if (end == -1 && PyErr_Occurred() != nullptr) return nullptr;
  EndSpan(Self(self), end, Given(end_time));
  Py_RETURN_NONE;
}

PyObject* GetSpanContext(PyObject* self, PyObject*) {
  Span* span = Self(self);
  if (span->context == nullptr) {
    if (opentelemetry.make_span_context == nullptr) Py_RETURN_NONE;
    span->context =
        PyObject_CallFunction(opentelemetry.make_span_context, "y#y#OIO", reinterpret_cast<const char*>(span->trace_id),
                              Py_ssize_t{16}, reinterpret_cast<const char*>(span->span_id), Py_ssize_t{8}, Py_False,
                              span->flags & 0xFF, span->trace_state != nullptr ? span->trace_state : Py_None);
    if (span->context == nullptr) return nullptr;
  }
  Py_INCREF(span->context);
  return span->context;
}

PyObject* Enter(PyObject* self, PyObject*) {
  Py_INCREF(self);
  return self;
}

PyObject* Exit(PyObject* self, PyObject* args) {
  PyObject *type = nullptr, *exception = nullptr, *traceback = nullptr;
  if (PyArg_ParseTuple(args, "OOO", &type, &exception, &traceback) == 0) return nullptr;
  Span* span = Self(self);
  if (Given(exception) && PyExceptionInstance_Check(exception) && IsRecordingSpan(span)) {
    RecordException(span, exception, nullptr, agent::record::MonotonicNanos(), false);
    if (span->status == kStatusUnset) {
      span->status = kStatusError;
      const Ref text(SafeStr(exception));
      Py_XDECREF(
          std::exchange(span->status_message, PyUnicode_FromFormat("%s: %U", Py_TYPE(exception)->tp_name, text.get())));
      if (PyErr_Occurred() != nullptr) PyErr_Clear();
    }
  }
  EndSpan(span, 0, false);
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"set_attribute", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(SetAttribute)),
     METH_VARARGS | METH_KEYWORDS, nullptr},
    {"set_attributes", SetAttributes, METH_O, nullptr},
    {"add_event", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(AddEvent)), METH_VARARGS | METH_KEYWORDS,
     nullptr},
    {"add_link", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(AddLink)), METH_VARARGS | METH_KEYWORDS,
     nullptr},
    {"update_name", UpdateName, METH_O, nullptr},
    {"is_recording", IsRecordingMethod, METH_NOARGS, nullptr},
    {"set_status", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(SetStatus)), METH_VARARGS | METH_KEYWORDS,
     nullptr},
    {"record_exception", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(RecordExceptionMethod)),
     METH_VARARGS | METH_KEYWORDS, nullptr},
    {"end", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(End)), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"get_span_context", GetSpanContext, METH_NOARGS, nullptr},
    {"__enter__", Enter, METH_NOARGS, nullptr},
    {"__exit__", Exit, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyObject* GetName(PyObject* self, void*) { return NameOf(Self(self)); }
PyObject* GetAttributes(PyObject* self, void*) { return AttributesOf(Self(self)); }
PyObject* GetContext(PyObject* self, void*) { return GetSpanContext(self, nullptr); }

PyObject* GetKind(PyObject* self, void*) {
  if (opentelemetry.span_kind == nullptr) return PyLong_FromLong(Self(self)->kind - 1);
  return PyObject_CallFunction(opentelemetry.span_kind, "i", Self(self)->kind - 1);
}

PyObject* GetStatus(PyObject* self, void*) {
  Span* span = Self(self);
  PyObject* message = span->status_message != nullptr ? span->status_message : Py_None;
  if (opentelemetry.make_status == nullptr) return Py_BuildValue("(iO)", span->status, message);
  return PyObject_CallFunction(opentelemetry.make_status, "iO", span->status, message);
}

PyObject* GetParent(PyObject* self, void*) {
  PyObject* parent = Self(self)->parent;
  if (parent == nullptr) Py_RETURN_NONE;
  if (IsSpan(parent)) return GetSpanContext(parent, nullptr);
  Py_INCREF(parent);
  return parent;
}

// Unix nanoseconds of a time in the record's clock.
PyObject* UnixTime(int64_t time, bool is_unix) {
  if (time == 0) Py_RETURN_NONE;
  const int64_t offset = is_unix ? 0 : agent::record::UnixNanos() - agent::record::MonotonicNanos();
  return PyLong_FromLongLong(time + offset);
}
PyObject* GetStart(PyObject* self, void*) {
  return UnixTime(Self(self)->start, (Self(self)->clocks & agent::record::kStartIsUnix) != 0);
}
PyObject* GetEnd(PyObject* self, void*) {
  return UnixTime(Self(self)->end, (Self(self)->clocks & agent::record::kEndIsUnix) != 0);
}

PyObject* GetEvents(PyObject* self, void*) {
  Span* span = Self(self);
  const Ref list(PyList_New(0));
  const Py_ssize_t size =
      span->events != nullptr && opentelemetry.make_event != nullptr ? PyList_GET_SIZE(span->events) : 0;
  for (Py_ssize_t i = 0; list && i < size; ++i) {
    PyObject* event = PyList_GET_ITEM(span->events, i);
    const Ref time(UnixTime(PyLong_AsLongLong(PyTuple_GET_ITEM(event, 0)), PyTuple_GET_ITEM(event, 1) == Py_True));
    const Ref made(PyObject_CallFunctionObjArgs(opentelemetry.make_event, PyTuple_GET_ITEM(event, 2),
                                                PyTuple_GET_ITEM(event, 3), time.get(), nullptr));
    if (!made || PyList_Append(list.get(), made.get()) != 0) return nullptr;
  }
  return list ? PySequence_Tuple(list.get()) : nullptr;
}

PyObject* GetLinks(PyObject* self, void*) {
  Span* span = Self(self);
  const Ref list(PyList_New(0));
  const Py_ssize_t size =
      span->links != nullptr && opentelemetry.make_link != nullptr ? PyList_GET_SIZE(span->links) : 0;
  for (Py_ssize_t i = 0; list && i < size; ++i) {
    PyObject* link = PyList_GET_ITEM(span->links, i);
    const Ref made(PyObject_CallFunctionObjArgs(opentelemetry.make_link, PyTuple_GET_ITEM(link, 0),
                                                PyTuple_GET_ITEM(link, 1), nullptr));
    if (!made || PyList_Append(list.get(), made.get()) != 0) return nullptr;
  }
  return list ? PySequence_Tuple(list.get()) : nullptr;
}

PyObject* GetResource(PyObject*, void*) {
  PyObject* resource = opentelemetry.resource != nullptr ? opentelemetry.resource : Py_None;
  Py_INCREF(resource);
  return resource;
}

PyObject* GetScope(PyObject* self, void*) {
  const Span* span = Self(self);
  if (opentelemetry.make_scope == nullptr) Py_RETURN_NONE;
  if (span->scope_info != nullptr) return PyObject_Call(opentelemetry.make_scope, span->scope_info, nullptr);
  const std::string_view name = agent::record::kKnownScopes[span->scope];
  return PyObject_CallFunction(
      opentelemetry.make_scope, "s#s#s#", name.data(), static_cast<Py_ssize_t>(name.size()),
      agent::record::kScopeVersion.data(), static_cast<Py_ssize_t>(agent::record::kScopeVersion.size()),
      agent::record::kSchemaUrl.data(), static_cast<Py_ssize_t>(agent::record::kSchemaUrl.size()));
}

// The W3C headers that go out beneath this span.
PyObject* GetTraceparent(PyObject* self, void*) {
  const Span* span = Self(self);
  char text[agent::record::kTraceparentBytes];
  agent::record::FormatTraceparent(span->trace_id, span->span_id, static_cast<uint8_t>(span->flags), text);
  return PyUnicode_FromStringAndSize(text, sizeof text);
}
PyObject* GetTracestate(PyObject* self, void*) {
  PyObject* state = Self(self)->trace_state != nullptr ? Self(self)->trace_state : Py_None;
  Py_INCREF(state);
  return state;
}

PyGetSetDef properties[] = {
    {"name", GetName, nullptr, nullptr, nullptr},
    {"attributes", GetAttributes, nullptr, nullptr, nullptr},
    {"context", GetContext, nullptr, nullptr, nullptr},
    {"kind", GetKind, nullptr, nullptr, nullptr},
    {"status", GetStatus, nullptr, nullptr, nullptr},
    {"parent", GetParent, nullptr, nullptr, nullptr},
    {"start_time", GetStart, nullptr, nullptr, nullptr},
    {"end_time", GetEnd, nullptr, nullptr, nullptr},
    {"events", GetEvents, nullptr, nullptr, nullptr},
    {"links", GetLinks, nullptr, nullptr, nullptr},
    {"resource", GetResource, nullptr, nullptr, nullptr},
    {"instrumentation_scope", GetScope, nullptr, nullptr, nullptr},
    {"traceparent", GetTraceparent, nullptr, nullptr, nullptr},
    {"tracestate", GetTracestate, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyTypeObject MakeType() {
  PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};
  type.tp_name = "clew._native.Span";
  type.tp_basicsize = sizeof(Span);
  type.tp_flags = Py_TPFLAGS_DEFAULT;
  type.tp_dealloc = DeallocateSpan;
  type.tp_methods = methods;
  type.tp_getset = properties;
  return type;
}

}  // namespace

PyTypeObject SpanType = MakeType();

bool InitSpanType(PyObject* module) {
  if (PyType_Ready(&SpanType) != 0) return false;
  Py_INCREF(&SpanType);
  return PyModule_AddObject(module, "Span", reinterpret_cast<PyObject*>(&SpanType)) == 0;
}

// start_span(name, parent, kind, attributes, links, start_time, scope): parent None: what is current; False: none, a
// root; else a Span or a SpanContext. kind is OTLP's number. Returns None while off.
PyObject* ModuleStartSpan(PyObject*, PyObject* args) {
  PyObject *name = nullptr, *parent_object = nullptr, *attributes = nullptr, *links = nullptr, *start = nullptr,
           *scope = nullptr;
  int kind = 0;
  if (PyArg_ParseTuple(args, "OOiOOOO!", &name, &parent_object, &kind, &attributes, &links, &start, &PyTuple_Type,
                       &scope) == 0) {
    return nullptr;
  }
  const Parent parent = parent_object == Py_None    ? CurrentParent()
                        : parent_object == Py_False ? Parent()
                                                    : ParentFrom(parent_object);
  Span* span = StartSpan(parent, static_cast<uint8_t>(kind), agent::record::kScopeLiteral);
  if (span == nullptr) Py_RETURN_NONE;
  Ref owner(reinterpret_cast<PyObject*>(span));
  span->name = SafeStr(name);
  span->name_is_set = true;
  Py_INCREF(scope);
  span->scope_info = scope;
  if (Given(start)) {
    span->start = PyLong_AsLongLong(start);
    if (span->start == -1 && PyErr_Occurred() != nullptr) return nullptr;
    span->clocks |= agent::record::kStartIsUnix;
  }
  if (span->sampled) {
    if (!SetAll(span, attributes)) return nullptr;
    if (Given(links)) {
      const Ref items(PySequence_Tuple(links));
      if (!items) return nullptr;
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
        const Ref context(PyObject_GetAttrString(PyTuple_GET_ITEM(items.get(), i), "context"));
        const Ref link_attributes = Attribute(PyTuple_GET_ITEM(items.get(), i), names.attributes);
        if (!context || !AddOneLink(span, context.get(), link_attributes.get())) return nullptr;
      }
    }
    OpenSpan(span);
  }
  return owner.Release();
}

}  // namespace clew::python
