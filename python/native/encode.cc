// SPDX-License-Identifier: Apache-2.0
#include "python/native/encode.h"

namespace clew::python {

using agent::record::AttributeListEncoder;
using agent::record::Encoder;
using agent::record::kMaxValueDepth;
using agent::record::ValueType;

namespace {

// UTF-8 of any str, in `keep` where it had to be made.
std::string_view AnyText(PyObject* text, Ref& keep) {
  Py_ssize_t size = 0;
  const char* bytes = PyUnicode_AsUTF8AndSize(text, &size);
  if (bytes == nullptr) {
    PyErr_Clear();
    keep = Ref(PyUnicode_AsEncodedString(text, "utf-8", "replace"));
    if (!keep) {
      PyErr_Clear();
      return {};
    }
    return {PyBytes_AS_STRING(keep.get()), static_cast<size_t>(PyBytes_GET_SIZE(keep.get()))};
  }
  return {bytes, static_cast<size_t>(size)};
}

void EncodeInt(Encoder& encoder, PyObject* value) {
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow == 0) {
    encoder.Value(static_cast<int64_t>(number));
    return;
  }
  const Ref text(PyObject_Str(value));
  if (!text) PyErr_Clear();
  encoder.Value(TextOf(text.get()));
}

void EncodeSequence(Encoder& encoder, PyObject* sequence, uint32_t characters, int depth) {
  // A list may change under a callback: take a tuple of it first.
  const Ref items(PySequence_Tuple(sequence));
  if (!items) {
    PyErr_Clear();
    return encoder.EmptyValue();
  }
  const Py_ssize_t size = std::min<Py_ssize_t>(PyTuple_GET_SIZE(items.get()), UINT16_MAX);
  encoder.Put(ValueType::kArray);
  encoder.Put(static_cast<uint16_t>(size));
  for (Py_ssize_t i = 0; i < size && !encoder.overflowed(); ++i) {
    EncodeValue(encoder, PyTuple_GET_ITEM(items.get(), i), characters, depth + 1);
  }
}

void EncodeDict(Encoder& encoder, PyObject* dict, uint32_t characters, int depth) {
  const Ref copy(PyDict_Copy(dict));
  if (!copy) {
    PyErr_Clear();
    return encoder.EmptyValue();
  }
  encoder.Put(ValueType::kKeyValueList);
  uint8_t* count_at = encoder.mark();
  encoder.Put(uint16_t{0});
  uint16_t count = 0;
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; count < UINT16_MAX && PyDict_Next(copy.get(), &at, &key, &value) != 0;) {
    const Ref text(PyUnicode_Check(key) ? Ref::Borrowed(key) : Ref(SafeStr(key)));
    Ref keep;
    encoder.Key(AnyText(text.get(), keep));
    EncodeValue(encoder, value, characters, depth + 1);
    ++count;
  }
  if (!encoder.overflowed()) std::memcpy(count_at, &count, sizeof count);
}

}  // namespace

bool EncodeText(Encoder& encoder, PyObject* text) {
  Ref keep;
  const std::string_view bytes = text != nullptr ? AnyText(text, keep) : std::string_view();
  encoder.Text(bytes);
  return bytes.data() != nullptr;
}

void EncodeValue(Encoder& encoder, PyObject* value, uint32_t characters, int depth) {
  if (value == Py_None || depth >= kMaxValueDepth) return encoder.EmptyValue();
  Ref keep;
  if (PyUnicode_Check(value)) return encoder.Value(agent::record::CutText(AnyText(value, keep), characters));
  if (PyBool_Check(value)) return encoder.Value(value == Py_True);
  if (PyLong_Check(value)) return EncodeInt(encoder, value);
  if (PyFloat_Check(value)) return encoder.Value(PyFloat_AS_DOUBLE(value));
  if (PyBytes_Check(value)) {
    return encoder.BytesValue({PyBytes_AS_STRING(value), static_cast<size_t>(PyBytes_GET_SIZE(value))});
  }
  if (PyList_Check(value) || PyTuple_Check(value)) return EncodeSequence(encoder, value, characters, depth);
  if (PyDict_Check(value)) return EncodeDict(encoder, value, characters, depth);
  const Ref text(SafeStr(value));
  encoder.Value(text ? agent::record::CutText(AnyText(text.get(), keep), characters) : std::string_view());
}

void EncodeAttributes(AttributeListEncoder& list, PyObject* dict) {
  if (dict == nullptr || !PyDict_Check(dict)) return;
  Encoder& encoder = list.encoder();
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(dict, &at, &key, &value) != 0;) {
    if (!PyUnicode_Check(key)) continue;
    const Ref key_alive = Ref::Borrowed(key), value_alive = Ref::Borrowed(value);
    list.Add([&] {
      Ref keep;
      encoder.Key(AnyText(key_alive.get(), keep));
      EncodeValue(encoder, value_alive.get(), list.value_characters(), 0);
    });
  }
}

PyObject* CleanValue(PyObject* value) {
  if (PyUnicode_Check(value) || PyBool_Check(value) || PyLong_Check(value) || PyFloat_Check(value) ||
      PyBytes_Check(value) || PyDict_Check(value)) {
    Py_INCREF(value);
    return value;
  }
  if (PyList_Check(value) || PyTuple_Check(value) || (PySequence_Check(value) != 0 && !PyType_Check(value))) {
    PyObject* items = PySequence_Tuple(value);
    if (items == nullptr) PyErr_Clear();
    return items;
  }
  return nullptr;
}

PyObject* QualifiedName(PyObject* type) {
  const Ref module = Attribute(type, names.__module__);
  Ref name = Attribute(type, names.__qualname__);
  if (!name || !PyUnicode_Check(name.get())) return PyUnicode_FromString("Exception");
  const std::string_view module_text = TextOf(module.get());
  if (module_text.empty() || module_text == "builtins") return name.Release();
  PyObject* full = PyUnicode_FromFormat("%U.%U", module.get(), name.get());
  if (full == nullptr) PyErr_Clear();
  return full;
}

PyObject* SafeStr(PyObject* object) {
  PyObject* text = PyObject_Str(object);
  if (text != nullptr) return text;
  PyErr_Clear();
  text = PyUnicode_FromString("");
  if (text == nullptr) PyErr_Clear();
  return text;
}

PyObject* FormatTraceback(PyObject* exception) {
  const Ref module(PyImport_ImportModule("traceback"));
  const Ref type = Ref::Borrowed(reinterpret_cast<PyObject*>(Py_TYPE(exception)));
  const Ref traceback(PyException_GetTraceback(exception));
  Ref text;
  if (module) {
    const Ref lines(PyObject_CallMethod(module.get(), "format_exception", "OOO", type.get(), exception,
                                        traceback ? traceback.get() : Py_None));
    const Ref empty(PyUnicode_FromString(""));
    if (lines && empty) text = Ref(PyUnicode_Join(empty.get(), lines.get()));
  }
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  return text.Release();
}

}  // namespace clew::python
