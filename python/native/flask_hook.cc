// SPDX-License-Identifier: Apache-2.0
// Flask's requests, whatever WSGI server calls: Flask.wsgi_app is the request, MapAdapter.match tells the route,
// Flask.handle_exception what went wrong. One object a request is start_response and body at once.
#include <cstddef>
#include <cstring>

#include "clew/agent/record/clocks.h"
#include "python/native/context.h"
#include "python/native/encode.h"
#include "python/native/hook.h"
#include "python/native/http_metrics.h"

namespace clew::python {

using agent::record::KnownKey;

namespace {

struct Request {
  // clang-format off
  PyObject_HEAD
      // clang-format on
      vectorcallfunc call;  // start_response
  Span* span;               // owned
  PyObject* start_response;
  PyObject* body;      // what the application returned
  PyObject* iterator;  // of the body, once asked for
  PyObject* scheme;    // str or nullptr
  std::string_view method;
  std::string_view protocol;
  int status;
  bool finished;
};

extern PyTypeObject RequestType;

constexpr int kMaxFree = 64;
Request* free_requests[kMaxFree];
int free_count = 0;

Request* Self(PyObject* object) { return reinterpret_cast<Request*>(object); }

std::string_view ProtocolVersion(PyObject* protocol) {
  const std::string_view text = WsgiBytes(protocol);
  if (text == "HTTP/1.1") return "1.1";
  if (text == "HTTP/1.0") return "1.0";
  if (text == "HTTP/2" || text == "HTTP/2.0") return "2";
  if (text == "HTTP/3" || text == "HTTP/3.0") return "3";
  return {};
}

int64_t ParsePort(std::string_view text) {
  int64_t port = 0;
  if (text.empty() || text.size() > 5) return 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return 0;
    port = port * 10 + (digit - '0');
  }
  return port;
}

// The host and port of a Host header; [::1]:8080 as well.
std::string_view SplitHost(std::string_view host, int64_t& port) {
  const size_t bracket = host.rfind(']');
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    port = ParsePort(host.substr(colon + 1));
    host = host.substr(0, colon);
  }
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return host;
}

void WritePath(RowWriter& rows, PyObject* environ) {
  std::string_view raw = WsgiBytes(Lookup(environ, names.RAW_URI));
  if (!raw.empty() && raw.front() == '/') {
    rows.Text(agent::record::kUrlPath, raw.substr(0, raw.find('?')));
    return;
  }
  const std::string_view script = WsgiBytes(Lookup(environ, names.SCRIPT_NAME));
  const std::string_view path = WsgiBytes(Lookup(environ, names.PATH_INFO));
  char joined[512];
  if (script.empty() || script.size() + path.size() > sizeof joined) {
    rows.Text(agent::record::kUrlPath, path.empty() ? std::string_view("/") : path);
    return;
  }
  std::memcpy(joined, script.data(), script.size());
  std::memcpy(joined + script.size(), path.data(), path.size());
  rows.Text(agent::record::kUrlPath, {joined, script.size() + path.size()});
}

// What the request says of itself, by the HTTP conventions; read now, since applications change the environ.
void WriteRequest(Span* span, const Request* request, PyObject* environ) {
  RowWriter rows(span);
  const std::string_view raw_method = WsgiBytes(Lookup(environ, names.REQUEST_METHOD));
  rows.Text(agent::record::kHttpRequestMethod, request->method);
  if (request->method != raw_method) rows.Text(agent::record::kHttpRequestMethodOriginal, raw_method);
  WritePath(rows, environ);
  const std::string_view query = WsgiBytes(Lookup(environ, names.QUERY_STRING));
  if (!query.empty()) rows.Text(agent::record::kUrlQuery, query);
  const std::string_view scheme = TextOf(request->scheme);
  if (!scheme.empty()) rows.Text(agent::record::kUrlScheme, scheme);
  int64_t port = 0;
  std::string_view host = SplitHost(WsgiBytes(Lookup(environ, names.HTTP_HOST)), port);
  if (host.empty()) host = WsgiBytes(Lookup(environ, names.SERVER_NAME));
  if (port == 0) port = ParsePort(WsgiBytes(Lookup(environ, names.SERVER_PORT)));
  if (!host.empty()) rows.Text(agent::record::kServerAddress, host);
  if (port != 0) rows.Number(agent::record::kServerPort, port);
  const std::string_view client = WsgiBytes(Lookup(environ, names.REMOTE_ADDR));
  if (!client.empty()) rows.Text(agent::record::kClientAddress, client);
  if (!request->protocol.empty()) rows.Text(agent::record::kNetworkProtocolVersion, request->protocol);
  const std::string_view agent = WsgiBytes(Lookup(environ, names.HTTP_USER_AGENT));
  if (!agent.empty()) rows.Text(agent::record::kUserAgentOriginal, agent);
}

// http/dup: the names that dashboards made before the conventions were stable ask for.
void WriteOldNames(Span* span, const Request* request, PyObject* environ) {
  RowWriter rows(span);
  rows.Text(agent::record::kHttpMethod, WsgiBytes(Lookup(environ, names.REQUEST_METHOD)));
  const std::string_view path = WsgiBytes(Lookup(environ, names.PATH_INFO));
  const std::string_view query = WsgiBytes(Lookup(environ, names.QUERY_STRING));
  char target[512];
  if (path.size() + 1 + query.size() <= sizeof target) {
    std::memcpy(target, path.data(), path.size());
    size_t size = path.size();
    if (!query.empty()) {
      target[size++] = '?';
      std::memcpy(target + size, query.data(), query.size());
      size += query.size();
    }
    rows.Text(agent::record::kHttpTarget, {target, size});
  }
  rows.Text(agent::record::kHttpHost, WsgiBytes(Lookup(environ, names.HTTP_HOST)));
  rows.Text(agent::record::kHttpScheme, TextOf(request->scheme));
  rows.Text(agent::record::kHttpFlavor, request->protocol);
  rows.Text(agent::record::kHttpUserAgent, WsgiBytes(Lookup(environ, names.HTTP_USER_AGENT)));
  rows.Text(agent::record::kNetPeerIp, WsgiBytes(Lookup(environ, names.REMOTE_ADDR)));
  rows.Text(agent::record::kNetHostName, WsgiBytes(Lookup(environ, names.SERVER_NAME)));
  const int64_t port = ParsePort(WsgiBytes(Lookup(environ, names.SERVER_PORT)));
  if (port != 0) rows.Number(agent::record::kNetHostPort, port);
}

// W3C trace context of the request's headers.
Parent IncomingParent(PyObject* environ) {
  Parent parent;
  PyObject* header = Lookup(environ, names.HTTP_TRACEPARENT);
  if (header == nullptr) return parent;
  agent::record::TraceContext context;
  if (!agent::record::ParseTraceparent(WsgiBytes(header), context)) return parent;
  parent.valid = true;
  parent.remote = true;
  std::memcpy(parent.trace_id, context.trace_id, 16);
  std::memcpy(parent.span_id, context.span_id, 8);
  parent.flags = context.flags;
  PyObject* state = Lookup(environ, names.HTTP_TRACESTATE);
  if (state != nullptr && !WsgiBytes(state).empty() && WsgiBytes(state).size() <= agent::record::kMaxTraceStateBytes) {
    parent.trace_state = Ref::Borrowed(state);
  }
  return parent;
}

void Finish(Request* request);

void Deallocate(PyObject* object) {
  Request* request = Self(object);
  {
    const SavedError saved;
    Finish(request);
    Py_CLEAR(request->body);
    Py_CLEAR(request->iterator);
    Py_CLEAR(request->start_response);
    Py_CLEAR(request->scheme);
    Py_XDECREF(reinterpret_cast<PyObject*>(std::exchange(request->span, nullptr)));
  }
  if (free_count < kMaxFree) {
    free_requests[free_count++] = request;
  } else {
    PyObject_Free(request);
  }
}

PyObject* StartResponse(PyObject* self, PyObject* const* args, size_t argument_count, PyObject* keywords) {
  Request* request = Self(self);
  if (PyVectorcall_NARGS(argument_count) > 0) {
    const std::string_view status = TextOf(args[0]);
    if (status.size() >= 3) request->status = static_cast<int>(ParsePort(status.substr(0, 3)));
  }
  if (request->start_response == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "start_response called after the response was closed");
    return nullptr;
  }
  return PyObject_Vectorcall(request->start_response, args, argument_count, keywords);
}

Request* NewRequest() {
  Request* request;
  if (free_count > 0) {
    request = free_requests[--free_count];
    PyObject_Init(reinterpret_cast<PyObject*>(request), &RequestType);
  } else {
    request = PyObject_New(Request, &RequestType);
    if (request == nullptr) {
      PyErr_Clear();
      return nullptr;
    }
  }
  request->call = StartResponse;
  request->span = nullptr;
  request->start_response = request->body = request->iterator = request->scheme = nullptr;
  request->method = request->protocol = {};
  request->status = 0;
  request->finished = false;
  return request;
}

void WriteResponse(Span* span, const Request* request, std::string_view error_type) {
  const uint32_t conventions = agent::record::Configuration().conventions;
  RowWriter rows(span);
  if (span->route != nullptr) rows.Text(agent::record::kHttpRoute, TextOf(span->route));
  if (request->status != 0) rows.Number(agent::record::kHttpResponseStatusCode, int64_t{request->status});
  if (!error_type.empty()) rows.Text(agent::record::kErrorType, error_type);
  if ((conventions & agent::record::kHttpDup) != 0 && request->status != 0) {
    rows.Number(agent::record::kHttpStatusCode, int64_t{request->status});
  }
}

// The request's end: span, metrics, and what runs now is again what ran before. Once; leaves errors as they are.
void Finish(Request* request) {
  if (request->finished) return;
  request->finished = true;
  Span* span = request->span;
  if (span == nullptr) return;
  DeactivateSpan(span);
  // A child forked in the middle of the request closes its copy of the response too.
  if (span->epoch != agent::record::Epoch()) return;
  const int64_t end = agent::record::MonotonicNanos();
  char status_text[4] = {};
  std::string_view error_type = TextOf(span->error_type);
  if (error_type.empty() && request->status >= 500 && request->status < 1000) {
    status_text[0] = static_cast<char>('0' + request->status / 100);
    status_text[1] = static_cast<char>('0' + request->status / 10 % 10);
    status_text[2] = static_cast<char>('0' + request->status % 10);
    error_type = {status_text, 3};
  }
  if (span->sampled && !span->ended) {
    if (span->status == kStatusUnset && !error_type.empty()) span->status = kStatusError;
    WriteResponse(span, request, error_type);
  }
  ServerRequest labels;
  labels.method = request->method;
  labels.route = TextOf(span->route);
  labels.scheme = TextOf(request->scheme);
  labels.protocol = request->protocol;
  labels.error_type = error_type;
  labels.status = request->status;
  ObserveServer(span, labels, end - span->start);
  CountActive(request->method, labels.scheme, -1);
  EndSpan(span, end, false);
}

// Of an exception on its way out; the error stays set.
void NoteRaised(Span* span) {
  SavedError saved;
  const Ref exception = saved.Exception();
  if (!exception || span->error_type != nullptr) return;
  const Ref type(QualifiedName(reinterpret_cast<PyObject*>(Py_TYPE(exception.get()))));
  SetErrorType(span, type.get());
  RecordException(span, exception.get(), nullptr, agent::record::MonotonicNanos(), false);
}

PyObject* Iterate(PyObject* self) {
  Py_INCREF(self);
  return self;
}

PyObject* Next(PyObject* self) {
  Request* request = Self(self);
  if (request->iterator == nullptr) {
    if (request->body == nullptr) return nullptr;
    request->iterator = PyObject_GetIter(request->body);
    if (request->iterator == nullptr) return nullptr;
  }
  // Mostly the thread and context that began the request; else the span is made current for the step.
  Ref token;
  const Ref current = CurrentSpan();
  if (current.get() != reinterpret_cast<PyObject*>(request->span) && !request->finished) {
    token = Activate(reinterpret_cast<PyObject*>(request->span));
  }
  PyObject* item = Py_TYPE(request->iterator)->tp_iternext(request->iterator);
  if (item == nullptr && PyErr_Occurred() != nullptr && PyErr_ExceptionMatches(PyExc_StopIteration) == 0) {
    NoteRaised(request->span);
  }
  if (token) {
    const SavedError saved;
    Deactivate(token.get());
  }
  return item;
}

PyObject* Close(PyObject* self, PyObject*) {
  Request* request = Self(self);
  // Keeps the request alive while its parts are let go.
  const Ref alive = Ref::Borrowed(self);
  Ref result;
  if (request->body != nullptr) {
    const Ref body(std::exchange(request->body, nullptr));
    const Ref close = Attribute(body.get(), names.close);
    if (close) {
      result = Ref(PyObject_CallNoArgs(close.get()));
      if (!result) NoteRaised(request->span);
    } else {
      result = Ref::Borrowed(Py_None);
    }
    Py_CLEAR(request->iterator);
  } else {
    result = Ref::Borrowed(Py_None);
  }
  const SavedError saved;
  Finish(request);
  Py_CLEAR(request->start_response);
  return result.Release();
}

PyMethodDef methods[] = {
    {"close", Close, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyTypeObject MakeType() {
  PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};
  type.tp_name = "clew._native.Response";
  type.tp_basicsize = sizeof(Request);
  type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL;
  type.tp_vectorcall_offset = offsetof(Request, call);
  type.tp_call = PyVectorcall_Call;
  type.tp_dealloc = Deallocate;
  type.tp_iter = Iterate;
  type.tp_iternext = Next;
  type.tp_methods = methods;
  return type;
}

PyTypeObject RequestType = MakeType();

// A started request with its span current, or nullptr without an error: then the request is let through as it is.
Request* Begin(PyObject* environ, PyObject* start_response) {
  const Parent parent = IncomingParent(environ);
  Span* span = StartSpan(parent, kKindServer, agent::record::kScopeFlask);
  if (span == nullptr) return nullptr;
  Ref span_owner(reinterpret_cast<PyObject*>(span));
  Request* request = NewRequest();
  if (request == nullptr) return nullptr;
  Ref owner(reinterpret_cast<PyObject*>(request));
  request->finished = true;  // until its span is current
  if (!switches.spans) span->sampled = false;
  PyObject* method = Lookup(environ, names.REQUEST_METHOD);
  request->method = KnownMethod(WsgiBytes(method));
  request->protocol = ProtocolVersion(Lookup(environ, names.SERVER_PROTOCOL));
  request->scheme = Ref::Borrowed(Lookup(environ, names.wsgi_url_scheme)).Release();
  if (request->method == "_OTHER" || method == nullptr) {
    span->name = PyUnicode_FromString("HTTP");
  } else {
    span->name = Ref::Borrowed(method).Release();
  }
  request->start_response = Ref::Borrowed(start_response).Release();
  if (span->sampled) {
    WriteRequest(span, request, environ);
    if ((agent::record::Configuration().conventions & agent::record::kHttpDup) != 0) {
      WriteOldNames(span, request, environ);
    }
    OpenSpan(span);
  }
  if (!ActivateSpan(span) || PyDict_SetItem(environ, names.clew_request, owner.get()) != 0) {
    PyErr_Clear();
    return nullptr;
  }
  request->span = reinterpret_cast<Span*>(span_owner.Release());
  request->finished = false;
  CountActive(request->method, TextOf(request->scheme), 1);
  return reinterpret_cast<Request*>(owner.Release());
}

// Whether the server is to get the body as it is: it looks at its type, or nothing will run when it is sent.
bool IsPlainBody(PyObject* body, PyObject* environ) {
  if (PyList_CheckExact(body) || PyTuple_CheckExact(body) || PyBytes_CheckExact(body)) return true;
  PyObject* wrapper = Lookup(environ, names.wsgi_file_wrapper);
  return wrapper != nullptr && reinterpret_cast<PyObject*>(Py_TYPE(body)) == wrapper;
}

// An application mounted within another is part of the same request. (An environ that is used again is not.)
bool IsWithinRequest(PyObject* environ) {
  PyObject* request = Lookup(environ, names.clew_request);
  return request != nullptr && Py_TYPE(request) == &RequestType && !Self(request)->finished;
}

}  // namespace

PyObject* FlaskWsgiApp(PyObject* hook, PyObject* const* args, size_t argument_count, PyObject* keywords) {
  if (!switches.flask || PyVectorcall_NARGS(argument_count) != 3 || keywords != nullptr || !PyDict_Check(args[1]) ||
      IsWithinRequest(args[1])) {
    return CallOriginal(hook, args, argument_count, keywords);
  }
  PyObject* environ = args[1];
  Request* request = Begin(environ, args[2]);
  if (request == nullptr) return CallOriginal(hook, args, argument_count, keywords);
  Ref owner(reinterpret_cast<PyObject*>(request));
  PyObject* arguments[3] = {args[0], environ, owner.get()};
  Ref body(CallOriginal(hook, arguments, 3, nullptr));
  if (!body) {
    NoteRaised(request->span);
    const SavedError saved;
    Finish(request);
    return nullptr;
  }
  if (IsPlainBody(body.get(), environ)) {
    Finish(request);
    return body.Release();
  }
  request->body = body.Release();
  return owner.Release();
}

// handle_exception(self, error) and, from Flask 3.2 on, (self, context, error): an exception that no handler of the
// application took.
PyObject* FlaskHandleException(PyObject* hook, PyObject* const* args, size_t argument_count, PyObject* keywords) {
  const auto count = PyVectorcall_NARGS(argument_count);
  if (switches.flask && count > 1 && PyExceptionInstance_Check(args[count - 1])) {
    const Ref current = CurrentSpan();
    auto* span = reinterpret_cast<Span*>(current.get());
    if (span != nullptr && span->scope == agent::record::kScopeFlask && span->scope_info == nullptr) {
      const Ref type(QualifiedName(reinterpret_cast<PyObject*>(Py_TYPE(args[count - 1]))));
      SetErrorType(span, type.get());
      RecordException(span, args[count - 1], nullptr, agent::record::MonotonicNanos(), false);
    }
  }
  return CallOriginal(hook, args, argument_count, keywords);
}

// MapAdapter.match(..., return_rule=True), the first time within a request: (rule, arguments).
PyObject* RoutingMatch(PyObject* hook, PyObject* const* args, size_t argument_count, PyObject* keywords) {
  PyObject* result = CallOriginal(hook, args, argument_count, keywords);
  if (result == nullptr || !switches.flask || !PyTuple_CheckExact(result) || PyTuple_GET_SIZE(result) != 2) {
    return result;
  }
  const Ref current = CurrentSpan();
  auto* span = reinterpret_cast<Span*>(current.get());
  if (span == nullptr || span->scope != agent::record::kScopeFlask || span->scope_info != nullptr ||
      span->route != nullptr || span->ended) {
    return result;
  }
  Ref rule = Attribute(PyTuple_GET_ITEM(result, 0), names.rule);
  if (rule && PyUnicode_Check(rule.get())) span->route = rule.Release();
  return result;
}

bool InitFlaskHook(PyObject*) { return PyType_Ready(&RequestType) == 0; }

}  // namespace clew::python
