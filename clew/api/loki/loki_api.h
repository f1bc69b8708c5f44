// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/base/result.h"
#include "clew/net/http_router.h"
#include "clew/store/store.h"

namespace clew::api::loki {

// Loki's query API over the stored log records (https://grafana.com/docs/loki/latest/reference/loki-http-api/), at
// /loki/api/v1/…. Errors are plain text, as Loki's are; what is not there yet answers 501 and says so. Outlived by
// `store`; any thread.
class LokiApi {
 public:
  explicit LokiApi(store::Store& store) : store_(store) {}
  // The routes hold a reference to this object.
  void Register(net::HttpRouter& router) const;

 private:
  using Answer = base::Result<net::HttpResponse>;

  Answer QueryRange(const net::HttpRequest& request, const net::Parameters& parameters) const;
  Answer Query(const net::HttpRequest& request, const net::Parameters& parameters) const;
  Answer Labels(const net::HttpRequest& request, const net::Parameters& parameters) const;
  Answer LabelValues(const net::HttpRequest& request, const net::Parameters& parameters) const;
  Answer Series(const net::HttpRequest& request, const net::Parameters& parameters) const;
  Answer Patterns(const net::HttpRequest& request, const net::Parameters& parameters) const;
  Answer FormatQuery(const net::HttpRequest& request, const net::Parameters& parameters) const;

  store::Store& store_;
};

}  // namespace clew::api::loki
