// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python/native/span.h"

// One context variable holds what runs now: a Span of a native hook, or one of opentelemetry's Context objects. So the
// API and native hooks see the same current span, and a service without the API pays for one variable only.
namespace clew::python {

// What opentelemetry's API needs of us, set by clew._otel once it is imported.
struct OpenTelemetry {
  PyObject* span_key = nullptr;      // key of the current span within a Context
  PyObject* context_type = nullptr;  // opentelemetry.context.Context
  PyObject* make_span_context =
      nullptr;                      // (trace id bytes, span id bytes, is remote, flags, tracestate) -> SpanContext
  PyObject* span_kind = nullptr;    // int -> SpanKind
  PyObject* make_status = nullptr;  // (int, description) -> Status
  PyObject* make_event = nullptr;   // (name, attributes, time) -> Event
  PyObject* make_link = nullptr;    // (context, attributes) -> Link
  PyObject* make_scope = nullptr;   // (name, version, schema URL) -> InstrumentationScope
  PyObject* resource = nullptr;
  PyObject* suppress_keys = nullptr;  // tuple of keys that ask HTTP client instrumentations to be silent
};
extern OpenTelemetry opentelemetry;

bool InitContext();

// The value of the variable; empty where nothing runs.
Ref CurrentValue();
// The native span that is current, directly or within a Context; empty otherwise.
Ref CurrentSpan();
// Whether HTTP client hooks are to be silent: within another client's span, or as a Context asks.
bool HttpIsCovered();
// Makes `value` current; the token that ends it, or empty with an error set.
Ref Activate(PyObject* value);
// Ends it. A token of another context is ignored, as when a body is closed in another thread.
void Deactivate(PyObject* token);

// Makes a native span current above whatever is, until DeactivateSpan(). False with an error set.
bool ActivateSpan(Span* span);
void DeactivateSpan(Span* span);

// Whatever is current, as a parent: a native span, or the SpanContext of a foreign one.
Parent CurrentParent();
// The same of a Span, a SpanContext or an object with get_span_context().
Parent ParentFrom(PyObject* object);

// The ids that log lines carry: of the current span, sampled or not.
struct CurrentIds {
  bool valid = false;
  uint8_t trace_id[16];
  uint8_t span_id[8];
  uint8_t flags = 0;
};
CurrentIds IdsOfCurrent();

// Functions of the module: attach, detach and get_current of the runtime context.
PyObject* ContextAttach(PyObject*, PyObject* context);
PyObject* ContextDetach(PyObject*, PyObject* token);
PyObject* ContextGetCurrent(PyObject*, PyObject*);
// current_span() -> Span or None
PyObject* ModuleCurrentSpan(PyObject*, PyObject*);
// set_opentelemetry(name=object, …)
PyObject* SetOpenTelemetry(PyObject*, PyObject* args, PyObject* keywords);

}  // namespace clew::python
