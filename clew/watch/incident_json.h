// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/base/json_writer.h"
#include "clew/store/incident_table.h"

namespace clew::watch {

// One incident as /api/clew/incidents and webhooks give it (clew/api/clew/openapi.yaml: Incident).
void WriteIncident(const store::Incident& incident, base::JsonWriter& json);

}  // namespace clew::watch
