// SPDX-License-Identifier: Apache-2.0
#include "clew/watch/webhook.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "clew/base/json_reader.h"
#include "clew/net/http_router.h"
#include "clew/net/http_server.h"

namespace clew::watch {
namespace {

using std::chrono::milliseconds;

store::Incident Example() {
  return {"0123456789abcdef",
          1'795'521'600'000'000'000,
          1'795'521'620'000'000'000,
          0,
          "cart",
          "latency",
          "cart is the likely cause",
          R"({"incident":true,"causes":[{"service":"cart"}]})"};
}

// Receives; answers the first requests with the statuses given, then 200.
class Receiver {
 public:
  explicit Receiver(std::vector<int> statuses) : statuses_(std::move(statuses)) {
    auto router = std::make_shared<net::HttpRouter>();
    router->Add("POST", "/hook", net::Synchronous([this](const net::HttpRequest& request) {
                  const size_t number = requests_++;
                  if (number < statuses_.size()) return net::HttpResponse::Text(statuses_[number], "no");
                  received_.set_value(std::string(request.body));
                  return net::HttpResponse::Text(200, "ok");
                }));
    server_ = *net::HttpServer::Start({}, std::move(router));
  }
  std::string url() const { return "http://" + server_->address().ToString() + "/hook"; }
  std::string Received() { return received_.get_future().get(); }
  size_t requests() const { return requests_; }

 private:
  const std::vector<int> statuses_;
  std::atomic<size_t> requests_{0};
  std::promise<std::string> received_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST(Webhook, SendsTheIncidentWithItsAnswer) {
  const auto body = base::ParseJson(WebhookBody(Happening::kOpened, Example(), model::TenantId()));
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ((*body)["event"].AsString(), "opened");
  EXPECT_EQ((*body)["tenant"].AsString(), "anonymous");
  EXPECT_EQ((*body)["incident"]["state"].AsString(), "open");
  EXPECT_EQ((*body)["incident"]["summary"].AsString(), "cart is the likely cause");
  EXPECT_EQ((*body)["incident"]["answer"]["causes"].AsArray().at(0)["service"].AsString(), "cart");
}

TEST(Webhook, TriesAgainUntilItIsTaken) {
  Receiver receiver({500, 429, 503});
  Webhook webhook({.url = receiver.url(), .first_pause = milliseconds(1)});
  webhook.Post("{}");
  EXPECT_EQ(receiver.Received(), "{}");
  EXPECT_EQ(receiver.requests(), 4u);
}

TEST(Webhook, GivesUpWhatIsRefused) {
  Receiver receiver({400});
  Webhook webhook({.url = receiver.url(), .first_pause = milliseconds(1)});
  webhook.Post("first");
  webhook.Post("second");
  EXPECT_EQ(receiver.Received(), "second");
  EXPECT_EQ(receiver.requests(), 2u);
  EXPECT_EQ(webhook.counters().dropped, 1u);
}

TEST(Webhook, EndsWhileNobodyListens) {
  Webhook webhook({.url = "http://127.0.0.1:9/", .first_pause = std::chrono::minutes(10)});
  webhook.Post("{}");
}

TEST(Webhook, KeepsTheNewestWhereTooManyWait) {
  Webhook webhook({.url = "http://127.0.0.1:9/", .first_pause = std::chrono::minutes(10), .queue = 3});
  for (int i = 0; i < 10; ++i) webhook.Post(std::to_string(i));
  EXPECT_GE(webhook.counters().dropped, 6u);
}

}  // namespace
}  // namespace clew::watch
