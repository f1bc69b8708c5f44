// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "clew/net/address.h"
#include "clew/net/http_message.h"
#include "clew/net/http_router.h"
#include "clew/net/url.h"
#include "clew/net/worker_pool.h"

namespace clew::net {
namespace {

TEST(Address, ParsesAndFormats) {
  EXPECT_EQ(*Address::Parse("127.0.0.1:4318"), (Address{"127.0.0.1", 4318}));
  EXPECT_EQ(*Address::Parse("localhost:0"), (Address{"localhost", 0}));
  EXPECT_EQ(*Address::Parse(":80"), (Address{"0.0.0.0", 80}));
  EXPECT_EQ(*Address::Parse("[::1]:4318"), (Address{"::1", 4318}));
  EXPECT_EQ(Address::Parse("[::1]:4318")->ToString(), "[::1]:4318");
  EXPECT_EQ(Address::Parse("h-1.example:9")->ToString(), "h-1.example:9");
  for (const char* wrong : {"", "4318", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:4318",
                            "[::1]", "[x]:1", "a b:1", "http://h:1", "h:1x", "h: 1"}) {
    EXPECT_EQ(Address::Parse(wrong).error().code, base::Code::kInvalidArgument) << wrong;
  }
}

TEST(Address, KnowsLoopback) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LocalHost"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (const char* host : {"0.0.0.0", "10.0.0.1", "::", "localhost.evil.example", "128.0.0.1", ""}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
  EXPECT_TRUE(IsIpLiteral("10.1.2.3"));
  EXPECT_TRUE(IsIpLiteral("[fe80::1]"));
  EXPECT_FALSE(IsIpLiteral("ten.example"));
}

TEST(Url, Percent) {
  EXPECT_EQ(PercentDecode("a%20b%2Fc%c3%a4+"), "a b/c\xC3\xA4+");
  EXPECT_EQ(PercentDecode("%00"), std::string(1, '\0'));
  for (const char* wrong : {"%", "%2", "%zz", "a%2", "%%20"}) EXPECT_FALSE(PercentDecode(wrong)) << wrong;
  EXPECT_EQ(PercentEncode("a b/ä~-"), "a%20b%2F%C3%A4~-");
}

TEST(Url, Parameters) {
  const Parameters parameters = *ParseParameters("a=1&b=x+y%26&a=2&flag&=v&&e=");
  EXPECT_EQ(parameters.Get("a"), "1");
  EXPECT_THAT(parameters.All("a"), testing::ElementsAre("1", "2"));
  EXPECT_EQ(parameters.Get("b"), "x y&");
  EXPECT_EQ(parameters.Find("flag"), "");
  EXPECT_EQ(parameters.Find(""), "v");
  EXPECT_EQ(parameters.Find("e"), "");
  EXPECT_FALSE(parameters.Has("c"));
  EXPECT_EQ(parameters.Get("c", "default"), "default");
  EXPECT_EQ(parameters.size(), 6U);
  EXPECT_TRUE(ParseParameters("")->empty());
  EXPECT_EQ(ParseParameters("a=100%").error().code, base::Code::kInvalidArgument);
  EXPECT_EQ(*ParseParameters(FormatParameters(parameters)), parameters);
}

TEST(Url, AbsoluteUrls) {
  const Url plain = *Url::Parse("http://127.0.0.1:4318/v1/traces?a=b#fragment");
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.host, "127.0.0.1");
  EXPECT_EQ(plain.port, 4318);
  EXPECT_EQ(plain.target, "/v1/traces?a=b");
  EXPECT_EQ(plain.HostHeader(), "127.0.0.1:4318");

  const Url secure = *Url::Parse("HTTPS://user:p%40ss@collector.example");
  EXPECT_TRUE(secure.tls);
  EXPECT_EQ(secure.port, 443);
  EXPECT_EQ(secure.target, "/");
  EXPECT_EQ(secure.userinfo, "user:p@ss");
  EXPECT_EQ(secure.HostHeader(), "collector.example");

  EXPECT_EQ(Url::Parse("http://[::1]:80?q")->HostHeader(), "[::1]");
  EXPECT_EQ(Url::Parse("http://h?q")->target, "/?q");
  for (const char* wrong :
       {"", "localhost:4318", "grpc://h", "http://", "http://:80", "http://h:0", "http://h:99999", "http://h:x",
        "http://a b", "http://h/\r\nX: y", "http://[::1", "http://[h]/", "http://u%zz@h"}) {
    EXPECT_EQ(Url::Parse(wrong).error().code, base::Code::kInvalidArgument) << wrong;
  }
  // A password is not repeated in the message.
  EXPECT_EQ(Url::Parse("http://u:geheim@").error().message.find("geheim"), std::string::npos);
}

TEST(Message, HeadersAndForms) {
  HttpRequest request;
  request.headers.Add("content-type", "Application/X-WWW-Form-URLencoded; charset=utf-8");
  request.headers.Add("Accept", "a, b");
  request.headers.Add("ACCEPT", "c");
  EXPECT_EQ(request.headers.Get("accept"), "a, b");
  EXPECT_EQ(request.headers.Count("Accept"), 2U);
  EXPECT_TRUE(request.headers.HasToken("accept", "B"));
  EXPECT_TRUE(request.headers.HasToken("accept", "c"));
  EXPECT_FALSE(request.headers.HasToken("accept", "d"));
  EXPECT_EQ(request.MediaType(), "application/x-www-form-urlencoded");

  request.query = *ParseParameters("q=query&only=query");
  request.body = "q=body";
  EXPECT_EQ(request.Form()->Get("q"), "body");
  EXPECT_EQ(request.Form()->Get("only"), "query");
  request.body = "q=%";
  EXPECT_FALSE(request.Form());
  request.headers.Set("Content-Type", "text/plain");
  EXPECT_EQ(request.headers.Count("content-type"), 1U);
  EXPECT_EQ(request.Form()->Get("q"), "query");
}

TEST(Message, AReplyIsGivenOnce) {
  std::vector<int> seen;
  const auto sink = [&](const HttpResponse& response) { seen.push_back(response.status); };
  {
    HttpReply answered(sink);
    answered(HttpResponse::Text(200, ""));
    EXPECT_FALSE(answered);
    HttpReply dropped(sink);
    HttpReply moved(std::move(dropped));
    EXPECT_THAT(seen, testing::ElementsAre(200));
  }
  EXPECT_THAT(seen, testing::ElementsAre(200, 500));
}

HttpHandler Nothing() {
  return Synchronous([](const HttpRequest&) { return HttpResponse(); });
}

TEST(Router, FindsByPathAndMethod) {
  HttpRouter router;
  router.Add("GET", "/", Nothing());
  router.Add("GET", "/api/traces/{id}", Nothing());
  router.Add("GET", "/api/traces/search", Nothing());
  router.Add("POST", "/api/traces/{id}", Nothing());
  router.Add("GET", "/label/{name}/values", Nothing());
  router.Add("GET", "/label/{other}/names", Nothing());
  router.Add("GET", "/static/{path...}", Nothing());
  const auto pattern = [&](std::string_view method, std::string_view path) {
    const auto match = router.Find(method, path);
    return match.route == nullptr ? "-" + match.allowed_methods : match.route->pattern;
  };
  EXPECT_EQ(pattern("GET", "/"), "/");
  EXPECT_EQ(pattern("GET", "/api/traces/search"), "/api/traces/search");
  EXPECT_EQ(pattern("POST", "/api/traces/search"), "/api/traces/{id}");
  EXPECT_EQ(pattern("HEAD", "/api/traces/x"), "/api/traces/{id}");
  EXPECT_EQ(pattern("DELETE", "/api/traces/x"), "-GET, HEAD, POST");
  EXPECT_EQ(pattern("DELETE", "/api/traces/search"), "-GET, HEAD, POST");
  EXPECT_EQ(pattern("GET", "/label/x/values"), "/label/{name}/values");
  EXPECT_EQ(pattern("GET", "/label/x/names"), "/label/{other}/names");
  for (const char* path : {"", "x", "*", "/api", "/api/traces", "/api/traces/", "/api/traces/x/", "/label//values",
                           "/api/traces/%zz", "//", "/static"}) {
    EXPECT_EQ(pattern("GET", path), "-") << path;
  }
  EXPECT_EQ(router.Find("GET", "/label/a%2Fb%20c/values").path_parameters.Get("name"), "a/b c");
  EXPECT_FALSE(router.Find("GET", "/label/x/names").path_parameters.Has("name"));
  EXPECT_EQ(router.Find("GET", "/static/").path_parameters.Get("path"), "");
  EXPECT_EQ(router.Find("GET", "/static/a/b.js").path_parameters.Get("path"), "a/b.js");
}

TEST(Router, ErrorsByLongestPrefix) {
  HttpRouter router;
  const auto named = [](std::string name) {
    return [name](const HttpRequest&, int status, const base::Error&) { return HttpResponse::Text(status, name); };
  };
  HttpRequest request;
  request.path = "/api/v1/x";
  EXPECT_EQ(router.RenderError(request, 404, {base::Code::kNotFound, "plain", {}}).body, "plain\n");
  router.SetErrors("/api/v1/", named("inner"));
  router.SetErrors("/api", named("outer"));
  EXPECT_EQ(router.RenderError(request, 404, {}).body, "inner");
  request.path = "/api/v2";
  EXPECT_EQ(router.RenderError(request, 404, {}).body, "outer");
}

TEST(WorkerPool, BoundsItsQueue) {
  WorkerPool pool("test", 1, 2);
  std::latch started(1);
  std::latch release(1);
  std::atomic<int> done = 0;
  ASSERT_TRUE(pool.Submit([&] {
    started.count_down();
    release.wait();
    ++done;
  }));
  started.wait();
  EXPECT_TRUE(pool.Submit([&] { ++done; }));
  EXPECT_TRUE(pool.Submit([&] { ++done; }));
  EXPECT_FALSE(pool.Submit([&] { ++done; }));
  release.count_down();
  while (done < 3) std::this_thread::yield();
  pool.Stop();
  EXPECT_FALSE(pool.Submit([] {}));
  EXPECT_EQ(done, 3);
}

}  // namespace
}  // namespace clew::net
