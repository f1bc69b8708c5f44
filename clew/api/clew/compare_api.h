// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/net/http_router.h"
#include "clew/store/store.h"

namespace clew::api::clew_api {

// GET /api/clew/compare: what sets a group of spans or log records apart from the rest (openapi.yaml: Comparison).
// Outlived by `store`; any thread.
class CompareApi {
 public:
  explicit CompareApi(store::Store& store) : store_(store) {}
  // The route holds a reference to this object.
  void Register(net::HttpRouter& router) const;

 private:
  net::HttpResponse Compare(const net::HttpRequest& request) const;

  store::Store& store_;
};

}  // namespace clew::api::clew_api
