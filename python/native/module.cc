// SPDX-License-Identifier: Apache-2.0
// clew._native: what the Python side (clew._hooks, clew._otel) is built from.
#include "clew/agent/record/recorder.h"
#include "python/native/api_metrics.h"
#include "python/native/clients.h"
#include "python/native/context.h"
#include "python/native/encode.h"
#include "python/native/hook.h"
#include "python/native/http_metrics.h"
#include "python/native/logging_hook.h"
#include "python/native/span.h"

namespace clew::python {

Names names;

bool InitFlaskHook(PyObject* module);
PyObject* ModuleStartSpan(PyObject*, PyObject* args);

namespace {

// attach() -> bool: whether the arena that CLEW_ATTACH names was mapped.
PyObject* AttachArena(PyObject*, PyObject*) { return PyBool_FromLong(agent::record::Attach()); }

PyObject* IsRecording(PyObject*, PyObject*) { return PyBool_FromLong(agent::record::IsRecording()); }

// claim(): after a fork, takes the new process's place among the workers.
PyObject* Claim(PyObject*, PyObject*) {
  agent::record::ThisWorker();
  Py_RETURN_NONE;
}

PyObject* SetIdentity(PyObject*, PyObject* attributes) {
  uint8_t buffer[4096];
  agent::record::Encoder encoder(buffer, sizeof buffer);
  agent::record::AttributeListEncoder list(encoder, 64, 1024);
  EncodeAttributes(list, attributes);
  list.Finish();
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  agent::record::SetIdentity(encoder.View());
  Py_RETURN_NONE;
}

PyObject* AddNotes(PyObject*, PyObject* bits) {
  const unsigned long long value = PyLong_AsUnsignedLongLong(bits);
  if (PyErr_Occurred() != nullptr) return nullptr;
  agent::record::AddNotes(value);
  Py_RETURN_NONE;
}

PyObject* WriteNote(PyObject*, PyObject* text) {
  agent::record::WriteNote(agent::record::NoteKind::kWarning, TextOf(text));
  Py_RETURN_NONE;
}

// hook(kind, original) -> the native function that goes in its place.
PyObject* ModuleHook(PyObject*, PyObject* args) {
  static constexpr struct {
    const char* kind;
    vectorcallfunc call;
  } kHooks[] = {
      {"flask.wsgi_app", FlaskWsgiApp},  {"flask.handle_exception", FlaskHandleException},
      {"routing.match", RoutingMatch},   {"logging.callHandlers", LoggerCallHandlers},
      {"logging.format", HandlerFormat}, {"logging.queue_emit", QueueEmit},
  };
  const char* kind = nullptr;
  PyObject* original = nullptr;
  if (PyArg_ParseTuple(args, "sO", &kind, &original) == 0) return nullptr;
  for (const auto& hook : kHooks) {
    if (std::string_view(hook.kind) == kind) return MakeHook(hook.call, original);
  }
  return PyErr_Format(PyExc_ValueError, "no hook is called %s", kind);
}

// switch(name, on) of Switches; the value it had.
PyObject* ModuleSwitch(PyObject*, PyObject* args) {
  const struct {
    const char* name;
    bool* value;
  } all[] = {
      {"flask", &switches.flask},     {"requests", &switches.requests}, {"urllib3", &switches.urllib3},
      {"sqlite3", &switches.sqlite3}, {"spans", &switches.spans},       {"logs", &switches.logs},
      {"metrics", &switches.metrics}, {"log_ids", &switches.log_ids},
  };
  const char* name = nullptr;
  int on = 0;
  if (PyArg_ParseTuple(args, "sp", &name, &on) == 0) return nullptr;
  for (const auto& one : all) {
    if (std::string_view(one.name) == name) return PyBool_FromLong(std::exchange(*one.value, on != 0));
  }
  return PyErr_Format(PyExc_ValueError, "no switch is called %s", name);
}

// configuration() -> dict of what the drainer decided.
PyObject* Configuration(PyObject*, PyObject*) {
  const agent::record::Config& config = agent::record::Configuration();
  return Py_BuildValue("{s:I,s:I,s:I}", "signals", config.signals, "conventions", config.conventions, "sampler",
                       static_cast<unsigned>(config.sampler));
}

PyMethodDef functions[] = {
    {"attach", AttachArena, METH_NOARGS, nullptr},
    {"is_recording", IsRecording, METH_NOARGS, nullptr},
    {"claim", Claim, METH_NOARGS, nullptr},
    {"set_identity", SetIdentity, METH_O, nullptr},
    {"add_notes", AddNotes, METH_O, nullptr},
    {"write_note", WriteNote, METH_O, nullptr},
    {"hook", ModuleHook, METH_VARARGS, nullptr},
    {"switch", ModuleSwitch, METH_VARARGS, nullptr},
    {"configuration", Configuration, METH_NOARGS, nullptr},
    {"set_up_logging", SetUpLogging, METH_VARARGS, nullptr},
    {"set_up_queues", SetUpQueues, METH_O, nullptr},
    {"client_start", ClientStart, METH_VARARGS, nullptr},
    {"client_end", ClientEnd, METH_VARARGS, nullptr},
    {"db_start", DatabaseStart, METH_VARARGS, nullptr},
    {"db_end", DatabaseEnd, METH_VARARGS, nullptr},
    {"start_span", ModuleStartSpan, METH_VARARGS, nullptr},
    {"current_span", ModuleCurrentSpan, METH_NOARGS, nullptr},
    {"context_attach", ContextAttach, METH_O, nullptr},
    {"context_detach", ContextDetach, METH_O, nullptr},
    {"context_get_current", ContextGetCurrent, METH_NOARGS, nullptr},
    {"set_opentelemetry", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(SetOpenTelemetry)),
     METH_VARARGS | METH_KEYWORDS, nullptr},
    {"register_instrument", RegisterApiInstrument, METH_VARARGS, nullptr},
    {"record_metric", RecordMetric, METH_VARARGS, nullptr},
    {"emit_log", EmitLog, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

bool InitNames() {
#define CLEW_INTERN_NAME(name) \
  if ((names.name = PyUnicode_InternFromString(#name)) == nullptr) return false;
  CLEW_NAMES(CLEW_INTERN_NAME)
#undef CLEW_INTERN_NAME
  return (names.wsgi_url_scheme = PyUnicode_InternFromString("wsgi.url_scheme")) != nullptr &&
         (names.wsgi_file_wrapper = PyUnicode_InternFromString("wsgi.file_wrapper")) != nullptr &&
         (names.clew_request = PyUnicode_InternFromString("clew.request")) != nullptr &&
         (names.clew_ids = PyUnicode_InternFromString("_clew_ids")) != nullptr;
}

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "clew._native", nullptr, -1, functions, nullptr, nullptr, nullptr, nullptr};

}  // namespace
}  // namespace clew::python

PyMODINIT_FUNC PyInit__native() {
  using namespace clew::python;
  PyObject* module = PyModule_Create(&definition);
  if (module == nullptr) return nullptr;
  if (!InitNames() || !InitContext() || !InitSpanType(module) || !InitHookType(module) || !InitFlaskHook(module)) {
    Py_DECREF(module);
    return nullptr;
  }
  InitHttpMetrics();
  return module;
}
