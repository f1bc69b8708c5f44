// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/agent/record/encoder.h"
#include "clew/agent/record/recorder.h"
#include "clew/agent/record/sampler.h"
#include "python/native/python_api.h"

namespace clew::python {

inline constexpr uint8_t kKindInternal = 1, kKindServer = 2, kKindClient = 3;
inline constexpr uint8_t kStatusUnset = 0, kStatusOk = 1, kStatusError = 2;

// A span: what native hooks record into, and the object that opentelemetry's API hands out. Rows of native hooks are
// kept encoded; what the API sets is kept in dicts and lists, and encoded at the end.
struct Span {
  // clang-format off
  PyObject_HEAD
      // clang-format on
      uint64_t epoch;  // of the process that started it: another one may have it as a parent, and never ends it
  uint8_t trace_id[16];
  uint8_t span_id[8];
  uint8_t parent_span_id[8];
  int64_t start;
  int64_t end;
  uint32_t flags;  // of the span; the remote bits say it of its parent
  uint32_t dropped_attributes;
  uint32_t dropped_events;
  uint32_t dropped_links;
  uint8_t kind;
  uint8_t status;
  uint8_t clocks;
  uint8_t scope;  // KnownScope; kScopeLiteral: scope_info
  bool sampled;   // recorded when it ends
  bool ended;
  bool covers_http;  // client hooks beneath it are silent: it is the span of their request
  bool name_is_set;  // by update_name: the route does not change it any more
  uint16_t row_count;
  uint32_t row_bytes;
  agent::record::OpenSpan open;
  PyObject* name;            // str; of a server span the method, to which the route is added
  PyObject* route;           // str or nullptr
  PyObject* error_type;      // str or nullptr
  PyObject* trace_state;     // str or nullptr
  PyObject* status_message;  // str or nullptr
  PyObject* scope_info;      // tuple (name, version, schema URL) or nullptr
  PyObject* attributes;      // dict or nullptr
  PyObject* events;          // list of tuples (time, is Unix, name, dict or None) or nullptr
  PyObject* links;           // list of tuples (SpanContext or Span, dict or None) or nullptr
  PyObject* parent;          // the parent's SpanContext or Span, or nullptr
  PyObject* context;         // its SpanContext once asked for, or nullptr
  PyObject* base_context;    // opentelemetry's Context beneath, or nullptr
  PyObject* token;           // of the context variable while the span's hook keeps it current
  uint8_t rows[768];         // encoded attributes
};

extern PyTypeObject SpanType;
inline bool IsSpan(PyObject* object) { return Py_TYPE(object) == &SpanType; }

// What a new span follows.
struct Parent {
  bool valid = false;
  bool remote = false;
  uint8_t trace_id[16] = {};
  uint8_t span_id[8] = {};
  uint8_t flags = 0;
  Ref trace_state;  // str or empty
  Ref object;       // SpanContext or Span, or empty
};

// A started span with ids and the sampling decision, nothing else set; nullptr without an error while off. Its start is
// now.
Span* StartSpan(const Parent& parent, uint8_t kind, agent::record::KnownScope scope);
// Puts the span as it is into the table of open spans.
void OpenSpan(Span* span);
// Ends it and writes its record, once, and only in the process that started it. `end` 0: now.
void EndSpan(Span* span, int64_t end, bool end_is_unix);
inline bool IsRecordingSpan(const Span* span) {
  return span->sampled && !span->ended && span->epoch == agent::record::Epoch();
}

// Appends rows to the span's encoded attributes: write(AttributeListEncoder&).
class RowWriter {
 public:
  explicit RowWriter(Span* span)
      : span_(span), encoder_(span->rows + span->row_bytes, sizeof span->rows - span->row_bytes) {}
  ~RowWriter() {
    span_->row_bytes += static_cast<uint32_t>(encoder_.size());
    span_->row_count = static_cast<uint16_t>(span_->row_count + count_);
  }
  RowWriter(const RowWriter&) = delete;
  RowWriter& operator=(const RowWriter&) = delete;

  // Text too long for the rest of the buffer goes to the span's dict.
  void Text(agent::record::KnownKey key, std::string_view value);
  template <typename T>
  void Number(agent::record::KnownKey key, T value) {
    uint8_t* mark = encoder_.mark();
    encoder_.Key(key);
    encoder_.Value(value);
    Done(mark);
  }

 private:
  void Done(uint8_t* mark) {
    if (encoder_.overflowed()) {
      encoder_.Rewind(mark);
      ++span_->dropped_attributes;
    } else {
      ++count_;
    }
  }

  Span* span_;
  agent::record::Encoder encoder_;
  uint32_t count_ = 0;
};

// Adds the event `exception` and sets error_type. Leaves errors as they are.
void RecordException(Span* span, PyObject* exception, PyObject* extra_attributes, int64_t time, bool time_is_unix);
void SetErrorType(Span* span, PyObject* type_name);

// Rows and dict as one new dict; the dict wins.
PyObject* AttributesOf(Span* span);
// "GET /cart", "SELECT", …; new reference.
PyObject* NameOf(Span* span);

bool InitSpanType(PyObject* module);
void DeallocateSpan(PyObject* object);  // SpanType.tp_dealloc

}  // namespace clew::python
