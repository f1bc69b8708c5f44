// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/chdb_statement.h"

#include "clew/engine/errors.h"

namespace clew::engine {

base::Status ChdbResult::Check() const {
  if (result_ == nullptr) return base::Internal("storage engine: no answer");
  const char* error = library_.result_error(result_);
  if (error != nullptr && *error != '\0') return std::unexpected(ErrorOf(error));
  return {};
}

BoundParameters::BoundParameters(const Parameters& parameters) {
  for (const Parameters::Entry& entry : parameters.entries()) {
    names.push_back(entry.name.data());
    name_sizes.push_back(entry.name.size());
    values.push_back(entry.value.data());
    value_sizes.push_back(entry.value.size());
  }
}

base::Status RunStatement(const ChdbLibrary& library, ChdbLibrary::Connection connection, std::string_view sql,
                          const Parameters& parameters) {
  constexpr std::string_view kFormat = "Null";
  const BoundParameters bound(parameters);
  const ChdbResult result(library, library.query(connection, sql.data(), sql.size(), kFormat.data(), kFormat.size(),
                                                 bound.names.data(), bound.name_sizes.data(), bound.values.data(),
                                                 bound.value_sizes.data(), bound.names.size()));
  return result.Check();
}

}  // namespace clew::engine
