// SPDX-License-Identifier: Apache-2.0
#include "python/native/span.h"

#include <cstring>

#include "clew/agent/record/clocks.h"
#include "clew/agent/record/record_reader.h"
#include "python/native/context.h"
#include "python/native/encode.h"

namespace clew::python {

using agent::record::AttributeListEncoder;
using agent::record::Config;
using agent::record::Encoder;
using agent::record::KnownKey;
using agent::record::KnownScope;
using agent::record::MonotonicNanos;
using agent::record::RecordType;
using agent::record::SpanFixed;
using agent::record::ThreadWriter;

namespace {

// Spans of requests come and go: keep some, so that a request asks the allocator for nothing.
constexpr int kMaxFree = 128;
Span* free_spans[kMaxFree];
int free_count = 0;

Span* NewSpan() {
  Span* span;
  if (free_count > 0) {
    span = free_spans[--free_count];
    PyObject_Init(reinterpret_cast<PyObject*>(span), &SpanType);
  } else {
    span = PyObject_New(Span, &SpanType);
    if (span == nullptr) {
      PyErr_Clear();
      return nullptr;
    }
  }
  constexpr size_t kHead = offsetof(Span, epoch);
  std::memset(reinterpret_cast<char*>(span) + kHead, 0, offsetof(Span, rows) - kHead);
  return span;
}

void ClearSpan(Span* span) {
  for (PyObject** field : {&span->name, &span->route, &span->error_type, &span->trace_state, &span->status_message,
                           &span->scope_info, &span->attributes, &span->events, &span->links, &span->parent,
                           &span->context, &span->base_context, &span->token}) {
    Py_CLEAR(*field);
  }
}

SpanFixed FixedOf(const Span* span) {
  SpanFixed fixed{};
  std::memcpy(fixed.trace_id, span->trace_id, 16);
  std::memcpy(fixed.span_id, span->span_id, 8);
  std::memcpy(fixed.parent_span_id, span->parent_span_id, 8);
  fixed.start = span->start;
  fixed.end = span->end;
  fixed.flags = span->flags;
  fixed.kind = span->kind;
  fixed.status = span->status;
  fixed.clocks = span->clocks;
  return fixed;
}

void EncodeScope(Encoder& encoder, const Span* span) {
  if (span->scope_info == nullptr) return encoder.Scope(static_cast<KnownScope>(span->scope));
  encoder.Put(uint8_t{agent::record::kScopeLiteral});
  for (Py_ssize_t i = 0; i < 3; ++i) EncodeText(encoder, PyTuple_GET_ITEM(span->scope_info, i));
}

// Without making a str of method and route.
void EncodeName(Encoder& encoder, const Span* span) {
  const std::string_view name = TextOf(span->name), route = TextOf(span->route);
  if (route.empty() || span->name_is_set || name.empty()) {
    EncodeText(encoder, span->name);
    return;
  }
  encoder.Put(static_cast<uint32_t>(name.size() + 1 + route.size()));
  encoder.Bytes(name.data(), name.size());
  encoder.Bytes(" ", 1);
  encoder.Bytes(route.data(), route.size());
}

std::string_view RowsOf(const Span* span) { return {reinterpret_cast<const char*>(span->rows), span->row_bytes}; }

// Rows and dict into the list; a key that stands in both comes from the dict.
void EncodeAllAttributes(AttributeListEncoder& list, const Span* span) {
  if (span->attributes == nullptr || PyDict_GET_SIZE(span->attributes) == 0) {
    list.Encoded(RowsOf(span), span->row_count);
    return;
  }
  agent::record::AttributeReader reader({span->row_count, RowsOf(span)});
  agent::record::AttributeView row;
  while (reader.Next(row)) {
    const Ref key(PyUnicode_FromStringAndSize(row.key.data(), static_cast<Py_ssize_t>(row.key.size())));
    if (!key) {
      PyErr_Clear();
      continue;
    }
    if (Lookup(span->attributes, key.get()) != nullptr) continue;
    const agent::record::ValueView& value = row.value;
    switch (value.type) {
      case agent::record::ValueType::kInt: list.Number(row.known, value.int_value); break;
      case agent::record::ValueType::kDouble: list.Number(row.known, value.double_value); break;
      case agent::record::ValueType::kBool: list.Number(row.known, value.bool_value); break;
      default: list.Text(row.known, value.text);
    }
  }
  EncodeAttributes(list, span->attributes);
}

// How many of a list of events or links were written; what does not fit is rewound.
template <typename EncodeOne>
uint16_t EncodeItems(Encoder& encoder, PyObject* list, EncodeOne&& encode_one) {
  uint8_t* count_at = encoder.mark();
  encoder.Put(uint16_t{0});
  uint16_t count = 0;
  const Py_ssize_t size = list != nullptr ? PyList_GET_SIZE(list) : 0;
  for (Py_ssize_t i = 0; i < size && count < UINT16_MAX && !encoder.overflowed(); ++i) {
    uint8_t* mark = encoder.mark();
    encode_one(PyList_GET_ITEM(list, i));
    if (encoder.overflowed() || encoder.room() < 64) {  // keep room for the counts that follow
      encoder.Rewind(mark);
      break;
    }
    ++count;
  }
  if (!encoder.overflowed()) std::memcpy(count_at, &count, sizeof count);
  return count;
}

void EncodeEvent(Encoder& encoder, PyObject* event, const Config& config) {
  encoder.Put(static_cast<int64_t>(PyLong_AsLongLong(PyTuple_GET_ITEM(event, 0))));
  encoder.Put(static_cast<uint8_t>(PyTuple_GET_ITEM(event, 1) == Py_True));
  uint8_t* dropped_at = encoder.mark();
  encoder.Put(uint32_t{0});
  EncodeText(encoder, PyTuple_GET_ITEM(event, 2));
  AttributeListEncoder list(encoder, config.event_attributes, config.attribute_value_bytes);
  EncodeAttributes(list, PyTuple_GET_ITEM(event, 3));
  const uint32_t dropped = list.Finish();
  if (!encoder.overflowed()) std::memcpy(dropped_at, &dropped, sizeof dropped);
}

void EncodeLink(Encoder& encoder, PyObject* link, const Config& config) {
  const Parent target = ParentFrom(PyTuple_GET_ITEM(link, 0));
  encoder.Bytes(target.trace_id, 16);
  encoder.Bytes(target.span_id, 8);
  encoder.Put(target.flags | agent::record::kFlagHasIsRemote | (target.remote ? agent::record::kFlagIsRemote : 0u));
  uint8_t* dropped_at = encoder.mark();
  encoder.Put(uint32_t{0});
  EncodeText(encoder, target.trace_state.get());
  AttributeListEncoder list(encoder, config.link_attributes, config.attribute_value_bytes);
  EncodeAttributes(list, PyTuple_GET_ITEM(link, 1));
  const uint32_t dropped = list.Finish();
  if (!encoder.overflowed()) std::memcpy(dropped_at, &dropped, sizeof dropped);
}

// The whole payload; the flags of its record.
uint16_t EncodeSpan(Encoder& encoder, const Span* span) {
  const Config& config = agent::record::Configuration();
  uint8_t* fixed_at = encoder.mark();
  SpanFixed fixed = FixedOf(span);
  encoder.Put(fixed);
  EncodeScope(encoder, span);
  EncodeName(encoder, span);
  EncodeText(encoder, span->trace_state);
  EncodeText(encoder, span->status_message);
  // What follows the attributes needs a little room even where they would fill the record.
  AttributeListEncoder list(encoder, config.span_attributes, config.attribute_value_bytes);
  EncodeAllAttributes(list, span);
  fixed.dropped_attributes = span->dropped_attributes + list.Finish();
  const Py_ssize_t events = span->events != nullptr ? PyList_GET_SIZE(span->events) : 0;
  const Py_ssize_t links = span->links != nullptr ? PyList_GET_SIZE(span->links) : 0;
  const uint16_t written_events =
      EncodeItems(encoder, span->events, [&](PyObject* event) { EncodeEvent(encoder, event, config); });
  const uint16_t written_links =
      EncodeItems(encoder, span->links, [&](PyObject* link) { EncodeLink(encoder, link, config); });
  fixed.dropped_events = span->dropped_events + static_cast<uint32_t>(events - written_events);
  fixed.dropped_links = span->dropped_links + static_cast<uint32_t>(links - written_links);
  if (!encoder.overflowed()) std::memcpy(fixed_at, &fixed, sizeof fixed);
  const bool complete =
      fixed.dropped_attributes == span->dropped_attributes && events == written_events && links == written_links;
  return complete ? 0 : agent::record::kRecordTruncated;
}

void WriteSpan(Span* span) {
  ThreadWriter* writer = agent::record::ThisThread();
  if (writer == nullptr || !writer->HasRoom()) return;
  Encoder encoder = writer->Begin();
  const uint16_t flags = EncodeSpan(encoder, span);
  if (encoder.overflowed()) return writer->Abandon(encoder);
  if (!writer->Commit(RecordType::kSpan, encoder, flags)) return;
  const agent::record::Worker worker = agent::record::ThisWorker();
  if (worker.slot != nullptr) {
    worker.slot->spans_recorded.store(worker.slot->spans_recorded.load(std::memory_order_relaxed) + 1,
                                      std::memory_order_relaxed);
  }
}

}  // namespace

void RowWriter::Text(KnownKey key, std::string_view value) {
  value = agent::record::CutText(value, agent::record::Configuration().attribute_value_bytes);
  uint8_t* mark = encoder_.mark();
  encoder_.Key(key);
  encoder_.Value(value);
  if (!encoder_.overflowed()) {
    ++count_;
    return;
  }
  encoder_.Rewind(mark);
  if (span_->attributes == nullptr) span_->attributes = PyDict_New();
  const std::string_view name = agent::record::kKnownKeys[key];
  const Ref key_object(PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())));
  const Ref text(PyUnicode_DecodeUTF8(value.data(), static_cast<Py_ssize_t>(value.size()), "replace"));
  if (span_->attributes == nullptr || !key_object || !text ||
      PyDict_SetItem(span_->attributes, key_object.get(), text.get()) != 0) {
    PyErr_Clear();
    ++span_->dropped_attributes;
  }
}

Span* StartSpan(const Parent& parent, uint8_t kind, KnownScope scope) {
  ThreadWriter* writer = agent::record::ThisThread();
  if (writer == nullptr) return nullptr;
  Span* span = NewSpan();
  if (span == nullptr) return nullptr;
  const Config& config = agent::record::Configuration();
  span->epoch = agent::record::Epoch();
  span->kind = kind;
  span->scope = scope;
  span->start = MonotonicNanos();
  writer->ids().SpanId(span->span_id);
  agent::record::SamplingInput input;
  if (parent.valid) {
    std::memcpy(span->trace_id, parent.trace_id, 16);
    std::memcpy(span->parent_span_id, parent.span_id, 8);
    input.has_parent = true;
    input.parent_flags = parent.flags;
    input.trace_state = TextOf(parent.trace_state.get());
    span->trace_state = parent.trace_state.get();
    Py_XINCREF(span->trace_state);
    span->parent = parent.object.get();
    Py_XINCREF(span->parent);
    span->flags = (parent.flags & ~agent::record::kFlagSampled) | agent::record::kFlagHasIsRemote |
                  (parent.remote ? agent::record::kFlagIsRemote : 0u);
  } else {
    writer->ids().TraceId(span->trace_id);
    span->flags = agent::record::kFlagRandom | agent::record::kFlagHasIsRemote;
  }
  input.trace_id = span->trace_id;
  agent::record::SamplingDecision decision;
  agent::record::Sample(config, input, decision);
  if (decision.sampled) span->flags |= agent::record::kFlagSampled;
  if (decision.changes_trace_state) {
    Py_XDECREF(span->trace_state);
    span->trace_state = decision.trace_state_bytes != 0
                            ? PyUnicode_DecodeUTF8(decision.trace_state, decision.trace_state_bytes, "replace")
                            : nullptr;
    if (PyErr_Occurred() != nullptr) PyErr_Clear();
  }
  span->sampled = decision.sampled && (config.signals & agent::record::kSignalTraces) != 0;
  return span;
}

void OpenSpan(Span* span) {
  ThreadWriter* writer = span->sampled ? agent::record::ThisThread() : nullptr;
  if (writer == nullptr) return;
  uint8_t buffer[sizeof(agent::record::OpenSpanSlot::payload)];
  Encoder encoder(buffer, sizeof buffer);
  encoder.Put(FixedOf(span));
  EncodeScope(encoder, span);
  EncodeName(encoder, span);
  encoder.Text({});
  encoder.Text({});
  AttributeListEncoder list(encoder, UINT16_MAX, UINT32_MAX);
  if (encoder.room() > span->row_bytes + 4) list.Encoded(RowsOf(span), span->row_count);
  list.Finish();
  encoder.Put(uint16_t{0});
  encoder.Put(uint16_t{0});
  if (!encoder.overflowed()) span->open = writer->Open(encoder.View());
}

void EndSpan(Span* span, int64_t end, bool end_is_unix) {
  if (span->ended) return;
  span->ended = true;
  span->end = end != 0 ? end : MonotonicNanos();
  if (end_is_unix && end != 0) span->clocks |= agent::record::kEndIsUnix;
  // The process that opened it will end it; here it is only somebody's parent.
  if (!span->sampled || span->epoch != agent::record::Epoch()) return;
  WriteSpan(span);
  ThreadWriter::Close(span->open);
  span->open = {};
}

void SetErrorType(Span* span, PyObject* type_name) {
  Py_XINCREF(type_name);
  Py_XDECREF(std::exchange(span->error_type, type_name));
}

namespace {

// The exception as a log record of its own (OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN): event name `exception`, severity
// ERROR.
void WriteExceptionLog(const Span* span, PyObject* message, PyObject* attributes) {
  const Config& config = agent::record::Configuration();
  ThreadWriter* writer = agent::record::ThisThread();
  if ((config.signals & agent::record::kSignalLogs) == 0 || writer == nullptr || !writer->HasRoom()) return;
  agent::record::LogFixed fixed{};
  fixed.time_unix = agent::record::UnixNanos();
  fixed.observed = MonotonicNanos();
  std::memcpy(fixed.trace_id, span->trace_id, 16);
  std::memcpy(fixed.span_id, span->span_id, 8);
  fixed.flags = span->flags & 0xFF;
  fixed.severity = 17;
  Encoder encoder = writer->Begin();
  encoder.Put(fixed);
  EncodeScope(encoder, span);
  encoder.Text("ERROR");
  encoder.Text("exception");
  encoder.Value(TextOf(message));
  AttributeListEncoder list(encoder, config.log_attributes, config.log_attribute_value_bytes);
  EncodeAttributes(list, attributes);
  list.Finish();
  if (encoder.overflowed()) return writer->Abandon(encoder);
  writer->Commit(RecordType::kLog, encoder, 0);
}

}  // namespace

void RecordException(Span* span, PyObject* exception, PyObject* extra_attributes, int64_t time, bool time_is_unix) {
  const SavedError saved;
  const Ref type(QualifiedName(reinterpret_cast<PyObject*>(Py_TYPE(exception))));
  const Ref message(SafeStr(exception)), stacktrace(FormatTraceback(exception));
  const Ref attributes(PyDict_New());
  if (!type || !attributes) {
    PyErr_Clear();
    return;
  }
  PyDict_SetItemString(attributes.get(), "exception.type", type.get());
  if (message) PyDict_SetItemString(attributes.get(), "exception.message", message.get());
  if (stacktrace) PyDict_SetItemString(attributes.get(), "exception.stacktrace", stacktrace.get());
  if (extra_attributes != nullptr && PyDict_Check(extra_attributes)) {
    PyDict_Update(attributes.get(), extra_attributes);
  }
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  if (!IsRecordingSpan(span)) return;
  const Config& config = agent::record::Configuration();
  constexpr uint32_t kAsLogs = agent::record::kExceptionLogs | agent::record::kExceptionLogsDup;
  if ((config.conventions & kAsLogs) != 0) WriteExceptionLog(span, message.get(), attributes.get());
  if ((config.conventions & kAsLogs) == agent::record::kExceptionLogs) return;
  if (span->events == nullptr) span->events = PyList_New(0);
  if (span->events == nullptr || PyList_GET_SIZE(span->events) >= static_cast<Py_ssize_t>(config.span_events)) {
    PyErr_Clear();
    ++span->dropped_events;
    return;
  }
  const Ref event(Py_BuildValue("(LOsO)", static_cast<long long>(time), time_is_unix ? Py_True : Py_False, "exception",
                                attributes.get()));
  if (!event || PyList_Append(span->events, event.get()) != 0) PyErr_Clear();
}

PyObject* AttributesOf(Span* span) {
  PyObject* all = PyDict_New();
  if (all == nullptr) return nullptr;
  agent::record::AttributeReader reader({span->row_count, RowsOf(span)});
  agent::record::AttributeView row;
  while (reader.Next(row)) {
    const Ref key(PyUnicode_DecodeUTF8(row.key.data(), static_cast<Py_ssize_t>(row.key.size()), "replace"));
    Ref value;
    switch (row.value.type) {
      case agent::record::ValueType::kInt: value = Ref(PyLong_FromLongLong(row.value.int_value)); break;
      case agent::record::ValueType::kDouble: value = Ref(PyFloat_FromDouble(row.value.double_value)); break;
      case agent::record::ValueType::kBool: value = Ref(PyBool_FromLong(row.value.bool_value)); break;
      default:
        value =
            Ref(PyUnicode_DecodeUTF8(row.value.text.data(), static_cast<Py_ssize_t>(row.value.text.size()), "replace"));
    }
    if (!key || !value || PyDict_SetItem(all, key.get(), value.get()) != 0) {
      Py_DECREF(all);
      return nullptr;
    }
  }
  if (span->attributes != nullptr && PyDict_Update(all, span->attributes) != 0) {
    Py_DECREF(all);
    return nullptr;
  }
  return all;
}

PyObject* NameOf(Span* span) {
  if (span->name == nullptr) return PyUnicode_FromString("");
  if (span->route == nullptr || span->name_is_set) {
    Py_INCREF(span->name);
    return span->name;
  }
  return PyUnicode_FromFormat("%U %U", span->name, span->route);
}

// A span that nobody ends any more was never finished: its place in the table is free again.
void DeallocateSpan(PyObject* object) {
  auto* span = reinterpret_cast<Span*>(object);
  if (span->open.slot != nullptr && span->epoch == agent::record::Epoch()) ThreadWriter::Close(span->open);
  ClearSpan(span);
  if (free_count < kMaxFree) {
    free_spans[free_count++] = span;
  } else {
    PyObject_Free(span);
  }
}

}  // namespace clew::python
