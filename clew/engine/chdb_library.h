// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "clew/base/result.h"

namespace clew::engine {

// The C functions of libchdb 26.5 that are used here; the library comes without a header. Types are opaque.
struct ChdbLibrary {
  struct Result;
  using Connection = void*;
  using StringArray = const char* const*;
  using SizeArray = const size_t*;

  Connection* (*connect)(int argc, char** argv) = nullptr;
  void (*close_connection)(Connection*) = nullptr;
  Result* (*query)(Connection, const char* query, size_t query_size, const char* format, size_t format_size,
                   StringArray names, SizeArray name_sizes, StringArray values, SizeArray value_sizes,
                   size_t count) = nullptr;
  Result* (*stream_query)(Connection, const char* query, size_t query_size, const char* format, size_t format_size,
                          StringArray names, SizeArray name_sizes, StringArray values, SizeArray value_sizes,
                          size_t count) = nullptr;
  Result* (*stream_fetch)(Connection, Result* stream) = nullptr;
  void (*stream_cancel)(Connection, Result* stream) = nullptr;
  void (*destroy_result)(Result*) = nullptr;
  char* (*result_buffer)(Result*) = nullptr;
  size_t (*result_length)(Result*) = nullptr;
  const char* (*result_error)(Result*) = nullptr;
  void (*set_signal_handlers_enabled)(int enabled) = nullptr;
};

// Loads the library once a process and never unloads it; `path` as ChdbOptions::library_path. Its
// crash handlers are switched off; the caller keeps the signal mask (SignalKeeper).
// FAILED_PRECONDITION with what to do where there is no library or not this one.
base::Result<const ChdbLibrary*> LoadChdb(const std::string& path);

// Takes the pages of the library's code and constants out of this process' memory map; those in use come back from the
// page cache one by one. Loading and opening touch 150 MB of them once, which would be counted as this program's
// memory from then on. Nothing happens where `library` was not loaded from a file.
void UnmapUntouchedPages(const ChdbLibrary& library);

// Where LoadChdb looks when no path is given, in order.
std::string FindChdb(const std::string& path);

}  // namespace clew::engine
