// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/base/time.h"
#include "clew/model/request_context.h"
#include "clew/net/http_message.h"
#include "clew/net/http_router.h"
#include "clew/net/url.h"
#include "clew/store/store.h"

namespace clew::api::prometheus {

// Prometheus' HTTP API over the stored series (https://prometheus.io/docs/prometheus/latest/querying/api/), at
// /api/v1/…, by GET and form POST. buildinfo names a 3.x version, by which Grafana tells what the API can do. Paths
// that Prometheus has and this server does not yet answer 501 in Prometheus' own error form. Outlived by `store`; any
// thread.
class PrometheusApi {
 public:
  explicit PrometheusApi(store::Store& store, const base::Clock& clock = base::Clock::System())
      : store_(store), clock_(clock), start_time_(clock.Now()) {}
  // The routes hold a reference to this object.
  void Register(net::HttpRouter& router) const;

 private:
  using Call = base::Result<net::HttpResponse> (PrometheusApi::*)(const net::HttpRequest& request,
                                                                  const net::Parameters& parameters,
                                                                  const model::RequestContext& context) const;

  void Add(net::HttpRouter& router, std::string_view path, Call call, bool post) const;
  net::HttpResponse Answer(const net::HttpRequest& request, Call call) const;

  base::Result<net::HttpResponse> Query(const net::HttpRequest& request, const net::Parameters& parameters,
                                        const model::RequestContext& context) const;
  base::Result<net::HttpResponse> QueryRange(const net::HttpRequest& request, const net::Parameters& parameters,
                                             const model::RequestContext& context) const;
  base::Result<net::HttpResponse> QueryExemplars(const net::HttpRequest& request, const net::Parameters& parameters,
                                                 const model::RequestContext& context) const;
  base::Result<net::HttpResponse> FormatQuery(const net::HttpRequest& request, const net::Parameters& parameters,
                                              const model::RequestContext& context) const;
  base::Result<net::HttpResponse> ParseQuery(const net::HttpRequest& request, const net::Parameters& parameters,
                                             const model::RequestContext& context) const;
  base::Result<net::HttpResponse> Labels(const net::HttpRequest& request, const net::Parameters& parameters,
                                         const model::RequestContext& context) const;
  base::Result<net::HttpResponse> LabelValues(const net::HttpRequest& request, const net::Parameters& parameters,
                                              const model::RequestContext& context) const;
  base::Result<net::HttpResponse> Series(const net::HttpRequest& request, const net::Parameters& parameters,
                                         const model::RequestContext& context) const;
  base::Result<net::HttpResponse> Metadata(const net::HttpRequest& request, const net::Parameters& parameters,
                                           const model::RequestContext& context) const;
  base::Result<net::HttpResponse> BuildInfo(const net::HttpRequest& request, const net::Parameters& parameters,
                                            const model::RequestContext& context) const;
  base::Result<net::HttpResponse> RuntimeInfo(const net::HttpRequest& request, const net::Parameters& parameters,
                                              const model::RequestContext& context) const;
  base::Result<net::HttpResponse> Config(const net::HttpRequest& request, const net::Parameters& parameters,
                                         const model::RequestContext& context) const;
  base::Result<net::HttpResponse> Flags(const net::HttpRequest& request, const net::Parameters& parameters,
                                        const model::RequestContext& context) const;
  base::Result<net::HttpResponse> TsdbStatus(const net::HttpRequest& request, const net::Parameters& parameters,
                                             const model::RequestContext& context) const;
  base::Result<net::HttpResponse> NotYet(const net::HttpRequest& request, const net::Parameters& parameters,
                                         const model::RequestContext& context) const;

  store::Store& store_;
  const base::Clock& clock_;
  base::UnixNanos start_time_;
};

}  // namespace clew::api::prometheus
