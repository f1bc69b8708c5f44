// SPDX-License-Identifier: Apache-2.0
#include "python/native/hook.h"

#include <cstddef>

namespace clew::python {

Switches switches;

namespace {

Hook* Self(PyObject* object) { return reinterpret_cast<Hook*>(object); }

void Deallocate(PyObject* object) {
  PyObject_GC_UnTrack(object);
  Py_CLEAR(Self(object)->original);
  PyObject_GC_Del(object);
}

int Traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Self(object)->original);
  return 0;
}

int Clear(PyObject* object) {
  Py_CLEAR(Self(object)->original);
  return 0;
}

PyObject* Bind(PyObject* self, PyObject* instance, PyObject*) {
  if (instance == nullptr || instance == Py_None) {
    Py_INCREF(self);
    return self;
  }
  return PyMethod_New(self, instance);
}

PyObject* GetAttribute(PyObject* self, PyObject* name) {
  PyObject* value = PyObject_GenericGetAttr(self, name);
  if (value != nullptr || PyErr_ExceptionMatches(PyExc_AttributeError) == 0) return value;
  PyErr_Clear();
  return PyObject_GetAttr(Self(self)->original, name);
}

PyObject* GetWrapped(PyObject* self, void*) {
  Py_INCREF(Self(self)->original);
  return Self(self)->original;
}
PyObject* GetDoc(PyObject* self, void*) { return PyObject_GetAttrString(Self(self)->original, "__doc__"); }
PyObject* GetModule(PyObject* self, void*) { return PyObject_GetAttrString(Self(self)->original, "__module__"); }
PyObject* Represent(PyObject* self) { return PyObject_Repr(Self(self)->original); }

PyGetSetDef properties[] = {
    {"__wrapped__", GetWrapped, nullptr, nullptr, nullptr},
    {"__doc__", GetDoc, nullptr, nullptr, nullptr},
    {"__module__", GetModule, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyTypeObject MakeType() {
  PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};
  type.tp_name = "clew._native.Hook";
  type.tp_basicsize = sizeof(Hook);
  type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR;
  type.tp_vectorcall_offset = offsetof(Hook, call);
  type.tp_call = PyVectorcall_Call;
  type.tp_dealloc = Deallocate;
  type.tp_traverse = Traverse;
  type.tp_clear = Clear;
  type.tp_descr_get = Bind;
  type.tp_getattro = GetAttribute;
  type.tp_repr = Represent;
  type.tp_getset = properties;
  return type;
}

}  // namespace

PyTypeObject HookType = MakeType();

bool InitHookType(PyObject*) { return PyType_Ready(&HookType) == 0; }

PyObject* MakeHook(vectorcallfunc call, PyObject* original) {
  Hook* hook = PyObject_GC_New(Hook, &HookType);
  if (hook == nullptr) return nullptr;
  hook->call = call;
  Py_INCREF(original);
  hook->original = original;
  PyObject_GC_Track(reinterpret_cast<PyObject*>(hook));
  return reinterpret_cast<PyObject*>(hook);
}

}  // namespace clew::python
