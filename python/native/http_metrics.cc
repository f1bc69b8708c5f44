// SPDX-License-Identifier: Apache-2.0
#include "python/native/http_metrics.h"

#include "python/native/hook.h"

namespace clew::python {

using agent::record::AttributeListEncoder;
using agent::record::Encoder;
using agent::record::ExemplarSource;
using agent::record::KnownKey;
using agent::record::MetricKind;
using agent::record::Series;

namespace {

constexpr double kHttpBounds[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10};
constexpr double kDatabaseBounds[] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10};
constexpr size_t kLongestValue = 200;  // of one label; routes and host names are shorter

int server_duration = -1;
int active_requests = -1;
int client_duration = -1;
int requests_duration = -1;
int database_duration = -1;

// Builds an attribute list on the stack; empty values are left out.
class Labels {
 public:
  Labels() : encoder_(buffer_, sizeof buffer_), list_(encoder_, 16, kLongestValue) {}
  void Text(KnownKey key, std::string_view value) {
    if (!value.empty()) list_.Text(key, value);
  }
  void Number(KnownKey key, int64_t value) {
    if (value != 0) list_.Number(key, value);
  }
  const Series* Find(int instrument) {
    list_.Finish();
    return agent::record::FindSeries(instrument, encoder_.View());
  }

 private:
  uint8_t buffer_[2048];
  Encoder encoder_;
  AttributeListEncoder list_;
};

ExemplarSource ExemplarOf(const Span* span) {
  return span != nullptr && span->sampled ? ExemplarSource{span->trace_id, span->span_id} : ExemplarSource{};
}

void ObserveNanos(const Series* series, const Span* span, int64_t nanos) {
  if (series != nullptr) agent::record::Observe(*series, static_cast<double>(nanos) * 1e-9, ExemplarOf(span));
}

bool MetricsOn() {
  return switches.metrics && (agent::record::Configuration().signals & agent::record::kSignalMetrics) != 0;
}

}  // namespace

std::string_view KnownMethod(std::string_view method) {
  // RFC 9110, PATCH and QUERY.
  for (const std::string_view known :
       {"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY"}) {
    if (method == known) return known;
  }
  return "_OTHER";
}

void CountActive(std::string_view method, std::string_view scheme, int64_t by) {
  if (!MetricsOn()) return;
  Labels labels;
  labels.Text(agent::record::kHttpRequestMethod, method);
  labels.Text(agent::record::kUrlScheme, scheme);
  const Series* series = labels.Find(active_requests);
  if (series != nullptr) agent::record::Add(*series, by);
}

void ObserveServer(const Span* span, const ServerRequest& request, int64_t nanos) {
  if (!MetricsOn()) return;
  Labels labels;
  labels.Text(agent::record::kHttpRequestMethod, request.method);
  labels.Text(agent::record::kHttpRoute, request.route);
  labels.Number(agent::record::kHttpResponseStatusCode, request.status);
  labels.Text(agent::record::kUrlScheme, request.scheme);
  labels.Text(agent::record::kNetworkProtocolVersion, request.protocol);
  labels.Text(agent::record::kErrorType, request.error_type);
  ObserveNanos(labels.Find(server_duration), span, nanos);
}

void ObserveClient(const Span* span, const ClientRequest& request, int64_t nanos) {
  if (!MetricsOn()) return;
  Labels labels;
  labels.Text(agent::record::kHttpRequestMethod, request.method);
  labels.Text(agent::record::kServerAddress, request.address);
  labels.Number(agent::record::kServerPort, request.port);
  labels.Number(agent::record::kHttpResponseStatusCode, request.status);
  labels.Text(agent::record::kErrorType, request.error_type);
  ObserveNanos(labels.Find(span->scope == agent::record::kScopeRequests ? requests_duration : client_duration), span,
               nanos);
}

void ObserveDatabase(const Span* span, const DatabaseCall& call, int64_t nanos) {
  if (!MetricsOn()) return;
  Labels labels;
  labels.Text(agent::record::kDbSystemName, call.system);
  labels.Text(agent::record::kDbNamespace, call.database);
  labels.Text(agent::record::kDbOperationName, call.operation);
  labels.Text(agent::record::kDbCollectionName, call.collection);
  labels.Text(agent::record::kErrorType, call.error_type);
  ObserveNanos(labels.Find(database_duration), span, nanos);
}

void InitHttpMetrics() {
  using agent::record::InstrumentSpec;
  using agent::record::RegisterInstrument;
  const auto histogram = [](agent::record::KnownScope scope, std::string_view name, std::string_view description,
                            std::span<const double> bounds) {
    InstrumentSpec spec;
    spec.kind = MetricKind::kHistogram;
    spec.scope = scope;
    spec.name = name;
    spec.unit = "s";
    spec.description = description;
    spec.bounds = bounds;
    return RegisterInstrument(spec);
  };
  server_duration = histogram(agent::record::kScopeFlask, "http.server.request.duration",
                              "Duration of HTTP server requests.", kHttpBounds);
  client_duration = histogram(agent::record::kScopeUrllib3, "http.client.request.duration",
                              "Duration of HTTP client requests.", kHttpBounds);
  requests_duration = histogram(agent::record::kScopeRequests, "http.client.request.duration",
                                "Duration of HTTP client requests.", kHttpBounds);
  database_duration = histogram(agent::record::kScopeSqlite3, "db.client.operation.duration",
                                "Duration of database client operations.", kDatabaseBounds);
  InstrumentSpec active;
  active.kind = MetricKind::kUpDownCounter;
  active.is_int = true;
  active.scope = agent::record::kScopeFlask;
  active.name = "http.server.active_requests";
  active.unit = "{request}";
  active.description = "Number of active HTTP server requests.";
  active_requests = RegisterInstrument(active);
}

}  // namespace clew::python
