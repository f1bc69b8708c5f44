// SPDX-License-Identifier: Apache-2.0
#include "clew/watch/incident_json.h"

#include "clew/base/time.h"

namespace clew::watch {

void WriteIncident(const store::Incident& incident, base::JsonWriter& json) {
  json.BeginObject().Field("id", incident.id).Field("state", incident.closed == 0 ? "open" : "closed");
  json.Field("onset", base::FormatTime(incident.onset)).Field("opened", base::FormatTime(incident.opened));
  if (incident.closed != 0) json.Field("closed", base::FormatTime(incident.closed));
  json.Field("service", incident.service).Field("kind", incident.kind).Field("summary", incident.summary);
  json.Key("answer").Raw(incident.answer.empty() ? "null" : incident.answer).EndObject();
}

}  // namespace clew::watch
