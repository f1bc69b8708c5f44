// SPDX-License-Identifier: Apache-2.0
#include "clew/api/clew/self_api.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "clew/api/http/error.h"

namespace clew::api::clew_api {
namespace {

constexpr std::string_view kHead = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Clew</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 3rem auto; padding: 0 1rem; }
table { border-collapse: collapse; }
td, th { padding: .25rem 1.25rem .25rem 0; text-align: left; vertical-align: top; }
code { font: 14px/1.5 ui-monospace, monospace; }
</style>
</head>
<body>
<h1>Clew runs here</h1>
<p>It takes traces, logs and metrics by OTLP, keeps them, and says what broke and why.</p>
)html";

constexpr std::string_view kAsk = R"html(<h2>Where to ask</h2>
<table>
<tr><td><a href="/api/clew/why">/api/clew/why</a></td><td>the cause of what is wrong now (in a terminal: <code>clew why</code>)</td></tr>
<tr><td><a href="/api/clew/services">/api/clew/services</a></td><td>services with rate, errors and duration</td></tr>
<tr><td><a href="/api/clew/map">/api/clew/map</a></td><td>who calls whom</td></tr>
<tr><td><a href="/api/clew/traces">/api/clew/traces</a></td><td>traces; <code>/api/clew/traces/ID</code> is one of them with its log records</td></tr>
<tr><td><a href="/api/clew/logs">/api/clew/logs</a></td><td>log records</td></tr>
<tr><td><a href="/api/clew/openapi.yaml">/api/clew/openapi.yaml</a></td><td>all of these described</td></tr>
<tr><td><a href="/metrics">/metrics</a></td><td>what Clew says of itself</td></tr>
</table>
<h2>Data sources for Grafana</h2>
<table>
<tr><td>Prometheus</td><td>this address</td></tr>
<tr><td>Loki</td><td>this address</td></tr>
<tr><td>Jaeger</td><td>this address with <code>/jaeger</code></td></tr>
</table>
<h2>Send something</h2>
<p><code>clew run -- gunicorn shop:app</code> starts a Python service, instrumented, with no change to its code.
Any OpenTelemetry SDK or Collector can send here as well.</p>
</body>
</html>
)html";

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

}  // namespace

void SelfApi::Register(net::HttpRouter& router) const {
  // Answers from memory: a pool full of slow queries must not make the server look dead.
  constexpr net::RouteOptions kQuick{net::Run::kOnIoThread, size_t{0}};
  router.Add("GET", "/", net::Synchronous([this](const net::HttpRequest&) { return Home(); }), kQuick);
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

net::HttpResponse SelfApi::Home() const {
  std::string page(kHead);
  page += "<h2>Doors</h2>\n<table>\n";
  for (const auto& [name, address] : self_.addresses()) {
    page += fmt::format("<tr><td>{}</td><td><code>{}</code></td></tr>\n", EscapeHtml(name), EscapeHtml(address));
  }
  page += "</table>\n";
  page += kAsk;
  net::HttpResponse response{200, "text/html; charset=utf-8", {}, std::move(page)};
  response.headers.emplace_back("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
  return response;
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
