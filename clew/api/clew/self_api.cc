// SPDX-License-Identifier: Apache-2.0
#include "clew/api/clew/self_api.h"

#include <string>

#include "clew/api/http/error.h"
#include "clew/base/json_writer.h"

namespace clew::api::clew_api {

void SelfApi::Register(net::HttpRouter& router) const {
  // Answers from memory: a pool full of slow queries must not make the server look dead.
  constexpr net::RouteOptions kQuick{net::Run::kOnIoThread, size_t{0}};
  router.Add("GET", "/api/clew/about", net::Synchronous([this](const net::HttpRequest&) { return About(); }), kQuick);
  router.Add("GET", "/metrics", net::Synchronous([this](const net::HttpRequest& request) { return Metrics(request); }),
             kQuick);
  for (const char* path : {"/healthz", "/-/healthy"}) {
    router.Add("GET", path, net::Synchronous([](const net::HttpRequest&) {
                 return net::HttpResponse::Text(200, "Clew is healthy.\n");
               }),
               kQuick);
  }
  for (const char* path : {"/readyz", "/-/ready"}) {
    router.Add("GET", path, net::Synchronous([this](const net::HttpRequest&) { return Ready(); }), kQuick);
  }
}

net::HttpResponse SelfApi::About() const {
  base::JsonWriter json;
  json.BeginObject().Key("addresses").BeginArray();
  for (const auto& [name, address] : self_.addresses()) {
    json.BeginObject().Field("name", name).Field("address", address).EndObject();
  }
  json.EndArray().EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

net::HttpResponse SelfApi::Metrics(const net::HttpRequest& request) const {
  const wire::TextFormat format = wire::TextFormatFor(request.headers.Get("Accept"));
  return {200, std::string(wire::ContentTypeOf(format)), {}, wire::WritePrometheusText(self_.metrics(), format)};
}

net::HttpResponse SelfApi::Ready() const {
  const base::Status ready = self_.ready();
  return ready ? net::HttpResponse::Text(200, "Clew is ready.\n") : http::TextError(503, ready.error());
}

}  // namespace clew::api::clew_api
