// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "clew/rca/diagnosis.h"

namespace clew::watch {

// An answer as /api/clew/why and webhooks give it (clew/api/clew/openapi.yaml: Diagnosis).
std::string DiagnosisJson(const rca::Diagnosis& diagnosis);

}  // namespace clew::watch
