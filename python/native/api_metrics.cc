// SPDX-License-Identifier: Apache-2.0
#include "python/native/api_metrics.h"

#include <cstring>

#include "clew/agent/record/clocks.h"
#include "clew/agent/record/metrics.h"
#include "python/native/context.h"
#include "python/native/encode.h"
#include "python/native/hook.h"

namespace clew::python {

using agent::record::AttributeListEncoder;
using agent::record::Encoder;
using agent::record::MetricKind;

namespace {

// Attributes sorted by key, so that their order makes no second series; new reference to a list of items.
Ref SortedItems(PyObject* attributes) {
  if (attributes == Py_None) return {};
  Ref items(PyMapping_Items(attributes));
  if (!items || (PyList_GET_SIZE(items.get()) > 1 && PyList_Sort(items.get()) != 0)) PyErr_Clear();
  return items;
}

}  // namespace

PyObject* RegisterApiInstrument(PyObject*, PyObject* args) {
  int kind = 0, is_int = 0;
  PyObject *scope = nullptr, *name = nullptr, *unit = nullptr, *description = nullptr, *bounds = nullptr;
  if (PyArg_ParseTuple(args, "ipO!UUUO", &kind, &is_int, &PyTuple_Type, &scope, &name, &unit, &description, &bounds) ==
      0) {
    return nullptr;
  }
  const Ref values(PySequence_Tuple(bounds));
  if (!values) return nullptr;
  double numbers[256];
  const Py_ssize_t count = std::min<Py_ssize_t>(PyTuple_GET_SIZE(values.get()), 256);
  for (Py_ssize_t i = 0; i < count; ++i) {
    numbers[i] = PyFloat_AsDouble(PyTuple_GET_ITEM(values.get(), i));
    if (numbers[i] == -1 && PyErr_Occurred() != nullptr) return nullptr;
  }
  agent::record::InstrumentSpec spec;
  spec.kind = static_cast<MetricKind>(kind);
  spec.is_int = is_int != 0;
  spec.scope_name = TextOf(PyTuple_GetItem(scope, 0));
  spec.scope_version = TextOf(PyTuple_GetItem(scope, 1));
  spec.scope_schema_url = TextOf(PyTuple_GetItem(scope, 2));
  if (PyErr_Occurred() != nullptr) return nullptr;
  spec.name = TextOf(name);
  spec.unit = TextOf(unit);
  spec.description = TextOf(description);
  spec.bounds = {numbers, static_cast<size_t>(count)};
  return PyLong_FromLong(agent::record::RegisterInstrument(spec));
}

PyObject* RecordMetric(PyObject*, PyObject* args) {
  int instrument = 0, kind = 0;
  PyObject *value = nullptr, *attributes = nullptr;
  if (PyArg_ParseTuple(args, "iiOO", &instrument, &kind, &value, &attributes) == 0) return nullptr;
  if (!switches.metrics || (agent::record::Configuration().signals & agent::record::kSignalMetrics) == 0) {
    Py_RETURN_NONE;
  }
  const double number = PyFloat_AsDouble(value);
  if (number == -1 && PyErr_Occurred() != nullptr) return nullptr;
  uint8_t buffer[4096];
  Encoder encoder(buffer, sizeof buffer);
  AttributeListEncoder list(encoder, UINT16_MAX, 1024);
  const Ref items = SortedItems(attributes);
  for (Py_ssize_t i = 0; items && i < PyList_GET_SIZE(items.get()); ++i) {
    PyObject* item = PyList_GET_ITEM(items.get(), i);
    if (!PyUnicode_Check(PyTuple_GET_ITEM(item, 0))) continue;
    list.Add([&] {
      encoder.Key(TextOf(PyTuple_GET_ITEM(item, 0)));
      EncodeValue(encoder, PyTuple_GET_ITEM(item, 1), list.value_characters(), 0);
    });
  }
  list.Finish();
  const agent::record::Series* series = agent::record::FindSeries(instrument, encoder.View());
  if (series == nullptr) Py_RETURN_NONE;
  if (static_cast<MetricKind>(kind) == MetricKind::kHistogram) {
    const Ref current = CurrentSpan();
    const auto* span = reinterpret_cast<const Span*>(current.get());
    agent::record::ExemplarSource source;
    if (span != nullptr && span->sampled) source = {span->trace_id, span->span_id};
    agent::record::Observe(*series, number, source);
  } else if (static_cast<MetricKind>(kind) == MetricKind::kGauge) {
    agent::record::Set(*series, number);
  } else {
    agent::record::Add(*series, number);
  }
  Py_RETURN_NONE;
}

PyObject* EmitLog(PyObject*, PyObject* args) {
  PyObject *scope = nullptr, *severity_text = nullptr, *body = nullptr, *attributes = nullptr, *event_name = nullptr,
           *context = nullptr;
  long long time = 0;
  int severity = 0;
  if (PyArg_ParseTuple(args, "O!LiOOOOO", &PyTuple_Type, &scope, &time, &severity, &severity_text, &body, &attributes,
                       &event_name, &context) == 0) {
    return nullptr;
  }
  const agent::record::Config& config = agent::record::Configuration();
  agent::record::ThreadWriter* writer = agent::record::ThisThread();
  if (!switches.logs || (config.signals & agent::record::kSignalLogs) == 0 || writer == nullptr || !writer->HasRoom()) {
    Py_RETURN_NONE;
  }
  agent::record::LogFixed fixed{};
  fixed.time_unix = time;
  fixed.observed = agent::record::MonotonicNanos();
  fixed.severity = static_cast<uint8_t>(severity >= 0 && severity <= 24 ? severity : 0);
  const Parent parent = context == Py_None ? CurrentParent() : ParentFrom(context);
  if (parent.valid) {
    std::memcpy(fixed.trace_id, parent.trace_id, 16);
    std::memcpy(fixed.span_id, parent.span_id, 8);
    fixed.flags = parent.flags;
  }
  writer = agent::record::ThisThread();
  if (writer == nullptr) Py_RETURN_NONE;
  Encoder encoder = writer->Begin();
  uint8_t* fixed_at = encoder.mark();
  encoder.Put(fixed);
  encoder.Scope(TextOf(PyTuple_GetItem(scope, 0)), TextOf(PyTuple_GetItem(scope, 1)),
                TextOf(PyTuple_GetItem(scope, 2)));
  encoder.Text(TextOf(severity_text));
  encoder.Text(TextOf(event_name));
  EncodeValue(encoder, body, UINT32_MAX, 0);
  AttributeListEncoder list(encoder, config.log_attributes, config.log_attribute_value_bytes);
  EncodeAttributes(list, attributes);
  fixed.dropped_attributes = list.Finish();
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  if (encoder.overflowed()) {
    writer->Abandon(encoder);
  } else {
    std::memcpy(fixed_at, &fixed, sizeof fixed);
    writer->Commit(agent::record::RecordType::kLog, encoder, 0);
  }
  Py_RETURN_NONE;
}

}  // namespace clew::python
