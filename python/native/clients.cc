// SPDX-License-Identifier: Apache-2.0
// Spans of outgoing HTTP requests and of database calls. The hooks themselves are a few lines of Python (clew._hooks);
// what they call is here.
#include "python/native/clients.h"

#include <cstring>

#include "clew/agent/record/clocks.h"
#include "clew/agent/record/record_reader.h"
#include "python/native/context.h"
#include "python/native/encode.h"
#include "python/native/hook.h"
#include "python/native/http_metrics.h"
#include "python/native/statement.h"

namespace clew::python {

using agent::record::AttributeReader;
using agent::record::AttributeView;
using agent::record::KnownKey;
using agent::record::KnownScope;

namespace {

struct UrlParts {
  std::string_view host;
  int64_t port = 0;
};

UrlParts PartsOf(std::string_view url) {
  UrlParts parts;
  const size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return parts;
  const std::string_view scheme = url.substr(0, scheme_end);
  std::string_view authority = url.substr(scheme_end + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  const size_t user_end = authority.rfind('@');
  if (user_end != std::string_view::npos) authority.remove_prefix(user_end + 1);
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    for (const char digit : authority.substr(colon + 1)) {
      if (digit < '0' || digit > '9' || parts.port > 65535) break;
      parts.port = parts.port * 10 + (digit - '0');
    }
    authority = authority.substr(0, colon);
  }
  if (parts.port == 0) parts.port = scheme == "https" ? 443 : scheme == "http" ? 80 : 0;
  if (authority.size() > 1 && authority.front() == '[' && authority.back() == ']') {
    authority = authority.substr(1, authority.size() - 2);
  }
  parts.host = authority;
  return parts;
}

// A row that a span holds, by key.
AttributeView FindRow(const Span* span, KnownKey key) {
  AttributeReader rows({span->row_count, {reinterpret_cast<const char*>(span->rows), span->row_bytes}});
  AttributeView row;
  while (rows.Next(row)) {
    if (row.known == key) return row;
  }
  return {};
}

// The parts that start and end share: who began it, and what went wrong.
Span* BeginSpan(uint8_t scope, Ref& owner) {
  const Parent parent = CurrentParent();
  Span* span = StartSpan(parent, kKindClient, static_cast<KnownScope>(scope));
  if (span == nullptr) return nullptr;
  owner = Ref(reinterpret_cast<PyObject*>(span));
  if (!switches.spans) span->sampled = false;
  return span;
}

void NoteError(Span* span, PyObject* error) {
  if (error == Py_None || !PyExceptionInstance_Check(error)) return;
  const Ref type(QualifiedName(reinterpret_cast<PyObject*>(Py_TYPE(error))));
  SetErrorType(span, type.get());
  span->status = kStatusError;
  RecordException(span, error, nullptr, agent::record::MonotonicNanos(), false);
}

bool IsOurs(PyObject* object) {
  if (IsSpan(object)) return true;
  PyErr_SetString(PyExc_TypeError, "expected a span that the matching start function returned");
  return false;
}

}  // namespace

PyObject* ClientStart(PyObject*, PyObject* args) {
  int scope = 0;
  PyObject *method_object = nullptr, *url_object = nullptr;
  if (PyArg_ParseTuple(args, "iOO", &scope, &method_object, &url_object) == 0) return nullptr;
  const bool on = scope == agent::record::kScopeRequests ? switches.requests : switches.urllib3;
  if (!on || HttpIsCovered()) Py_RETURN_NONE;
  Ref owner;
  Span* span = BeginSpan(static_cast<uint8_t>(scope), owner);
  if (span == nullptr) Py_RETURN_NONE;
  span->covers_http = true;
  const Ref method_text(SafeStr(method_object)), url_text(SafeStr(url_object));
  char upper[16] = {};
  std::string_view raw = TextOf(method_text.get());
  if (raw.size() <= sizeof upper) {
    // Clients send the method in upper case whatever the caller wrote.
    for (size_t i = 0; i < raw.size(); ++i) {
      upper[i] = raw[i] >= 'a' && raw[i] <= 'z' ? static_cast<char>(raw[i] - 'a' + 'A') : raw[i];
    }
    raw = {upper, raw.size()};
  }
  const std::string_view method = KnownMethod(raw);
  const std::string_view shown = method == "_OTHER" ? std::string_view("HTTP") : method;
  span->name = PyUnicode_FromStringAndSize(shown.data(), static_cast<Py_ssize_t>(shown.size()));
  const std::string_view url = TextOf(url_text.get());
  const UrlParts parts = PartsOf(url);
  {
    // Written for spans that are not sampled as well: the metric reads them back.
    RowWriter rows(span);
    rows.Text(agent::record::kHttpRequestMethod, method);
    if (method == "_OTHER") rows.Text(agent::record::kHttpRequestMethodOriginal, raw);
    if (!parts.host.empty()) rows.Text(agent::record::kServerAddress, parts.host);
    if (parts.port != 0) rows.Number(agent::record::kServerPort, parts.port);
    rows.Text(agent::record::kUrlFull, url);
    if ((agent::record::Configuration().conventions & agent::record::kHttpDup) != 0) {
      rows.Text(agent::record::kHttpMethod, raw);
      rows.Text(agent::record::kHttpUrl, url);
    }
  }
  OpenSpan(span);
  if (!ActivateSpan(span)) return nullptr;
  return owner.Release();
}

PyObject* ClientEnd(PyObject*, PyObject* args) {
  PyObject *object = nullptr, *error = nullptr;
  int status = 0;
  if (PyArg_ParseTuple(args, "OiO", &object, &status, &error) == 0 || !IsOurs(object)) return nullptr;
  auto* span = reinterpret_cast<Span*>(object);
  DeactivateSpan(span);
  if (span->ended || span->epoch != agent::record::Epoch()) Py_RETURN_NONE;
  const int64_t end = agent::record::MonotonicNanos();
  NoteError(span, error);
  char text[4] = {static_cast<char>('0' + status / 100 % 10), static_cast<char>('0' + status / 10 % 10),
                  static_cast<char>('0' + status % 10), '\0'};
  std::string_view error_type = TextOf(span->error_type);
  if (error_type.empty() && status >= 400) {
    error_type = {text, 3};
    if (span->status == kStatusUnset) span->status = kStatusError;
  }
  ClientRequest labels;
  labels.method = FindRow(span, agent::record::kHttpRequestMethod).value.text;
  labels.address = FindRow(span, agent::record::kServerAddress).value.text;
  labels.port = FindRow(span, agent::record::kServerPort).value.int_value;
  labels.error_type = error_type;
  labels.status = status;
  ObserveClient(span, labels, end - span->start);
  if (span->sampled) {
    RowWriter rows(span);
    if (status != 0) rows.Number(agent::record::kHttpResponseStatusCode, int64_t{status});
    if (!error_type.empty()) rows.Text(agent::record::kErrorType, error_type);
    if (status != 0 && (agent::record::Configuration().conventions & agent::record::kHttpDup) != 0) {
      rows.Number(agent::record::kHttpStatusCode, int64_t{status});
    }
  }
  EndSpan(span, end, false);
  Py_RETURN_NONE;
}

PyObject* DatabaseStart(PyObject*, PyObject* args) {
  PyObject *system_object = nullptr, *database_object = nullptr, *statement_object = nullptr;
  if (PyArg_ParseTuple(args, "UOO", &system_object, &database_object, &statement_object) == 0) return nullptr;
  if (!switches.sqlite3) Py_RETURN_NONE;
  Ref owner;
  Span* span = BeginSpan(agent::record::kScopeSqlite3, owner);
  if (span == nullptr) Py_RETURN_NONE;
  const std::string_view system = TextOf(system_object), statement = TextOf(statement_object);
  const std::string_view database = TextOf(database_object);
  const StatementSummary summary = Summarize(statement);
  char operation[32];
  for (size_t i = 0; i < summary.operation.size(); ++i) {
    const char c = summary.operation[i];
    operation[i] = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  const std::string_view upper(operation, summary.operation.size());
  // "SELECT orders": operation and target, as the conventions name spans of databases.
  char name[32 + 1 + 64];
  std::memcpy(name, upper.data(), upper.size());
  size_t size = upper.size();
  if (!summary.collection.empty() && size != 0) {
    name[size++] = ' ';
    std::memcpy(name + size, summary.collection.data(), summary.collection.size());
    size += summary.collection.size();
  }
  span->name = size != 0 ? PyUnicode_DecodeUTF8(name, static_cast<Py_ssize_t>(size), "replace")
                         : Ref::Borrowed(system_object).Release();
  const bool dup = (agent::record::Configuration().conventions & agent::record::kDatabaseDup) != 0;
  {
    RowWriter rows(span);
    rows.Text(agent::record::kDbSystemName, system);
    if (!database.empty()) rows.Text(agent::record::kDbNamespace, database);
    if (!upper.empty()) rows.Text(agent::record::kDbOperationName, upper);
    if (!summary.collection.empty()) rows.Text(agent::record::kDbCollectionName, summary.collection);
    if (span->sampled && !statement.empty()) rows.Text(agent::record::kDbQueryText, statement);
    if (dup) {
      rows.Text(agent::record::kDbSystem, system);
      if (!database.empty()) rows.Text(agent::record::kDbName, database);
      if (span->sampled && !statement.empty()) rows.Text(agent::record::kDbStatement, statement);
    }
  }
  OpenSpan(span);
  if (!ActivateSpan(span)) return nullptr;
  return owner.Release();
}

PyObject* DatabaseEnd(PyObject*, PyObject* args) {
  PyObject *object = nullptr, *error = nullptr;
  if (PyArg_ParseTuple(args, "OO", &object, &error) == 0 || !IsOurs(object)) return nullptr;
  auto* span = reinterpret_cast<Span*>(object);
  DeactivateSpan(span);
  if (span->ended || span->epoch != agent::record::Epoch()) Py_RETURN_NONE;
  const int64_t end = agent::record::MonotonicNanos();
  NoteError(span, error);
  DatabaseCall labels;
  labels.system = FindRow(span, agent::record::kDbSystemName).value.text;
  labels.database = FindRow(span, agent::record::kDbNamespace).value.text;
  labels.operation = FindRow(span, agent::record::kDbOperationName).value.text;
  labels.collection = FindRow(span, agent::record::kDbCollectionName).value.text;
  labels.error_type = TextOf(span->error_type);
  ObserveDatabase(span, labels, end - span->start);
  if (span->sampled && span->error_type != nullptr) {
    RowWriter rows(span);
    rows.Text(agent::record::kErrorType, TextOf(span->error_type));
  }
  EndSpan(span, end, false);
  Py_RETURN_NONE;
}

}  // namespace clew::python
