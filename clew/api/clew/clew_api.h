// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/net/http_router.h"
#include "clew/store/store.h"

namespace clew::api::clew_api {

// Clew's own API at /api/clew/…: what the web page and the commands read. Described in openapi.yaml beside this file,
// which is also served at /api/clew/openapi.yaml. Errors: {"error":"…","code":"NOT_FOUND"}. Outlived by `store`; any
// thread.
class ClewApi {
 public:
  explicit ClewApi(store::Store& store) : store_(store) {}
  // The routes hold a reference to this object.
  void Register(net::HttpRouter& router) const;

 private:
  net::HttpResponse Services(const net::HttpRequest& request) const;
  net::HttpResponse Map(const net::HttpRequest& request) const;
  net::HttpResponse Traces(const net::HttpRequest& request) const;
  net::HttpResponse Trace(const net::HttpRequest& request) const;
  net::HttpResponse Outline(const net::HttpRequest& request) const;
  net::HttpResponse Span(const net::HttpRequest& request) const;
  net::HttpResponse Logs(const net::HttpRequest& request) const;

  store::Store& store_;
};

}  // namespace clew::api::clew_api
