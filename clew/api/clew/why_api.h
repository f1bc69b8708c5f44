// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/net/http_router.h"
#include "clew/store/store.h"

namespace clew::api::clew_api {

// GET /api/clew/why: what went wrong, ranked, with evidence (openapi.yaml: Diagnosis). Reads evidence from the store
// and lets rca decide. Outlived by `store`; any thread.
class WhyApi {
 public:
  explicit WhyApi(store::Store& store) : store_(store) {}
  // The route holds a reference to this object.
  void Register(net::HttpRouter& router) const;

 private:
  net::HttpResponse Why(const net::HttpRequest& request) const;

  store::Store& store_;
};

}  // namespace clew::api::clew_api
