// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/net/http_router.h"
#include "clew/store/store.h"

namespace clew::api::clew_api {

// What the page draws over time and beside it: /api/clew/services/history, /operations, /instances and
// /api/clew/logs/histogram, /templates (openapi.yaml). Outlived by `store`; any thread.
class ChartsApi {
 public:
  explicit ChartsApi(store::Store& store) : store_(store) {}
  // The routes hold a reference to this object.
  void Register(net::HttpRouter& router) const;

 private:
  net::HttpResponse History(const net::HttpRequest& request) const;
  net::HttpResponse Operations(const net::HttpRequest& request) const;
  net::HttpResponse Instances(const net::HttpRequest& request) const;
  net::HttpResponse Histogram(const net::HttpRequest& request) const;
  net::HttpResponse Templates(const net::HttpRequest& request) const;

  store::Store& store_;
};

}  // namespace clew::api::clew_api
