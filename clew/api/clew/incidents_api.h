// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/net/http_router.h"
#include "clew/store/store.h"

namespace clew::api::clew_api {

// GET /api/clew/incidents and /api/clew/incidents/{id}: what noticing found and kept (openapi.yaml: Incident). Outlived
// by `store`; any thread.
class IncidentsApi {
 public:
  explicit IncidentsApi(store::Store& store) : store_(store) {}
  // The routes hold a reference to this object.
  void Register(net::HttpRouter& router) const;

 private:
  net::HttpResponse List(const net::HttpRequest& request) const;
  net::HttpResponse Get(const net::HttpRequest& request) const;

  store::Store& store_;
};

}  // namespace clew::api::clew_api
