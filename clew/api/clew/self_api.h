// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "clew/base/result.h"
#include "clew/net/http_router.h"
#include "clew/wire/prometheus_text.h"

namespace clew::api::clew_api {

// What the server tells about itself. All functions are called from any thread.
struct SelfDescription {
  // Addresses by name, for the page: {"otlp-http", "127.0.0.1:4318"}.
  std::function<std::vector<std::pair<std::string, std::string>>()> addresses;
  // Clew's own telemetry (clew_<area>_<name>_<unit>[_total]).
  std::function<std::vector<wire::MetricFamily>()> metrics;
  // Whether data can be kept now; the error says why not.
  std::function<base::Status()> ready;
};

// /api/clew/about, /metrics, /healthz and /readyz, with Prometheus' names for the last two, /-/healthy and /-/ready.
class SelfApi {
 public:
  explicit SelfApi(SelfDescription self) : self_(std::move(self)) {}
  // The routes hold a reference to this object.
  void Register(net::HttpRouter& router) const;

 private:
  net::HttpResponse About() const;
  net::HttpResponse Metrics(const net::HttpRequest& request) const;
  net::HttpResponse Ready() const;

  SelfDescription self_;
};

}  // namespace clew::api::clew_api
