// SPDX-License-Identifier: Apache-2.0
// Python's logging: Logger.callHandlers sees each record once, whatever the handlers; Handler.format is where a handler
// takes the text that it writes, whatever the formatter.
#include "python/native/logging_hook.h"

#include <cstring>

#include "clew/agent/record/clocks.h"
#include "python/native/context.h"
#include "python/native/encode.h"
#include "python/native/hook.h"
#include "python/native/log_text.h"

namespace clew::python {

using agent::record::AttributeListEncoder;
using agent::record::Encoder;
using agent::record::LogFixed;
using agent::record::ThreadWriter;

namespace {

PyObject* plain_keys = nullptr;  // frozenset of the names that every LogRecord has
Py_ssize_t plain_count = PY_SSIZE_T_MAX;
PyObject* skipped_names = nullptr;  // frozenset of CLEW_LOG_IDS_SKIP, or nullptr
PyObject* queue_handler = nullptr;  // logging.handlers.QueueHandler once imported
bool records_carry_ids = false;     // some handler passes records on: look for ids that they carry

constexpr size_t kIdsLength = 32 + 1 + 16;

uint8_t SeverityOf(PyObject* level) {
  const long number = level != nullptr && PyLong_Check(level) ? PyLong_AsLong(level) : 0;
  if (number == -1 && PyErr_Occurred() != nullptr) PyErr_Clear();
  if (number <= 0) return 0;
  if (number < 10) return 1;
  if (number >= 50) return static_cast<uint8_t>(21 + std::min(number - 50, 3L));
  // Each of Python's tens is one of OpenTelemetry's ranges of four.
  return static_cast<uint8_t>(number / 10 * 4 + 1 + std::min(number % 10, 3L));
}

// The record's attributes; new reference.
Ref RecordDict(PyObject* record) {
  Ref dict(PyObject_GenericGetDict(record, nullptr));
  if (!dict || !PyDict_Check(dict.get())) {
    PyErr_Clear();
    return {};
  }
  return dict;
}

// What the record says: its text, or where no arguments are to be filled in, the object itself.
Ref BodyOf(PyObject* record, PyObject* dict) {
  PyObject* message = Lookup(dict, names.msg);
  PyObject* args = Lookup(dict, names.args);
  if (message != nullptr && (args == nullptr || PyObject_IsTrue(args) == 0)) return Ref::Borrowed(message);
  Ref text(PyObject_CallMethodNoArgs(record, names.getMessage));
  if (!text) {
    // The handlers will report the mistake; the template says what was meant.
    PyErr_Clear();
    return message != nullptr ? Ref(SafeStr(message)) : Ref();
  }
  return text;
}

// What is taken from a record before it is encoded: all that may run Python code, which may log in its turn.
struct Parts {
  Ref dict;
  Ref body;  // str, or a plain object
  Ref level_name;
  Ref extras;
  Ref exception;
  Ref exception_type;
  Ref exception_message;
  Ref stacktrace;
  CurrentIds ids;
};

void EncodeException(AttributeListEncoder& list, const Parts& parts) {
  list.Text(agent::record::kExceptionType, TextOf(parts.exception_type.get()));
  list.Text(agent::record::kExceptionMessage, TextOf(parts.exception_message.get()));
  if (parts.stacktrace) list.Text(agent::record::kExceptionStacktrace, TextOf(parts.stacktrace.get()));
}

// Whether all of it went in.
bool EncodeBody(Encoder& encoder, PyObject* body) {
  if (body == nullptr || encoder.overflowed()) {
    encoder.EmptyValue();
    return true;
  }
  uint8_t* mark = encoder.mark();
  if (!PyUnicode_Check(body)) {
    EncodeValue(encoder, body, UINT32_MAX, 0);
    if (!encoder.overflowed()) return true;
    encoder.Rewind(mark);
    encoder.EmptyValue();
    return false;
  }
  encoder.Put(agent::record::ValueType::kString);
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(body, &size);
  if (text != nullptr) {
    // A very long line is cut so that its attributes stay.
    return encoder.CutText({text, static_cast<size_t>(size)}, 4096);
  }
  PyErr_Clear();
  EncodeText(encoder, body);
  return true;
}

// The flags of the record.
uint16_t EncodeRecord(Encoder& encoder, const Parts& parts) {
  const agent::record::Config& config = agent::record::Configuration();
  PyObject* dict = parts.dict.get();
  LogFixed fixed{};
  PyObject* created = Lookup(dict, names.created);
  if (created != nullptr && PyFloat_Check(created)) {
    fixed.time_unix = static_cast<int64_t>(PyFloat_AS_DOUBLE(created) * 1e9);
  }
  fixed.observed = agent::record::MonotonicNanos();
  if (parts.ids.valid) {
    std::memcpy(fixed.trace_id, parts.ids.trace_id, 16);
    std::memcpy(fixed.span_id, parts.ids.span_id, 8);
    fixed.flags = parts.ids.flags;
  }
  fixed.severity = SeverityOf(Lookup(dict, names.levelno));
  uint8_t* fixed_at = encoder.mark();
  encoder.Put(fixed);
  encoder.Scope(TextOf(Lookup(dict, names.name)), {}, {});
  encoder.Text(TextOf(parts.level_name.get()));
  encoder.Text({});
  const bool whole = EncodeBody(encoder, parts.body.get());
  AttributeListEncoder list(encoder, config.log_attributes, config.log_attribute_value_bytes);
  const std::string_view path = TextOf(Lookup(dict, names.pathname));
  if (!path.empty()) list.Text(agent::record::kCodeFilePath, path);
  PyObject* line = Lookup(dict, names.lineno);
  if (line != nullptr && PyLong_Check(line)) list.Number(agent::record::kCodeLineNumber, int64_t{PyLong_AsLong(line)});
  const std::string_view function = TextOf(Lookup(dict, names.funcName));
  if (!function.empty()) list.Text(agent::record::kCodeFunctionName, function);
  if (parts.exception) EncodeException(list, parts);
  if (parts.extras) EncodeAttributes(list, parts.extras.get());
  fixed.dropped_attributes = list.Finish();
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  if (!encoder.overflowed()) std::memcpy(fixed_at, &fixed, sizeof fixed);
  return whole && fixed.dropped_attributes == 0 ? 0 : agent::record::kRecordTruncated;
}

// What `extra=` added, as plain values; empty where there is nothing.
Ref PlainExtras(PyObject* dict) {
  if (plain_keys == nullptr || PyDict_GET_SIZE(dict) <= plain_count) return {};
  Ref extras(PyDict_New());
  const Ref copy(PyDict_Copy(dict));
  if (!extras || !copy) {
    PyErr_Clear();
    return {};
  }
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(copy.get(), &at, &key, &value) != 0;) {
    if (!PyUnicode_Check(key) || PySet_Contains(plain_keys, key) != 0 || TextOf(key).starts_with("_")) continue;
    Ref plain(value == Py_None ? Ref::Borrowed(value).Release() : CleanValue(value));
    if (!plain) plain = Ref(SafeStr(value));
    if (plain) PyDict_SetItem(extras.get(), key, plain.get());
  }
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  return extras;
}

// Empty dict where the record is not to be exported.
Parts Collect(PyObject* record) {
  Parts parts;
  ThreadWriter* writer = agent::record::ThisThread();
  if (writer == nullptr || !writer->HasRoom()) return parts;
  Ref dict = RecordDict(record);
  if (!dict) return parts;
  parts.body = BodyOf(record, dict.get());
  if (parts.body && !PyUnicode_Check(parts.body.get())) {
    Ref plain(CleanValue(parts.body.get()));
    parts.body = plain ? std::move(plain) : Ref(SafeStr(parts.body.get()));
  }
  parts.level_name = Ref::Borrowed(Lookup(dict.get(), names.levelname));
  parts.extras = PlainExtras(dict.get());
  PyObject* info = Lookup(dict.get(), names.exc_info);
  if (info != nullptr && PyTuple_Check(info) && PyTuple_GET_SIZE(info) == 3 &&
      PyExceptionInstance_Check(PyTuple_GET_ITEM(info, 1))) {
    parts.exception = Ref::Borrowed(PyTuple_GET_ITEM(info, 1));
    parts.exception_type = Ref(QualifiedName(reinterpret_cast<PyObject*>(Py_TYPE(parts.exception.get()))));
    parts.exception_message = Ref(SafeStr(parts.exception.get()));
  }
  parts.ids = IdsOfCurrent();
  parts.dict = std::move(dict);
  return parts;
}

void Write(const Parts& parts) {
  ThreadWriter* writer = agent::record::ThisThread();
  if (writer == nullptr) return;
  Encoder encoder = writer->Begin();
  const uint16_t flags = EncodeRecord(encoder, parts);
  if (encoder.overflowed()) return writer->Abandon(encoder);
  if (!writer->Commit(agent::record::RecordType::kLog, encoder, flags)) return;
  const agent::record::Worker worker = agent::record::ThisWorker();
  if (worker.slot != nullptr) {
    worker.slot->logs_recorded.store(worker.slot->logs_recorded.load(std::memory_order_relaxed) + 1,
                                     std::memory_order_relaxed);
  }
}

bool LogsOn() { return switches.logs && (agent::record::Configuration().signals & agent::record::kSignalLogs) != 0; }

void WriteHex(const uint8_t* bytes, size_t size, char* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (size_t i = 0; i < size; ++i) {
    out[2 * i] = kDigits[bytes[i] >> 4];
    out[2 * i + 1] = kDigits[bytes[i] & 15];
  }
}

// "<trace id> <span id>" of what runs now; false where nothing does.
bool IdsText(char* out) {
  const CurrentIds ids = IdsOfCurrent();
  if (!ids.valid) return false;
  WriteHex(ids.trace_id, 16, out);
  out[32] = ' ';
  WriteHex(ids.span_id, 8, out + 33);
  return true;
}

bool IsSkipped(PyObject* handler) {
  if (skipped_names == nullptr) return false;
  const Ref name = Attribute(handler, names.name);
  const Ref type_name = Attribute(reinterpret_cast<PyObject*>(Py_TYPE(handler)), names.__name__);
  bool skipped = false;
  for (PyObject* candidate : {name.get(), type_name.get()}) {
    skipped |= candidate != nullptr && PyUnicode_Check(candidate) && PySet_Contains(skipped_names, candidate) == 1;
  }
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  return skipped;
}

// The ids for this record: those that it carries from where it was logged, else of what runs now.
bool IdsForRecord(PyObject* record, char* out) {
  if (records_carry_ids) {
    const Ref dict = RecordDict(record);
    PyObject* carried = dict ? Lookup(dict.get(), names.clew_ids) : nullptr;
    if (carried != nullptr) {
      const std::string_view text = TextOf(carried);
      if (text.size() != kIdsLength) return false;
      std::memcpy(out, text.data(), kIdsLength);
      return true;
    }
  }
  return IdsText(out);
}

IdPlace PlaceIn(PyObject* text, const char* trace_id) {
  const auto size = static_cast<size_t>(PyUnicode_GET_LENGTH(text));
  switch (PyUnicode_KIND(text)) {
    case PyUnicode_1BYTE_KIND: return FindIdPlace(PyUnicode_1BYTE_DATA(text), size, trace_id);
    case PyUnicode_2BYTE_KIND: return FindIdPlace(PyUnicode_2BYTE_DATA(text), size, trace_id);
    default: return FindIdPlace(PyUnicode_4BYTE_DATA(text), size, trace_id);
  }
}

// The characters that go in; how many.
size_t Insertion(const IdPlace& place, const char* ids, char* out) {
  char* at = out;
  const auto put = [&at](std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  const std::string_view trace_id(ids, 32), span_id(ids + 33, 16);
  if (place.form == IdPlace::kText) {
    put(" trace_id=");
    put(trace_id);
    put(" span_id=");
    put(span_id);
    return static_cast<size_t>(at - out);
  }
  bool first = place.first;
  const auto member = [&](std::string_view key, std::string_view value) {
    put(first ? "\"" : ", \"");
    first = false;
    put(key);
    put("\": \"");
    put(value);
    put("\"");
  };
  if (place.with_trace_id) member("trace_id", trace_id);
  if (place.with_span_id) member("span_id", span_id);
  return static_cast<size_t>(at - out);
}

// `text` with the ids in it; new reference, or nullptr with an error set.
PyObject* WithIds(PyObject* text, const IdPlace& place, const char* ids) {
  char insertion[160];
  const size_t count = Insertion(place, ids, insertion);
  const auto at = static_cast<Py_ssize_t>(place.at);
  const auto extra = static_cast<Py_ssize_t>(count);
  const Py_ssize_t size = PyUnicode_GET_LENGTH(text);
  PyObject* result = PyUnicode_New(size + extra, PyUnicode_MAX_CHAR_VALUE(text));
  if (result == nullptr) return nullptr;
  const Ref inserted(PyUnicode_FromStringAndSize(insertion, extra));
  if (!inserted || PyUnicode_CopyCharacters(result, 0, text, 0, at) < 0 ||
      PyUnicode_CopyCharacters(result, at, inserted.get(), 0, extra) < 0 ||
      PyUnicode_CopyCharacters(result, at + extra, text, at, size - at) < 0) {
    Py_DECREF(result);
    return nullptr;
  }
  return result;
}

}  // namespace

PyObject* LoggerCallHandlers(PyObject* hook, PyObject* const* args, size_t argument_count, PyObject* keywords) {
  if (!LogsOn() || PyVectorcall_NARGS(argument_count) != 2 || keywords != nullptr) {
    return CallOriginal(hook, args, argument_count, keywords);
  }
  const Ref record = Ref::Borrowed(args[1]);
  Parts parts = Collect(record.get());
  if (!parts.dict) return CallOriginal(hook, args, argument_count, keywords);
  if (!parts.exception) {
    Write(parts);
    return CallOriginal(hook, args, argument_count, keywords);
  }
  // Formatters keep the traceback that they make: let them, and take theirs.
  PyObject* result = CallOriginal(hook, args, argument_count, keywords);
  const SavedError saved;
  PyObject* formatted = Lookup(parts.dict.get(), names.exc_text);
  parts.stacktrace = formatted != nullptr && PyUnicode_Check(formatted) ? Ref::Borrowed(formatted)
                                                                        : Ref(FormatTraceback(parts.exception.get()));
  Write(parts);
  return result;
}

PyObject* HandlerFormat(PyObject* hook, PyObject* const* args, size_t argument_count, PyObject* keywords) {
  const Ref arguments_alive[2] = {Ref::Borrowed(PyVectorcall_NARGS(argument_count) > 0 ? args[0] : nullptr),
                                  Ref::Borrowed(PyVectorcall_NARGS(argument_count) > 1 ? args[1] : nullptr)};
  PyObject* text = CallOriginal(hook, args, argument_count, keywords);
  char ids[kIdsLength];
  if (text == nullptr || !switches.log_ids || !PyUnicode_CheckExact(text) || !arguments_alive[1] ||
      // What a queue passes on is written by another handler, which adds them.
      (queue_handler != nullptr && PyObject_IsInstance(arguments_alive[0].get(), queue_handler) == 1) ||
      !IdsForRecord(arguments_alive[1].get(), ids) || IsSkipped(arguments_alive[0].get())) {
    return text;
  }
  const IdPlace place = PlaceIn(text, ids);
  if (place.form == IdPlace::kNone) return text;
  PyObject* result = WithIds(text, place, ids);
  if (result == nullptr) {
    PyErr_Clear();
    return text;
  }
  Py_DECREF(text);
  return result;
}

// emit() of handlers that pass records on: the record takes the ids of where it was logged with it.
PyObject* QueueEmit(PyObject* hook, PyObject* const* args, size_t argument_count, PyObject* keywords) {
  if (switches.log_ids && PyVectorcall_NARGS(argument_count) == 2) {
    const Ref dict = RecordDict(args[1]);
    if (dict && Lookup(dict.get(), names.clew_ids) == nullptr) {
      char ids[kIdsLength];
      const Ref text(PyUnicode_FromStringAndSize(ids, IdsText(ids) ? Py_ssize_t{kIdsLength} : 0));
      if (!text || PyDict_SetItem(dict.get(), names.clew_ids, text.get()) != 0) PyErr_Clear();
    }
  }
  return CallOriginal(hook, args, argument_count, keywords);
}

PyObject* SetUpLogging(PyObject*, PyObject* args) {
  PyObject *keys = nullptr, *skipped = nullptr;
  if (PyArg_ParseTuple(args, "O!O!", &PyFrozenSet_Type, &keys, &PyFrozenSet_Type, &skipped) == 0) return nullptr;
  Py_INCREF(keys);
  plain_keys = keys;
  // A record before formatting: `message` and `asctime` are not there yet.
  plain_count = PySet_GET_SIZE(keys) - 2;
  if (PySet_GET_SIZE(skipped) != 0) {
    Py_INCREF(skipped);
    skipped_names = skipped;
  }
  Py_RETURN_NONE;
}

PyObject* SetUpQueues(PyObject*, PyObject* queue_handler_class) {
  Py_INCREF(queue_handler_class);
  queue_handler = queue_handler_class;
  records_carry_ids = true;
  Py_RETURN_NONE;
}

}  // namespace clew::python
