// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "clew/api/http/authentication.h"
#include "clew/api/http/context.h"
#include "clew/api/http/error.h"
#include "clew/api/http/safety.h"
#include "clew/net/http_client.h"
#include "clew/net/http_server.h"

namespace clew::api::http {
namespace {

using testing::HasSubstr;

TEST(Context, TenantAndDeadline) {
  net::HttpRequest request;
  const auto now = std::chrono::steady_clock::now();
  auto context = ContextOf(request);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->tenant.name(), "anonymous");
  EXPECT_EQ(context->role, model::Role::kRead);
  EXPECT_GE(context->deadline, now + kDefaultTimeout);
  EXPECT_TRUE(context->Check());

  request.headers.Add("x-scope-orgid", "team-a");
  request.query.Add("timeout", "1m");
  context = ContextOf(request, model::Role::kWrite);
  EXPECT_EQ(context->tenant.name(), "team-a");
  EXPECT_EQ(context->role, model::Role::kWrite);
  EXPECT_GE(context->deadline, now + std::chrono::minutes(1));
  *request.cancelled = true;
  EXPECT_EQ(context->Check().error().code, base::Code::kCancelled);

  net::Parameters long_time;
  long_time.Add("timeout", "20h");
  const auto cut = ContextOf(request, long_time)->deadline;
  EXPECT_LE(cut, std::chrono::steady_clock::now() + kMaxTimeout);
  for (const char* wrong : {"soon", "-5s", "0"}) {
    net::Parameters parameters;
    parameters.Add("timeout", wrong);
    EXPECT_EQ(ContextOf(request, parameters).error().code, base::Code::kInvalidArgument) << wrong;
  }
  request.headers.Add("X-Scope-OrgID", "team-b");
  EXPECT_EQ(ContextOf(request).error().code, base::Code::kInvalidArgument);
  request.headers.Set("X-Scope-OrgID", "a|b");
  EXPECT_EQ(ContextOf(request).error().code, base::Code::kInvalidArgument);
  request.headers.Set("X-Scope-OrgID", "");
  EXPECT_EQ(ContextOf(request).error().code, base::Code::kInvalidArgument);
}

TEST(Errors, BodiesAndRetryAfter) {
  const base::Error error{base::Code::kResourceExhausted, "too \"much\"", std::chrono::milliseconds(1200)};
  const net::HttpResponse json = JsonError(error);
  EXPECT_EQ(json.status, 429);
  EXPECT_EQ(json.body, R"({"error":"too \"much\"","code":"RESOURCE_EXHAUSTED"})");
  EXPECT_EQ(json.Header("Retry-After"), "2");
  const net::HttpResponse text = TextError(503, {base::Code::kUnavailable, "later", {}});
  EXPECT_EQ(text.status, 503);
  EXPECT_EQ(text.body, "later\n");
  EXPECT_EQ(text.Header("Retry-After"), "");
  EXPECT_EQ(RetryAfterSeconds(std::chrono::milliseconds(1)), "1");
  EXPECT_EQ(HttpStatusOf(base::Code::kDeadlineExceeded), 504);
}

std::optional<int> Refused(const SafetyOptions& options, std::string_view method,
                           std::vector<std::pair<std::string, std::string>> headers) {
  net::HttpRequest head;
  head.method = method;
  for (auto& [name, value] : headers) head.headers.Add(std::move(name), std::move(value));
  const auto response = SafetyFilter(options)(head);
  return response ? std::optional(response->status) : std::nullopt;
}

TEST(Safety, Hosts) {
  for (const char* host :
       {"127.0.0.1:7070", "localhost:7070", "LOCALHOST", "[::1]:7070", "10.0.0.5", "[fe80::1]", ""}) {
    EXPECT_EQ(Refused({}, "GET", {{"Host", host}}), std::nullopt) << host;
  }
  for (const char* host :
       {"evil.example", "evil.example:7070", "localhost.evil.example", "127.0.0.1.evil.example", "[", "[::1", "::1"}) {
    EXPECT_EQ(Refused({}, "GET", {{"Host", host}}), 403) << host;
  }
  EXPECT_EQ(Refused({.allowed_hosts = {"clew.example"}}, "GET", {{"Host", "Clew.Example:443"}}), std::nullopt);
  EXPECT_EQ(Refused({.any_host = true}, "GET", {{"Host", "anything"}}), std::nullopt);
}

TEST(Safety, Origins) {
  const std::pair<std::string, std::string> host{"Host", "localhost:7070"};
  EXPECT_EQ(Refused({}, "POST", {host, {"Origin", "http://localhost:7070"}}), std::nullopt);
  EXPECT_EQ(Refused({}, "POST", {host, {"Origin", "http://localhost:3000"}}), 403);
  EXPECT_EQ(Refused({}, "GET", {host, {"Origin", "https://evil.example"}}), 403);
  EXPECT_EQ(Refused({}, "POST", {host, {"Origin", "null"}}), 403);
  EXPECT_EQ(
      Refused({.allowed_origins = {"http://localhost:3000"}}, "POST", {host, {"Origin", "http://localhost:3000"}}),
      std::nullopt);
  EXPECT_EQ(Refused({}, "GET", {host, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "no-cors"}}), 403);
  EXPECT_EQ(
      Refused({}, "GET",
              {host, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "document"}}),
      std::nullopt);
  EXPECT_EQ(
      Refused({}, "GET",
              {host, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "iframe"}}),
      403);
  EXPECT_EQ(Refused({}, "GET", {host, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Mode", "cors"}}), std::nullopt);
}

TEST(Tokens, AskedForAndCheckedByRole) {
  const std::string path = testing::TempDir() + "/clew_api_http_tokens";
  const auto writer = *auth::MakeToken("ci", "shop", "write");
  const auto reader = *auth::MakeToken("people", "*", "read");
  std::ofstream(path) << writer.line << "\n" << reader.line << "\n";
  auto router = std::make_shared<net::HttpRouter>();
  router->AddFilter(TokenFilter(*auth::TokenFile::Open(path), {"/healthz"}));
  router->SetErrors("/text", TextErrors());
  router->SetErrors("/", JsonErrors());
  const auto add = [&](const char* pattern, model::Role role) {
    router->Add("GET", pattern, net::Synchronous([role](const net::HttpRequest& request) {
                  const auto context = ContextOf(request, role);
                  return context ? net::HttpResponse::Text(200, context->tenant.name()) : JsonError(context.error());
                }));
  };
  add("/read", model::Role::kRead);
  add("/write", model::Role::kWrite);
  add("/healthz", model::Role::kRead);
  const auto server = net::HttpServer::Start({}, router);
  ASSERT_TRUE(server);
  net::HttpClient client;
  const auto ask = [&](const std::string& where, const std::string& token, const std::string& tenant = "") {
    net::ClientRequest request{.url = "http://" + (*server)->address().ToString() + where};
    if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
    if (!tenant.empty()) request.headers.emplace_back("X-Scope-OrgID", tenant);
    return *client.Send(request, std::chrono::seconds(5));
  };
  const auto nobody = ask("/read", "");
  EXPECT_EQ(nobody.status, 401);
  EXPECT_THAT(nobody.body, HasSubstr("UNAUTHENTICATED"));
  EXPECT_THAT(std::string(nobody.Header("WWW-Authenticate")), HasSubstr("Bearer"));
  EXPECT_EQ(ask("/text/unknown", "").body, "this server asks for a token: Authorization: Bearer TOKEN\n");
  EXPECT_EQ(ask("/read", "guess").status, 401);
  EXPECT_EQ(ask("/healthz", "").status, 200);
  EXPECT_EQ(ask("/write", writer.token).body, "shop");
  EXPECT_EQ(ask("/write", writer.token, "shop").body, "shop");
  EXPECT_EQ(ask("/write", writer.token, "other").status, 403);
  EXPECT_EQ(ask("/read", writer.token).status, 403);
  EXPECT_EQ(ask("/read", reader.token).body, "anonymous");
  EXPECT_EQ(ask("/read", reader.token, "other").body, "other");
}

TEST(Safety, OverARealServer) {
  auto router = std::make_shared<net::HttpRouter>();
  router->AddFilter(SafetyFilter({}));
  router->SetErrors("/", JsonErrors());
  router->Add("GET", "/", net::Synchronous([](const net::HttpRequest&) { return net::HttpResponse::Text(200, "ok"); }));
  const auto server = net::HttpServer::Start({}, router);
  ASSERT_TRUE(server);
  const std::string url = "http://" + (*server)->address().ToString();
  net::HttpClient client;
  EXPECT_EQ(client.Send({.url = url}, std::chrono::seconds(5))->status, 200);
  net::ClientRequest foreign{.url = url};
  foreign.headers.emplace_back("Origin", "http://evil.example");
  const auto refused = client.Send(foreign, std::chrono::seconds(5));
  EXPECT_EQ(refused->status, 403);
  EXPECT_THAT(refused->body, HasSubstr("PERMISSION_DENIED"));
  EXPECT_THAT(client.Send({.url = url + "/none"}, std::chrono::seconds(5))->body, HasSubstr("NOT_FOUND"));
}

}  // namespace
}  // namespace clew::api::http
