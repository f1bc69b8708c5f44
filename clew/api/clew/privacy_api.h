// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include "clew/base/result.h"
#include "clew/govern/eraser.h"
#include "clew/net/http_router.h"
#include "clew/privacy/redactor.h"
#include "clew/store/store.h"

namespace clew::api::clew_api {

// /api/clew/privacy/…: what is kept that should not be (openapi.yaml: ScanStep), what is kept of a person, and removing
// it (Erasure). Whatever names a person takes the role admin and comes in bodies, so that it stands in nobody's list of
// URLs. Outlived by what it is made of; any thread.
class PrivacyApi {
 public:
  // What a text of a configuration says of privacy.
  using ReadPolicy = std::function<base::Result<privacy::Policy>(std::string_view text)>;

  PrivacyApi(store::Store& store, const privacy::Redactor& redactor, govern::Eraser& eraser, ReadPolicy read_policy)
      : store_(store), redactor_(redactor), eraser_(eraser), read_policy_(std::move(read_policy)) {}
  // The routes hold a reference to this object.
  void Register(net::HttpRouter& router) const;

 private:
  net::HttpResponse Scan(const net::HttpRequest& request) const;
  net::HttpResponse Find(const net::HttpRequest& request) const;
  net::HttpResponse Erase(const net::HttpRequest& request) const;
  net::HttpResponse List(const net::HttpRequest& request) const;
  net::HttpResponse Get(const net::HttpRequest& request) const;

  store::Store& store_;
  const privacy::Redactor& redactor_;
  govern::Eraser& eraser_;
  const ReadPolicy read_policy_;
};

}  // namespace clew::api::clew_api
