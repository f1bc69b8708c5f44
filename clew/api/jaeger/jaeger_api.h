// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/net/http_router.h"
#include "clew/store/store.h"

namespace clew::api::jaeger {

// Jaeger's query API over the stored spans (https://www.jaegertracing.io/docs/2.11/architecture/apis/, and the JSON
// that its page reads). At /jaeger/api/… and, since some Grafana versions drop the prefix, at /api/… as well. What is
// not there yet answers 501 in Jaeger's own error form. Outlived by `store`; any thread.
class JaegerApi {
 public:
  explicit JaegerApi(store::Store& store) : store_(store) {}
  // The routes hold a reference to this object.
  void Register(net::HttpRouter& router) const;

 private:
  net::HttpResponse Services(const net::HttpRequest& request) const;
  net::HttpResponse ServiceOperations(const net::HttpRequest& request) const;
  net::HttpResponse Operations(const net::HttpRequest& request) const;
  net::HttpResponse Search(const net::HttpRequest& request) const;
  net::HttpResponse Trace(const net::HttpRequest& request) const;
  net::HttpResponse Dependencies(const net::HttpRequest& request) const;

  store::Store& store_;
};

}  // namespace clew::api::jaeger
