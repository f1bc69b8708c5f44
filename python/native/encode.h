// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/agent/record/encoder.h"
#include "python/native/python_api.h"

namespace clew::python {

// Writes a str; lone surrogates become U+FFFD's ASCII stand-in "?". False where memory ran out.
bool EncodeText(agent::record::Encoder& encoder, PyObject* text);
// One value: str, bool, int (text where it needs more than 64 bits), float, bytes, list, tuple, dict, None; anything
// else as its str(). Calls back into Python for the last only. Leaves no error.
void EncodeValue(agent::record::Encoder& encoder, PyObject* value, uint32_t characters, int depth);
// Key and value of each row of a dict; keys that are not text are left out.
void EncodeAttributes(agent::record::AttributeListEncoder& list, PyObject* dict);
// A copy of one attribute value as the API keeps it: str, bool, int, float, bytes and sequences and mappings of them;
// sequences become tuples. New reference, or nullptr without an error where the type is none of these.
PyObject* CleanValue(PyObject* value);

// "module.Name" of a class, the bare name for builtins. New reference; nullptr with the error cleared.
PyObject* QualifiedName(PyObject* type);
// str(object), or "" where that fails; new reference, never an error. nullptr only without memory.
PyObject* SafeStr(PyObject* object);
// traceback.format_exception of an exception as one str; new reference or nullptr, never an error.
PyObject* FormatTraceback(PyObject* exception);

}  // namespace clew::python
