// SPDX-License-Identifier: Apache-2.0
#include "clew/net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "clew/base/thread_annotations.h"
#include "clew/net/http_client.h"
#include "clew/net/raw_socket_testing.h"

namespace clew::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A router with a bit of everything.
std::shared_ptr<HttpRouter> MakeRouter() {
  auto router = std::make_shared<HttpRouter>();
  const auto echo = Synchronous([](const HttpRequest& request) {
    HttpResponse response = HttpResponse::Text(200, request.body);
    response.headers.emplace_back("X-Path", request.path);
    response.headers.emplace_back("X-Query", std::string(request.query.Get("q")));
    return response;
  });
  router->Add("GET", "/hello", Synchronous([](const HttpRequest&) { return HttpResponse::Text(200, "hello"); }),
              {.run = Run::kOnIoThread});
  router->Add("POST", "/echo", echo);
  router->Add("POST", "/small", echo, {.run = Run::kOnShortPool, .body_limit = 1000});
  router->Add("GET", "/items/{id}", Synchronous([](const HttpRequest& request) {
                return HttpResponse::Text(200, std::string(request.path_parameters.Get("id")));
              }));
  router->Add("GET", "/throws", [](const HttpRequest&, HttpReply) { throw std::runtime_error("boom"); });
  router->Add("GET", "/forgets", [](const HttpRequest&, HttpReply) {});
  router->Add("GET", "/big", Synchronous([](const HttpRequest& request) {
                return HttpResponse::Text(200, std::string(std::stoul(std::string(request.query.Get("n"))), 'x'));
              }));
  router->SetErrors("/", [](const HttpRequest& request, int status, const base::Error& error) {
    return HttpResponse::Json(status, "{\"path\":\"" + request.path + "\",\"message\":\"" + error.message + "\"}");
  });
  return router;
}

std::unique_ptr<HttpServer> MustStart(HttpServerOptions options, std::shared_ptr<const HttpRouter> router) {
  auto server = HttpServer::Start(std::move(options), std::move(router));
  if (!server) ADD_FAILURE() << server.error().message;
  return *std::move(server);
}

bool AllConnectionsEnd(const HttpServer& server) {
  for (int i = 0; i < 2000 && server.counters().open_connections > 0; ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  return server.counters().open_connections == 0;
}

class HttpServerTest : public testing::Test {
 protected:
  std::string Exchange(std::string_view bytes) {
    RawSocket socket(server_->address());
    socket.Send(bytes);
    return socket.ReadAll();
  }
  std::string Url(std::string_view target) { return "http://" + server_->address().ToString() + std::string(target); }

  std::unique_ptr<HttpServer> server_ = MustStart({}, MakeRouter());
  HttpClient client_;
};

TEST_F(HttpServerTest, AnswersAndCloses) {
  const std::string answer = Exchange("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(answer, HasSubstr(" GMT\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n"));
  EXPECT_THAT(answer, EndsWith("Connection: close\r\n\r\nhello"));
}

TEST_F(HttpServerTest, SpeaksHttp10) {
  EXPECT_THAT(Exchange("GET /hello HTTP/1.0\r\n\r\n"), EndsWith("Connection: close\r\n\r\nhello"));
  RawSocket socket(server_->address());
  socket.Send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(socket.ReadUntil("hello"), HasSubstr("Connection: keep-alive"));
  socket.Send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_THAT(socket.ReadAll(), EndsWith("hello"));
}

TEST_F(HttpServerTest, DecodesTargets) {
  EXPECT_THAT(Exchange("GET /items/a%2Fb%20c?x=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              EndsWith("\r\n\r\na/b c"));
  EXPECT_THAT(Exchange("GET http://other/hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), EndsWith("hello"));
  EXPECT_THAT(Exchange("POST /echo?q=a+b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"),
              testing::AllOf(HasSubstr("X-Path: /echo\r\n"), HasSubstr("X-Query: a b\r\n"), EndsWith("hi")));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  const std::string answer = Exchange("HEAD /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, Pipelining) {
  std::string requests;
  for (int i = 0; i < 200; ++i) requests += "GET /items/" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  requests += "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  requests += "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  const std::string answers = Exchange(requests);
  size_t position = 0;
  for (int i = 0; i < 200; ++i) {
    position = answers.find("\r\n\r\n" + std::to_string(i) + "HTTP/1.1 200", position);
    ASSERT_NE(position, std::string::npos) << i;
  }
  EXPECT_THAT(answers, HasSubstr("\r\n\r\nabcHTTP/1.1 200"));
  EXPECT_THAT(answers, EndsWith("hello"));
}

TEST_F(HttpServerTest, ThousandRequestsOnOneConnection) {
  RawSocket socket(server_->address());
  for (int i = 0; i < 1000; ++i) {
    const std::string body = "body" + std::to_string(i) + ".";
    socket.Send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    ASSERT_THAT(socket.ReadUntil("\r\n\r\n" + body), StartsWith("HTTP/1.1 200 OK")) << i;
  }
  EXPECT_EQ(server_->counters().connections, 1U);
  EXPECT_EQ(server_->counters().requests, 1000U);
}

TEST_F(HttpServerTest, BytesOneByOne) {
  const std::string request =
      "\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nX: 1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      "3;a=\"b\"\r\nabc\r\n1\r\nd\r\n0\r\nHost: other\r\n\r\n";
  RawSocket socket(server_->address());
  for (const char c : request) {
    socket.Send({&c, 1});
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_THAT(socket.ReadAll(), EndsWith("\r\n\r\nabcd"));
}

TEST_F(HttpServerTest, MalformedRequestsAreToldSo) {
  const auto status = [&](std::string_view bytes) { return Exchange(bytes).substr(0, 13); };
  EXPECT_EQ(status("GARBAGE\r\n\r\n"), "HTTP/1.1 400 ");
  EXPECT_EQ(status("\x16\x03\x01\x02\x01\x01\x01"), "HTTP/1.1 400 ");  // TLS to a plain port
  EXPECT_EQ(status("GET /hello HTTP/1.1\r\n\r\n"), "HTTP/1.1 400 ");   // no Host
  EXPECT_EQ(status("GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "HTTP/1.1 400 ");
  EXPECT_EQ(status("GET /hello HTTP/1.1\r\nHost : a\r\n\r\n"), "HTTP/1.1 400 ");
  EXPECT_EQ(status("GET /hello HTTP/1.1\nHost: a\n\n"), "HTTP/1.1 505 ");
  EXPECT_EQ(status("GET /hello HTTP/1.1\r\nHost: a\n\n"), "HTTP/1.1 400 ");
  EXPECT_EQ(status("GET hello HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 400 ");
  EXPECT_EQ(status("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 400 ");
  EXPECT_EQ(status("GET /hello?q=% HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 400 ");
  EXPECT_EQ(status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "HTTP/1.1 505 ");
  EXPECT_EQ(status("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"), "HTTP/1.1 400 ");
  EXPECT_EQ(status("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"), "HTTP/1.1 400 ");
  EXPECT_EQ(status("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            "HTTP/1.1 400 ");
  // What request smuggling is made of.
  EXPECT_EQ(
      status("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
      "HTTP/1.1 400 ");
  EXPECT_EQ(status("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), "HTTP/1.1 501 ");
  EXPECT_EQ(status("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            "HTTP/1.1 501 ");
  EXPECT_EQ(status("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "HTTP/1.1 501 ");
  EXPECT_EQ(status("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "HTTP/1.1 400 ");
  EXPECT_EQ(status("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), "HTTP/1.1 400 ");
  EXPECT_EQ(status("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n"),
            "HTTP/1.1 400 ");
  EXPECT_EQ(status("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"),
            "HTTP/1.1 400 ");
  EXPECT_EQ(status("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\n"), "HTTP/1.1 417 ");
  EXPECT_EQ(server_->counters().requests, 0U);
  EXPECT_TRUE(AllConnectionsEnd(*server_));
}

TEST_F(HttpServerTest, CutShort) {
  RawSocket head(server_->address());
  head.Send("GET /hello HTTP/1.1\r\nHo");
  head.ShutdownSend();
  EXPECT_THAT(head.ReadAll(), StartsWith("HTTP/1.1 400 "));
  RawSocket body(server_->address());
  body.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  body.ShutdownSend();
  EXPECT_THAT(body.ReadAll(), StartsWith("HTTP/1.1 400 "));
  RawSocket chunked(server_->address());
  chunked.Send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc");
  chunked.ShutdownSend();
  EXPECT_THAT(chunked.ReadAll(), StartsWith("HTTP/1.1 400 "));
  // A client that has said all and still listens gets its answer.
  RawSocket half(server_->address());
  half.Send("GET /items/7 HTTP/1.1\r\nHost: a\r\n\r\n");
  half.ShutdownSend();
  EXPECT_THAT(half.ReadAll(), EndsWith("\r\n\r\n7"));
}

TEST_F(HttpServerTest, OversizedHeaders) {
  const std::string one = "GET /hello HTTP/1.1\r\nHost: h\r\nX: " + std::string(70'000, 'a') + "\r\n\r\n";
  EXPECT_THAT(Exchange(one),
              testing::AllOf(StartsWith("HTTP/1.1 431 "), HasSubstr("too long together"), Not(HasSubstr("<reset>"))));
  EXPECT_THAT(Exchange("GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
  // Many small fields that trickle in are bounded too.
  RawSocket socket(server_->address());
  socket.Send("GET /hello HTTP/1.1\r\nHost: h\r\n");
  std::string fields;
  for (int i = 0; i < 50; ++i) fields += "X-Field-Of-Some-Length: 0123456789\r\n";
  bool open = true;
  for (int i = 0; i < 1000 && open; ++i) {
    open = socket.Send(fields);
    if (i % 10 == 0) std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_THAT(socket.ReadAll(), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Exchange(std::string(100'000, '\r') + "\n"), StartsWith("HTTP/1.1 400 "));
  std::string lines;
  for (int i = 0; i < 50'000; ++i) lines += "\r\n";
  EXPECT_THAT(Exchange(lines), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, BodyOverTheLimit) {
  // Several times, since the reset that must not come is a race.
  for (int i = 0; i < 10; ++i) {
    const std::string body(3'000'000, 'b');
    EXPECT_THAT(Exchange("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n" + body),
                testing::AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("the limit is 1000"), Not(HasSubstr("<reset>"))));
    std::string chunks;
    for (int j = 0; j < 100; ++j) chunks += "3e7\r\n" + std::string(999, 'c') + "\r\n";
    EXPECT_THAT(
        Exchange("POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n"),
        testing::AllOf(StartsWith("HTTP/1.1 413 "), Not(HasSubstr("<reset>"))));
  }
  EXPECT_THAT(Exchange("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  // The limit itself is allowed.
  EXPECT_THAT(Exchange("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n" +
                       std::string(1000, 'x')),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(
      Exchange("POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3e8\r\n" +
               std::string(1000, 'x') + "\r\n0\r\n\r\n"),
      StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, PaddedChunksAreBounded) {
  RawSocket socket(server_->address());
  socket.Send("POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "1;padding=" + std::string(1000, 'p') + "\r\nx\r\n";
  bool open = true;
  for (int i = 0; i < 900 && open; ++i) open = socket.Send(chunk);
  EXPECT_THAT(socket.ReadAll(), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(
      Exchange("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(80'000, 'p')),
      StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, ExpectContinue) {
  RawSocket socket(server_->address());
  socket.Send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(socket.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.Send("body");
  EXPECT_THAT(socket.ReadUntil("body"), StartsWith("HTTP/1.1 200 OK"));
  // Refused before the body is asked for.
  RawSocket refused(server_->address());
  refused.Send("POST /small HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4000\r\n\r\n");
  EXPECT_THAT(refused.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, UnknownPathsAndMethods) {
  const std::string missing = Exchange("GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(missing, StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(missing, EndsWith("{\"path\":\"/none\",\"message\":\"there is nothing at this path\"}"));
  const std::string wrong = Exchange("DELETE /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(wrong, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(wrong, HasSubstr("Allow: GET, HEAD\r\n"));
  // The connection stays where nothing is left unread.
  EXPECT_THAT(
      Exchange("GET /none HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
      EndsWith("hello"));
}

TEST_F(HttpServerTest, HandlersThatFail) {
  EXPECT_EQ(client_.Send({.url = Url("/throws")}, seconds(10))->status, 500);
  EXPECT_EQ(client_.Send({.url = Url("/forgets")}, seconds(10))->status, 500);
  EXPECT_EQ(client_.Send({.url = Url("/hello")}, seconds(10))->status, 200);
}

TEST_F(HttpServerTest, HeadersCannotBeSplit) {
  auto router = std::make_shared<HttpRouter>();
  router->Add("GET", "/", Synchronous([](const HttpRequest&) {
                HttpResponse response = HttpResponse::Text(200, "");
                response.headers.emplace_back("X", "a\r\nSet-Cookie: b");
                response.headers.emplace_back("Content-Length", "77");
                return response;
              }));
  const auto server = MustStart({}, router);
  RawSocket socket(server->address());
  socket.Send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(socket.ReadAll(),
              testing::AllOf(HasSubstr("X: a  Set-Cookie: b\r\n"), HasSubstr("Content-Length: 0\r\n")));
}

TEST_F(HttpServerTest, LargeAnswers) {
  const auto answer = client_.Send({.url = Url("/big?n=50000000")}, seconds(30));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body.size(), 50'000'000U);
  EXPECT_EQ(answer->body.find_first_not_of('x'), std::string::npos);
  std::string body;
  body.resize(30'000'000, 'q');
  for (size_t i = 0; i < body.size(); i += 4096) body[i] = static_cast<char>('a' + i / 4096 % 26);
  const auto echo = client_.Send({.method = "POST", .url = Url("/echo"), .body = body}, seconds(30));
  ASSERT_TRUE(echo) << echo.error().message;
  EXPECT_EQ(echo->body, body);
}

TEST_F(HttpServerTest, ManyClientsAtOnce) {
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      HttpClient client;
      for (int i = 0; i < 200; ++i) {
        const std::string body = std::to_string(t) + ":" + std::to_string(i);
        const auto answer = client.Send({.method = "POST", .url = Url("/echo"), .body = body}, seconds(20));
        if (answer && answer->status == 200 && answer->body == body) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 1600);
}

TEST(HttpServer, SlowLoris) {
  HttpServerOptions options;
  options.header_timeout = milliseconds(400);
  options.body_timeout = milliseconds(400);
  options.idle_timeout = milliseconds(800);
  const auto server = MustStart(options, MakeRouter());
  // A byte every now and then does not buy time.
  RawSocket head(server->address());
  const auto start = std::chrono::steady_clock::now();
  std::thread drip([&] {
    for (int i = 0; i < 12; ++i) {
      if (!head.Send(i == 0 ? "GET /hello HTTP/1.1\r\n" : "X: y\r\n")) break;
      std::this_thread::sleep_for(milliseconds(100));
    }
  });
  const std::string answer = head.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 408 "));
  drip.join();
  RawSocket body(server->address());
  body.Send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
  std::thread body_drip([&] {
    for (int i = 0; i < 12; ++i) {
      if (!body.Send("x")) break;
      std::this_thread::sleep_for(milliseconds(100));
    }
  });
  EXPECT_THAT(body.ReadAll(), StartsWith("HTTP/1.1 408 "));
  body_drip.join();
  // An idle connection ends in silence.
  RawSocket idle(server->address());
  EXPECT_EQ(idle.ReadAll(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(10));
}

TEST(HttpServer, ClientsThatDoNotReadAreLetGo) {
  HttpServerOptions options;
  options.body_timeout = milliseconds(300);
  const auto server = MustStart(options, MakeRouter());
  RawSocket socket(server->address());
  socket.Send("GET /big?n=100000000 HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto start = std::chrono::steady_clock::now();
  while (server->counters().open_connections != 0 || server->counters().requests != 1) {
    ASSERT_LT(std::chrono::steady_clock::now() - start, seconds(20));
    std::this_thread::sleep_for(milliseconds(10));
  }
}

// Handlers that wait until they are let go.
struct Gate {
  base::Mutex mutex;
  std::vector<std::pair<HttpRequest, HttpReply>> waiting GUARDED_BY(mutex);

  HttpHandler Handler() {
    return [this](HttpRequest request, HttpReply reply) {
      const base::MutexLock lock(mutex);
      waiting.emplace_back(std::move(request), std::move(reply));
    };
  }
  size_t count() {
    const base::MutexLock lock(mutex);
    return waiting.size();
  }
  bool WaitFor(size_t wanted) {
    for (int i = 0; i < 2000 && count() < wanted; ++i) std::this_thread::sleep_for(milliseconds(5));
    return count() >= wanted;
  }
  std::shared_ptr<std::atomic<bool>> cancelled(size_t index) {
    const base::MutexLock lock(mutex);
    return waiting[index].first.cancelled;
  }
  void AnswerAll() {
    const base::MutexLock lock(mutex);
    for (auto& [request, reply] : waiting) reply(HttpResponse::Text(200, "late"));
    waiting.clear();
  }
};

bool BecomesTrue(const std::atomic<bool>& flag) {
  for (int i = 0; i < 1000 && !flag; ++i) std::this_thread::sleep_for(milliseconds(5));
  return flag;
}

TEST(HttpServer, CancelsForClientsThatLeave) {
  Gate gate;
  auto router = MakeRouter();
  router->Add("GET", "/wait", gate.Handler());
  const auto server = MustStart({}, router);
  RawSocket closes(server->address());
  closes.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  RawSocket resets(server->address());
  resets.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  RawSocket pipelines(server->address());
  pipelines.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(gate.WaitFor(3));
  for (size_t i = 0; i < 3; ++i) EXPECT_FALSE(*gate.cancelled(i));
  closes.Close();
  resets.Reset();
  pipelines.Close();
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(BecomesTrue(*gate.cancelled(i))) << i;
  gate.AnswerAll();
  EXPECT_EQ(server->counters().cancelled, 3U);
  EXPECT_EQ(HttpClient().Send({.url = "http://" + server->address().ToString() + "/hello"}, seconds(5))->status, 200);
}

TEST(HttpServer, ClientLeavesWithinItsAnswer) {
  const auto server = MustStart({}, MakeRouter());
  for (int i = 0; i < 5; ++i) {
    RawSocket socket(server->address());
    socket.Send("GET /big?n=30000000 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(socket.ReadUntil("xxx"), StartsWith("HTTP/1.1 200 OK"));
    if (i % 2 == 0) {
      socket.Reset();
    } else {
      socket.Close();
    }
  }
  EXPECT_TRUE(AllConnectionsEnd(*server));
}

TEST(HttpServer, FullPoolIsOverload) {
  HttpServerOptions options;
  options.pool_threads = 1;
  options.pool_queue = 1;
  options.retry_after = seconds(7);
  std::latch started(1);
  std::latch release(1);
  auto router = MakeRouter();
  router->Add("GET", "/block", Synchronous([&](const HttpRequest&) {
                started.count_down();
                release.wait();
                return HttpResponse::Text(200, "");
              }));
  const auto server = MustStart(options, router);
  RawSocket running(server->address());
  running.Send("GET /block HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  started.wait();
  RawSocket queued(server->address());
  queued.Send("GET /items/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  HttpClient client;
  const std::string base = "http://" + server->address().ToString();
  while (server->counters().requests < 2) std::this_thread::sleep_for(milliseconds(1));
  const HttpResponse refused = *client.Send({.url = base + "/items/2"}, seconds(5));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.Header("retry-after"), "7");
  EXPECT_THAT(refused.body, HasSubstr("too many requests wait already"));
  // Neither the I/O threads nor the other lane are held up.
  EXPECT_EQ(client.Send({.url = base + "/hello"}, seconds(5))->status, 200);
  EXPECT_EQ(client.Send({.method = "POST", .url = base + "/small", .body = "x"}, seconds(5))->status, 200);
  release.count_down();
  EXPECT_THAT(running.ReadAll(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(queued.ReadAll(), StartsWith("HTTP/1.1 200 "));
  EXPECT_GE(server->counters().overloaded, 1U);
}

TEST(HttpServer, MemoryForBodiesIsBounded) {
  HttpServerOptions options;
  options.body_memory_bytes = 100'000;
  Gate gate;
  auto router = MakeRouter();
  router->Add("POST", "/wait", gate.Handler());
  const auto server = MustStart(options, router);
  const std::string base = "http://" + server->address().ToString();
  RawSocket first(server->address());
  first.Send("POST /wait HTTP/1.1\r\nHost: h\r\nContent-Length: 80000\r\n\r\n" + std::string(80'000, 'x'));
  ASSERT_TRUE(gate.WaitFor(1));
  HttpClient client;
  const std::string body(50'000, 'y');
  const auto refused = client.Send({.method = "POST", .url = base + "/echo", .body = body}, seconds(5));
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->Header("Retry-After"), "1");
  gate.AnswerAll();
  EXPECT_EQ(client.Send({.method = "POST", .url = base + "/echo", .body = body}, seconds(5))->status, 200);
}

TEST(HttpServer, TooManyConnections) {
  HttpServerOptions options;
  options.max_connections = 2;
  const auto server = MustStart(options, MakeRouter());
  RawSocket first(server->address());
  RawSocket second(server->address());
  while (server->counters().open_connections < 2) std::this_thread::sleep_for(milliseconds(1));
  RawSocket third(server->address());
  third.Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(third.ReadAll(), testing::AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: 1\r\n")));
  first.Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(first.ReadUntil("hello"), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpServer, BusyPort) {
  const auto first = MustStart({}, MakeRouter());
  HttpServerOptions options;
  options.listen = first->address();
  options.listen_option = "--otlp-http";
  const auto second = HttpServer::Start(options, MakeRouter());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::Code::kUnavailable);
  EXPECT_THAT(second.error().message, testing::AllOf(HasSubstr(first->address().ToString()),
                                                     HasSubstr("another program"), HasSubstr("--otlp-http")));
  options.listen = {"192.0.2.1", 0};
  EXPECT_EQ(HttpServer::Start(options, MakeRouter()).error().code, base::Code::kInvalidArgument);
  options.listen = {"no-such-host.invalid", 0};
  EXPECT_EQ(HttpServer::Start(options, MakeRouter()).error().code, base::Code::kInvalidArgument);
}

TEST(HttpServer, StopLetsRequestsEnd) {
  Gate gate;
  auto router = MakeRouter();
  router->Add("GET", "/wait", gate.Handler());
  const auto server = MustStart({}, router);
  RawSocket idle(server->address());
  idle.Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  idle.ReadUntil("hello");
  RawSocket busy(server->address());
  busy.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(gate.WaitFor(1));
  std::thread stop([&] { server->Stop(std::chrono::steady_clock::now() + seconds(20)); });
  EXPECT_EQ(idle.ReadAll(), "");
  gate.AnswerAll();
  EXPECT_THAT(busy.ReadAll(), testing::AllOf(HasSubstr("Connection: close"), EndsWith("late")));
  stop.join();
  EXPECT_FALSE(RawSocket(server->address()).connected());
  server->Stop();
}

TEST(HttpServer, StopCutsWhatTakesTooLong) {
  Gate gate;
  auto router = MakeRouter();
  router->Add("GET", "/wait", gate.Handler());
  std::atomic<bool> handler_ended = false;
  std::latch started(1);
  router->Add("GET", "/works", Synchronous([&](const HttpRequest& request) {
                started.count_down();
                while (!*request.cancelled) std::this_thread::sleep_for(milliseconds(1));
                handler_ended = true;
                return HttpResponse::Text(200, "");
              }));
  auto server = MustStart({}, router);
  RawSocket waits(server->address());
  waits.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  RawSocket works(server->address());
  works.Send("GET /works HTTP/1.1\r\nHost: h\r\n\r\n");
  RawSocket reads(server->address());
  reads.Send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  ASSERT_TRUE(gate.WaitFor(1));
  started.wait();
  const auto start = std::chrono::steady_clock::now();
  server->Stop(start + milliseconds(100));
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));
  EXPECT_TRUE(handler_ended);
  EXPECT_TRUE(*gate.cancelled(0));
  server.reset();
  gate.AnswerAll();  // nobody is there to hear it
}

TEST(HttpServer, AdoptsSockets) {
  const auto server = MustStart({}, MakeRouter());
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  RawSocket socket{base::Fd(fds[0])};
  server->Adopt(base::Fd(fds[1]));
  socket.Send("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(socket.ReadUntil("hello"), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpServer, FiltersRefuseBeforeTheBody) {
  auto router = MakeRouter();
  router->AddFilter([](HttpRequest& head) -> std::optional<HttpRouter::Refusal> {
    if (head.headers.Get("Host") == "good") {
      head.principal = std::string("somebody good");
      return std::nullopt;
    }
    return HttpRouter::Refusal{403, {base::Code::kPermissionDenied, "no", {}}, {{"X-Why", "bad"}}};
  });
  router->Add("GET", "/who", Synchronous([](const HttpRequest& request) {
                return HttpResponse::Text(200, std::any_cast<std::string>(request.principal));
              }));
  const auto server = MustStart({}, router);
  RawSocket bad(server->address());
  bad.Send("POST /echo HTTP/1.1\r\nHost: bad\r\nContent-Length: 5000000\r\n\r\n");
  const std::string refused = bad.ReadUntil("\r\n\r\nno");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(refused, HasSubstr("X-Why: bad\r\n"));
  bad.Close();
  RawSocket good(server->address());
  good.Send("GET /who HTTP/1.1\r\nHost: good\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(good.ReadAll(), AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("somebody good")));
}

}  // namespace
}  // namespace clew::net
