// SPDX-License-Identifier: Apache-2.0
#include "clew/net/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <thread>

#include "clew/net/http_server.h"
#include "clew/net/raw_socket_testing.h"

namespace clew::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// Answers connections one after another by a script.
class ScriptedServer {
 public:
  using Script = std::function<void(RawSocket& peer, int connection)>;

  ScriptedServer(int connections, Script script) {
    listener_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&local), sizeof local);
    ::listen(listener_.get(), 16);
    socklen_t length = sizeof local;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&local), &length);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(local.sin_port));
    thread_ = std::thread([this, connections, script = std::move(script)] {
      for (int i = 0; i < connections; ++i) {
        RawSocket peer{base::Fd(::accept(listener_.get(), nullptr, nullptr))};
        script(peer, i);
      }
    });
  }
  ~ScriptedServer() { thread_.join(); }
  std::string Url(std::string_view target = "/") const { return url_ + std::string(target); }

 private:
  base::Fd listener_;
  std::string url_;
  std::thread thread_;
};

base::Result<HttpResponse> GetFrom(std::string_view answer, HttpClientOptions options = {}) {
  ScriptedServer server(1, [&](RawSocket& peer, int) {
    peer.ReadUntil("\r\n\r\n");
    peer.Send(answer);
    peer.ShutdownSend();
    peer.ReadAll();
  });
  return HttpClient(std::move(options)).Send({.url = server.Url()}, seconds(10));
}

TEST(HttpClient, SendsWhatIsAsked) {
  std::string seen;
  {
    ScriptedServer server(1, [&](RawSocket& peer, int) {
      seen = peer.ReadUntil("\r\n\r\nbody");
      peer.Send("HTTP/1.1 202 Accepted\r\nContent-Type: text/x\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nok");
    });
    ClientRequest request{
        .method = "POST", .url = server.Url("/v1/traces?a=b"), .content_type = "application/x", .body = "body"};
    request.headers.emplace_back("X-Scope-OrgID", "t");
    const auto answer = HttpClient({.user_agent = "clew-test"}).Send(request, seconds(10));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 202);
    EXPECT_EQ(answer->content_type, "text/x");
    EXPECT_EQ(answer->Header("retry-after"), "3");
    EXPECT_EQ(answer->body, "ok");
  }
  EXPECT_THAT(seen, testing::StartsWith("POST /v1/traces?a=b HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(seen, HasSubstr("\r\nX-Scope-OrgID: t\r\nUser-Agent: clew-test\r\nContent-Type: application/x\r\n"
                              "Content-Length: 4\r\n\r\nbody"));
}

TEST(HttpClient, ReadsEveryFraming) {
  EXPECT_EQ(GetFrom("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n")
                ->body,
            "abcde");
  EXPECT_EQ(GetFrom("HTTP/1.1 200 OK\r\n\r\nuntil the end")->body, "until the end");
  EXPECT_EQ(GetFrom("HTTP/1.0 200 OK\r\n\r\n")->body, "");
  EXPECT_EQ(GetFrom("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\n"
                    "Content-Length: 1\r\n\r\n!")
                ->status,
            201);
  EXPECT_EQ(GetFrom("HTTP/1.1 204 No Content\r\n\r\n")->status, 204);
}

TEST(HttpClient, WrongAnswers) {
  EXPECT_EQ(GetFrom("SSH-2.0-OpenSSH_9.2\r\n").error().code, base::Code::kInternal);
  EXPECT_EQ(GetFrom("").error().code, base::Code::kUnavailable);
  EXPECT_EQ(GetFrom("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").error().code, base::Code::kUnavailable);
  EXPECT_EQ(GetFrom("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab").error().code,
            base::Code::kUnavailable);
  EXPECT_EQ(GetFrom("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").error().code, base::Code::kInternal);
  EXPECT_EQ(GetFrom("HTTP/1.1 200 OK\r\nX: " + std::string(400'000, 'x') + "\r\n\r\n").error().code,
            base::Code::kInternal);
  HttpClientOptions small;
  small.response_limit_bytes = 10;
  EXPECT_EQ(GetFrom("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890", small).error().code,
            base::Code::kOutOfRange);
  EXPECT_EQ(
      GetFrom("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n", small).error().code,
      base::Code::kOutOfRange);
  EXPECT_EQ(GetFrom("HTTP/1.1 200 OK\r\n\r\n01234567890", small).error().code, base::Code::kOutOfRange);
}

TEST(HttpClient, HeadHasNoBody) {
  ScriptedServer server(1, [](RawSocket& peer, int) {
    peer.ReadUntil("\r\n\r\n");
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n");
  });
  const auto answer = HttpClient().Send({.method = "HEAD", .url = server.Url()}, seconds(10));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(answer->Header("Content-Length"), "999999999999");
}

TEST(HttpClient, KeepsConnectionsAndReplacesClosedOnes) {
  ScriptedServer server(2, [](RawSocket& peer, int connection) {
    for (int i = 0; i < 2; ++i) {
      peer.ReadUntil("\r\n\r\n");
      peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(connection));
    }
    // The third request comes on a connection that is closed while it is on its way.
    if (connection == 0) peer.ReadUntil("\r\n\r\n");
  });
  HttpClient client;
  EXPECT_EQ(client.Send({.url = server.Url()}, seconds(10))->body, "0");
  EXPECT_EQ(client.Send({.url = server.Url()}, seconds(10))->body, "0");
  EXPECT_EQ(client.Send({.url = server.Url()}, seconds(10))->body, "1");
  EXPECT_EQ(client.Send({.url = server.Url()}, seconds(10))->body, "1");
}

TEST(HttpClient, DoesNotRepeatWhatIsNotRepeatable) {
  ScriptedServer server(1, [](RawSocket& peer, int) {
    peer.ReadUntil("\r\n\r\n");
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    peer.ReadUntil("\r\n\r\n");
  });
  HttpClient client;
  EXPECT_TRUE(client.Send({.method = "POST", .url = server.Url()}, seconds(10)));
  EXPECT_EQ(client.Send({.method = "POST", .url = server.Url()}, seconds(10)).error().code, base::Code::kUnavailable);
}

TEST(HttpClient, DeadlinesCoverEverything) {
  const auto took = [](const ClientRequest& request, milliseconds timeout, base::Code code) {
    const auto start = std::chrono::steady_clock::now();
    const auto answer = HttpClient().Send(request, timeout);
    EXPECT_EQ(answer.error().code, code) << answer.error().message;
    return std::chrono::steady_clock::now() - start;
  };
  {
    ScriptedServer silent(1, [](RawSocket& peer, int) { peer.ReadAll(); });
    EXPECT_LT(took({.url = silent.Url()}, milliseconds(200), base::Code::kDeadlineExceeded), seconds(2));
  }
  {
    // Each byte in time, the whole not.
    ScriptedServer drips(1, [](RawSocket& peer, int) {
      peer.ReadUntil("\r\n\r\n");
      peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
      for (int i = 0; i < 100 && peer.Send("x"); ++i) std::this_thread::sleep_for(milliseconds(20));
    });
    EXPECT_LT(took({.url = drips.Url()}, milliseconds(300), base::Code::kDeadlineExceeded), seconds(2));
  }
  {
    // Reads nothing of what is sent.
    std::string body;
    body.resize(200'000'000, 'x');
    ScriptedServer deaf(1, [](RawSocket&, int) { std::this_thread::sleep_for(milliseconds(600)); });
    EXPECT_LT(
        took({.method = "POST", .url = deaf.Url(), .body = body}, milliseconds(300), base::Code::kDeadlineExceeded),
        seconds(2));
  }
  // A deadline that is over.
  ScriptedServer late(1, [](RawSocket& peer, int) { peer.ReadAll(); });
  EXPECT_LT(took({.url = late.Url()}, milliseconds(0), base::Code::kDeadlineExceeded), seconds(1));
  RawSocket(*Address::Parse(late.Url("").substr(7)));
}

TEST(HttpClient, NobodyThere) {
  std::string url;
  {
    ScriptedServer gone(0, [](RawSocket&, int) {});
    url = gone.Url();
  }
  const auto refused = HttpClient().Send({.url = url}, seconds(5));
  EXPECT_EQ(refused.error().code, base::Code::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("refused"));
  EXPECT_FALSE(HttpClient().Send({.url = "http://no-such-host.invalid/"}, seconds(10)));
  EXPECT_EQ(HttpClient().Send({.url = "nonsense"}, seconds(5)).error().code, base::Code::kInvalidArgument);
  ClientRequest split{.url = url};
  split.headers.emplace_back("X", "a\r\nY: b");
  EXPECT_EQ(HttpClient().Send(split, seconds(5)).error().code, base::Code::kInvalidArgument);
}

TEST(HttpClient, AnswerBeforeTheBodyIsRead) {
  auto router = std::make_shared<HttpRouter>();
  router->Add("POST", "/", Synchronous([](const HttpRequest&) { return HttpResponse(); }),
              {.run = Run::kOnPool, .body_limit = 1000});
  const auto server = *HttpServer::Start({}, router);
  std::string body;
  body.resize(20'000'000, 'x');
  for (int i = 0; i < 5; ++i) {
    const auto answer = HttpClient().Send(
        {.method = "POST", .url = "http://" + server->address().ToString(), .body = body}, seconds(10));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 413);
  }
}

// A key and a self-signed certificate for `name`, as PEM files.
struct Certificate {
  explicit Certificate(const std::string& name) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("clew test"), -1, -1,
                               0);
    X509_set_issuer_name(certificate, subject);
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name.c_str());
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate, key, EVP_sha256());
    std::FILE* file = std::fopen(certificate_file.c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(key_file.c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  std::string certificate_file = testing::TempDir() + "/clew_net_test_certificate.pem";
  std::string key_file = testing::TempDir() + "/clew_net_test_key.pem";
};

TEST(HttpClient, Tls) {
  auto router = std::make_shared<HttpRouter>();
  router->Add("POST", "/echo", Synchronous([](const HttpRequest& request) {
                return HttpResponse::Text(request.tls ? 200 : 500, request.body);
              }));
  const Certificate good("IP:127.0.0.1,DNS:localhost");
  HttpServerOptions options;
  options.tls_certificate_file = good.certificate_file;
  options.tls_key_file = good.key_file;
  const auto server = HttpServer::Start(options, router);
  ASSERT_TRUE(server) << server.error().message;
  const std::string port = std::to_string((*server)->address().port);
  std::string body(5'000'000, 'x');
  for (size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>('a' + i / 1000 % 26);

  HttpClient trusting({.ca_file = good.certificate_file});
  for (const char* host : {"127.0.0.1", "localhost"}) {
    for (int i = 0; i < 3; ++i) {
      const auto answer = trusting.Send(
          {.method = "POST", .url = std::string("https://") + host + ":" + port + "/echo", .body = body}, seconds(20));
      ASSERT_TRUE(answer) << answer.error().message;
      EXPECT_EQ(answer->status, 200);
      EXPECT_EQ(answer->body, body);
    }
  }
  EXPECT_EQ((*server)->counters().connections, 2U);
  // Nobody vouches for it; the name is another; no check at all; no TLS.
  const ClientRequest request{.method = "POST", .url = "https://127.0.0.1:" + port + "/echo", .body = "x"};
  EXPECT_EQ(HttpClient().Send(request, seconds(10)).error().code, base::Code::kFailedPrecondition);
  EXPECT_EQ(HttpClient({.insecure_skip_verify = true}).Send(request, seconds(10))->status, 200);
  EXPECT_FALSE(HttpClient().Send({.url = "http://127.0.0.1:" + port + "/echo"}, seconds(10)));
  EXPECT_EQ(HttpClient({.ca_file = "/nonexistent"}).Send(request, seconds(10)).error().code,
            base::Code::kInvalidArgument);

  const Certificate other("DNS:other.example");
  const auto wrong_name = HttpServer::Start(options, router);
  const auto answer =
      HttpClient({.ca_file = other.certificate_file})
          .Send({.url = "https://127.0.0.1:" + std::to_string((*wrong_name)->address().port)}, seconds(10));
  EXPECT_EQ(answer.error().code, base::Code::kFailedPrecondition);

  // A new certificate holds for new connections, with no restart.
  const ClientRequest asked{.method = "POST", .url = "https://127.0.0.1:" + port + "/echo", .body = "x"};
  const Certificate renewed("IP:127.0.0.1");
  const auto deadline = std::chrono::steady_clock::now() + seconds(20);
  bool accepted = false;
  while (!accepted && std::chrono::steady_clock::now() < deadline) {
    accepted = HttpClient({.ca_file = renewed.certificate_file}).Send(asked, seconds(10)).has_value();
  }
  EXPECT_TRUE(accepted);
  // What cannot be read changes nothing.
  std::ofstream(renewed.key_file) << "no key";
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_TRUE(HttpClient({.ca_file = renewed.certificate_file}).Send(asked, seconds(10)));

  options.tls_key_file = "/nonexistent";
  EXPECT_EQ(HttpServer::Start(options, router).error().code, base::Code::kInvalidArgument);
}

TEST(HttpClient, TlsIsNotSpokenThere) {
  ScriptedServer plain(1, [](RawSocket& peer, int) {
    peer.ReadUntil("\x16");
    peer.Send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  });
  const auto answer = HttpClient().Send({.url = "https" + plain.Url().substr(4)}, seconds(10));
  EXPECT_EQ(answer.error().code, base::Code::kFailedPrecondition) << answer.error().message;
}

}  // namespace
}  // namespace clew::net
