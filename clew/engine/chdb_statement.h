// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/engine/chdb_library.h"
#include "clew/engine/engine.h"

namespace clew::engine {

// Owns one result of the library.
class ChdbResult {
 public:
  ChdbResult(const ChdbLibrary& library, ChdbLibrary::Result* result) : library_(library), result_(result) {}
  ~ChdbResult() {
    if (result_ != nullptr) library_.destroy_result(result_);
  }
  ChdbResult(const ChdbResult&) = delete;
  ChdbResult& operator=(const ChdbResult&) = delete;

  ChdbLibrary::Result* get() const { return result_; }
  // The error it holds, if any.
  base::Status Check() const;
  std::string_view bytes() const {
    const size_t size = library_.result_length(result_);
    return size == 0 ? std::string_view() : std::string_view(library_.result_buffer(result_), size);
  }

 private:
  const ChdbLibrary& library_;
  ChdbLibrary::Result* const result_;
};

// The arrays that the library's functions take; views into `parameters`.
struct BoundParameters {
  explicit BoundParameters(const Parameters& parameters);
  std::vector<const char*> names;
  std::vector<size_t> name_sizes;
  std::vector<const char*> values;
  std::vector<size_t> value_sizes;
};

// Runs a statement on a connection that nobody else uses and drops what it gives.
base::Status RunStatement(const ChdbLibrary& library, ChdbLibrary::Connection connection, std::string_view sql,
                          const Parameters& parameters);

}  // namespace clew::engine
