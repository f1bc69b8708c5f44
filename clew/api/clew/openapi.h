// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace clew::api::clew_api {

// The text of openapi.yaml, built into the program.
extern const std::string_view kOpenApi;

}  // namespace clew::api::clew_api
