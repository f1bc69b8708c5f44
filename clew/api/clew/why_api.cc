// SPDX-License-Identifier: Apache-2.0
#include "clew/api/clew/why_api.h"

#include <fmt/format.h>

#include <string_view>

#include "clew/api/http/context.h"
#include "clew/api/http/error.h"
#include "clew/base/time.h"
#include "clew/net/url.h"
#include "clew/watch/diagnosis_json.h"
#include "clew/watch/why.h"

namespace clew::api::clew_api {
namespace {

// With no times given: how far back the incident is looked for.
constexpr int64_t kSearch = 30 * 60 * base::kNanosPerSecond;
base::Result<base::UnixNanos> ReadTime(const net::Parameters& parameters, std::string_view name, base::UnixNanos now,
                                       base::UnixNanos otherwise) {
  const std::string_view text = parameters.Get(name);
  if (text.empty()) return otherwise;
  auto time = base::ParseTime(text, now);
  if (!time) return base::InvalidArgument(fmt::format("parameter '{}': {}", name, time.error().message));
  return time;
}

base::Result<watch::WhyQuestion> ReadQuestion(const net::Parameters& parameters, base::UnixNanos now) {
  watch::WhyQuestion question;
  question.service = parameters.Get("service");
  rca::DiagnoseOptions& options = question.options;
  options.incident_given = parameters.Has("from");
  CLEW_ASSIGN_OR_RETURN(options.incident.to, ReadTime(parameters, "to", now, now));
  CLEW_ASSIGN_OR_RETURN(options.incident.from, ReadTime(parameters, "from", now, options.incident.to - kSearch));
  if (options.incident.from >= options.incident.to) {
    return base::InvalidArgument("parameter 'from': expected a time before 'to'");
  }
  if (parameters.Has("baseline_from") != parameters.Has("baseline_to")) {
    return base::InvalidArgument("a baseline needs both 'baseline_from' and 'baseline_to'");
  }
  if (!parameters.Has("baseline_from")) return question;
  CLEW_ASSIGN_OR_RETURN(options.baseline.from, ReadTime(parameters, "baseline_from", now, 0));
  CLEW_ASSIGN_OR_RETURN(options.baseline.to, ReadTime(parameters, "baseline_to", now, 0));
  if (options.baseline.from >= options.baseline.to) {
    return base::InvalidArgument("parameter 'baseline_from': expected a time before 'baseline_to'");
  }
  if (options.baseline.from < options.incident.to && options.incident.from < options.baseline.to) {
    return base::InvalidArgument("the baseline overlaps the incident; take one that lies before it");
  }
  return question;
}

}  // namespace

void WhyApi::Register(net::HttpRouter& router) const {
  router.Add("GET", "/api/clew/why",
             net::Synchronous([this](const net::HttpRequest& request) { return Why(request); }));
}

net::HttpResponse WhyApi::Why(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto question = ReadQuestion(request.query, base::Clock::System().Now());
  if (!question) return http::JsonError(question.error());
  const auto diagnosis = watch::Why(store_, *context, *question);
  if (!diagnosis) return http::JsonError(diagnosis.error());
  return net::HttpResponse::Json(200, watch::DiagnosisJson(*diagnosis));
}

}  // namespace clew::api::clew_api
