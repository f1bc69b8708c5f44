// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/diagnose.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>
#include <string>

#include "clew/rca/statistics.h"

namespace clew::rca {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMilli = 1'000'000;
constexpr int64_t kStart = 1'764'000'000 * kSecond;
constexpr int64_t kOnset = kStart + 120 * kSecond;
constexpr int64_t kEnd = kStart + 180 * kSecond;

// One request of a small shop: frontend calls cart, cart calls stock; times in nanoseconds.
struct Request {
  bool during = false;
  int64_t time = 0;
  int64_t frontend_own = 8 * kMilli;
  int64_t cart_own = 5 * kMilli;
  int64_t stock_own = 3 * kMilli;
  int64_t cart_hop = 1 * kMilli;
  int64_t stock_hop = 1 * kMilli;
  bool stock_fails = false;    // an exception in stock, errors all the way up
  bool stock_refuses = false;  // no answer from it at all
  bool cart_skips_stock = false;
  std::string stock_version = "1";
  std::string stock_instance = "stock-0";
};

class Shop {
 public:
  explicit Shop(uint32_t seed) : random_(seed) {}

  // Five requests a second over three minutes, each changed by `fault` once the onset has come.
  // With `from` and `to`: stock fails in between, whatever `fault` does.
  model::Evidence Run(const std::function<void(Request&, std::mt19937&)>& fault, int64_t from = 0, int64_t to = 0) {
    evidence_.peers.push_back({Name("stock:8000"), Name("stock")});
    for (int64_t time = kStart; time < kEnd; time += kSecond / 5) {
      Request request;
      request.during = time >= kOnset;
      for (int64_t* length :
           {&request.frontend_own, &request.cart_own, &request.stock_own, &request.cart_hop, &request.stock_hop}) {
        *length = static_cast<int64_t>(static_cast<double>(*length) * std::lognormal_distribution(0.0, 0.25)(random_));
      }
      request.time = time;
      if (request.during) fault(request, random_);
      if (!request.during) usual(request, random_);
      if (from <= time && time < to) request.stock_fails = true;
      Add(request, time);
    }
    return std::move(evidence_);
  }

  // What requests are like before the fault.
  std::function<void(Request&, std::mt19937&)> usual = [](Request&, std::mt19937&) {};

  model::NameId Name(const std::string& name) {
    const auto [entry, added] = ids_.try_emplace(name, static_cast<model::NameId>(evidence_.names.size()));
    if (added) evidence_.names.push_back(name);
    return entry->second;
  }

 private:
  struct Part {
    std::string service;
    std::string operation;
    std::string caller;
    int64_t start = 0;
    int64_t length = 0;
    int64_t own = 0;
    int64_t hop = -1;
    bool is_error = false;
    std::vector<model::SegmentEvent> events;
  };

  void AddSegment(const Part& part, const Request& request) {
    model::Segment segment;
    for (size_t i = 0; i < 8; ++i) segment.trace_id.bytes[i] = static_cast<uint8_t>(traces_ >> (8 * i));
    segment.trace_id.bytes[15] = 1;
    segment.service = Name(part.service);
    segment.instance = Name(part.service == "stock" ? request.stock_instance : part.service + "-0");
    segment.version = part.service == "stock" ? Name(request.stock_version) : 0;
    segment.operation = Name(part.operation);
    segment.caller = part.caller.empty() ? 0 : Name(part.caller);
    segment.start = part.start;
    segment.end = part.start + part.length;
    segment.own = part.own;
    segment.hop = part.hop;
    segment.is_error = part.is_error;
    segment.events = {static_cast<uint32_t>(evidence_.events.size()), static_cast<uint32_t>(part.events.size())};
    evidence_.events.insert(evidence_.events.end(), part.events.begin(), part.events.end());
    evidence_.segments.push_back(segment);
  }

  void Add(const Request& request, int64_t time) {
    ++traces_;
    const bool calls_stock = !request.cart_skips_stock && !request.stock_refuses;
    const bool fails = request.stock_fails || request.stock_refuses;
    const int64_t stock_length = calls_stock ? request.stock_own : 0;
    const int64_t cart_length = request.cart_own + (calls_stock ? stock_length + request.stock_hop : 0);
    const int64_t cart_start = time + request.frontend_own / 2;
    const int64_t stock_start = cart_start + request.cart_own / 2;
    Part frontend{"frontend",           "GET /cart", "",    time, request.frontend_own + cart_length + request.cart_hop,
                  request.frontend_own, -1,          fails, {}};
    frontend.events.push_back(
        {cart_start, cart_start + cart_length, cart_length, Name("cart: GET /items"), model::EventKind::kCall, fails});
    Part cart{"cart", "GET /items", "frontend", cart_start, cart_length, request.cart_own, request.cart_hop, fails, {}};
    if (calls_stock) {
      cart.events.push_back({stock_start, stock_start + stock_length, stock_length, Name("stock: GET /level"),
                             model::EventKind::kCall, fails});
    } else if (request.stock_refuses) {
      cart.events.push_back(
          {stock_start, stock_start + kMilli, kMilli, Name("stock:8000"), model::EventKind::kUnanswered, true});
    }
    cart.events.push_back({cart_start + cart_length - 1, cart_start + cart_length - 1, -1, Name("items listed"),
                           model::EventKind::kLog, false});
    AddSegment(frontend, request);
    AddSegment(cart, request);
    if (!calls_stock) return;
    Part stock{"stock",           "GET /level",        "cart", stock_start, stock_length, request.stock_own,
               request.stock_hop, request.stock_fails, {}};
    if (request.stock_fails) {
      stock.events.push_back(
          {stock_start + 1, stock_start + 1, -1, Name("KeyError"), model::EventKind::kException, true});
    }
    AddSegment(stock, request);
  }

  std::mt19937 random_;
  model::Evidence evidence_;
  std::map<std::string, model::NameId> ids_;
  uint64_t traces_ = 0;
};

Diagnosis WhyWithoutTimes(const model::Evidence& evidence) {
  DiagnoseOptions options;
  options.incident = {kStart - kSecond, kEnd};
  return Diagnose(evidence, options);
}

Diagnosis WhyOf(const std::function<void(Request&, std::mt19937&)>& fault) {
  Shop shop(7);
  const model::Evidence evidence = shop.Run(fault);
  Diagnosis diagnosis = WhyWithoutTimes(evidence);
  EXPECT_TRUE(diagnosis.incident);
  EXPECT_LT(std::abs(diagnosis.from - kOnset), 10 * kSecond);
  if (diagnosis.causes.empty()) diagnosis.causes.emplace_back();
  return diagnosis;
}

TEST(Diagnose, IsSilentWhenNothingChanged) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    Shop shop(seed);
    const model::Evidence evidence = shop.Run([](Request&, std::mt19937&) {});
    const Diagnosis diagnosis = WhyWithoutTimes(evidence);
    EXPECT_FALSE(diagnosis.incident) << seed << ": " << diagnosis.summary;
    EXPECT_TRUE(diagnosis.causes.empty());
  }
}

TEST(Diagnose, NamesTheServiceThatBecameSlow) {
  const Diagnosis diagnosis = WhyOf([](Request& request, std::mt19937&) { request.cart_own += 200 * kMilli; });
  EXPECT_EQ(diagnosis.causes[0].service, "cart");
  EXPECT_EQ(diagnosis.causes[0].kind, CauseKind::kLatency);
  EXPECT_GT(diagnosis.causes[0].score, 0.5);
  EXPECT_NE(diagnosis.summary.find("cart"), std::string::npos);
}

TEST(Diagnose, NamesTheFarEndOfASlowLink) {
  const Diagnosis diagnosis = WhyOf([](Request& request, std::mt19937&) { request.stock_hop += 300 * kMilli; });
  EXPECT_EQ(diagnosis.causes[0].service, "stock");
  EXPECT_EQ(diagnosis.causes[0].kind, CauseKind::kNetwork);
}

TEST(Diagnose, FollowsErrorsToTheirOrigin) {
  const Diagnosis diagnosis = WhyOf(
      [](Request& request, std::mt19937& random) { request.stock_fails = std::bernoulli_distribution(0.5)(random); });
  EXPECT_EQ(diagnosis.causes[0].service, "stock");
  EXPECT_EQ(diagnosis.causes[0].kind, CauseKind::kError);
  EXPECT_EQ(diagnosis.causes[0].where, "KeyError");
  ASSERT_FALSE(diagnosis.impact.empty());
}

TEST(Diagnose, NamesWhoDoesNotAnswer) {
  const Diagnosis diagnosis = WhyOf([](Request& request, std::mt19937&) { request.stock_refuses = true; });
  EXPECT_EQ(diagnosis.causes[0].service, "stock");
  EXPECT_EQ(diagnosis.causes[0].kind, CauseKind::kDependency);
}

TEST(Diagnose, SeesAStepThatVanished) {
  const Diagnosis diagnosis = WhyOf([](Request& request, std::mt19937&) { request.cart_skips_stock = true; });
  EXPECT_EQ(diagnosis.causes[0].service, "cart");
  EXPECT_EQ(diagnosis.causes[0].kind, CauseKind::kCode);
}

TEST(Diagnose, SeesTheVersionThatBeganWithIt) {
  const Diagnosis diagnosis = WhyOf([](Request& request, std::mt19937&) {
    request.stock_version = "2";
    request.stock_fails = true;
  });
  EXPECT_EQ(diagnosis.causes[0].service, "stock");
  EXPECT_EQ(diagnosis.causes[0].kind, CauseKind::kChange);
}

TEST(Diagnose, ACacheThatFillsIsNoIncident) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    Shop shop(seed);
    const auto fill = [](Request& request, std::mt19937&) {
      request.cart_skips_stock = request.time >= kStart + 6 * kSecond;
    };
    shop.usual = fill;
    const Diagnosis diagnosis = WhyWithoutTimes(shop.Run(fill));
    EXPECT_FALSE(diagnosis.incident) << seed << ": " << diagnosis.summary;
  }
}

TEST(Diagnose, ACacheThatNoLongerHitsIsNoRecovery) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    Shop shop(seed);
    // It is filled in the first seconds; from the onset on every request asks, as it did then.
    shop.usual = [](Request& request, std::mt19937&) {
      request.cart_skips_stock = request.time >= kStart + 6 * kSecond;
    };
    const model::Evidence evidence = shop.Run([](Request&, std::mt19937&) {});
    const Diagnosis diagnosis = WhyWithoutTimes(evidence);
    ASSERT_TRUE(diagnosis.incident) << seed << ": " << diagnosis.summary;
    EXPECT_LT(std::abs(diagnosis.from - kOnset), 5 * kSecond) << seed;
    EXPECT_EQ(diagnosis.causes[0].service, "cart") << seed;
  }
}

TEST(Diagnose, NamesTheOneOfTwoInstances) {
  bool second = false;
  const auto diagnose = [&](bool only_second) {
    return WhyOf([&](Request& request, std::mt19937&) {
      second = !second;
      request.stock_instance = second ? "stock-1" : "stock-0";
      request.stock_fails = second || !only_second;
    });
  };
  EXPECT_EQ(diagnose(true).causes[0].instance, "stock-1");
  EXPECT_EQ(diagnose(false).causes[0].instance, "");
}

TEST(Diagnose, IsSilentOnNothing) {
  const Diagnosis diagnosis = WhyWithoutTimes(model::Evidence());
  EXPECT_FALSE(diagnosis.incident);
  EXPECT_FALSE(diagnosis.summary.empty());
}

TEST(Diagnose, SaysWhereThereIsNothingToLookAt) {
  Shop shop(7);
  const model::Evidence evidence = shop.Run([](Request&, std::mt19937&) {});
  DiagnoseOptions options;
  options.incident_given = true;
  options.incident = {kEnd + 3600 * kSecond, kEnd + 3660 * kSecond};
  EXPECT_NE(Diagnose(evidence, options).summary.find("no traces between"), std::string::npos);
  options.incident = {kOnset, kEnd};
  options.baseline = {kStart - 7200 * kSecond, kStart - 3600 * kSecond};
  const Diagnosis diagnosis = Diagnose(evidence, options);
  EXPECT_FALSE(diagnosis.incident);
  EXPECT_NE(diagnosis.summary.find("to compare with"), std::string::npos);
  options.baseline = {};
  options.incident = {kStart, kEnd};
  EXPECT_NE(Diagnose(evidence, options).summary.find("from before"), std::string::npos);
  EXPECT_NE(Diagnose({}, options).summary.find("no traces"), std::string::npos);
}

TEST(Diagnose, TimesThatAreOffByAMinuteDoNotMatter) {
  Shop shop(7);
  const model::Evidence evidence = shop.Run([](Request& request, std::mt19937&) { request.cart_own += 200 * kMilli; });
  for (const int64_t shift : {-60, 0, 45}) {
    DiagnoseOptions options;
    options.incident_given = true;
    options.baseline = {kStart, kStart + 50 * kSecond};
    options.incident = {kOnset + shift * kSecond, kEnd + shift * kSecond};
    const Diagnosis diagnosis = Diagnose(evidence, options);
    ASSERT_TRUE(diagnosis.incident) << shift;
    EXPECT_EQ(diagnosis.causes[0].service, "cart") << shift;
    EXPECT_LT(std::abs(diagnosis.from - kOnset), 5 * kSecond) << shift;
  }
}

TEST(Diagnose, ABaselineWithinTheIncidentComparesWithWhatIsLeft) {
  Shop shop(7);
  const model::Evidence evidence = shop.Run([](Request& request, std::mt19937&) { request.cart_own += 200 * kMilli; });
  DiagnoseOptions options;
  options.incident_given = true;
  options.baseline = {kOnset + 10 * kSecond, kOnset + 30 * kSecond};
  options.incident = {kOnset, kEnd};
  // All of it looks like its baseline.
  EXPECT_FALSE(Diagnose(evidence, options).incident);
}

TEST(Diagnose, ASingleServiceIsEnough) {
  Shop shop(7);
  model::Evidence evidence = shop.Run([](Request& request, std::mt19937&) { request.stock_own += 200 * kMilli; });
  std::erase_if(evidence.segments, [&](const auto& s) { return evidence.Name(s.service) != "stock"; });
  for (model::Segment& segment : evidence.segments) {
    segment.parent = model::kNoSegment;
    segment.caller = 0;
    segment.hop = -1;
  }
  const Diagnosis diagnosis = WhyWithoutTimes(evidence);
  ASSERT_TRUE(diagnosis.incident);
  EXPECT_EQ(diagnosis.causes[0].service, "stock");
  EXPECT_TRUE(diagnosis.impact.empty());
}

TEST(Diagnose, NamesTheEndOfWhatIsOver) {
  Shop shop(7);
  const model::Evidence evidence = shop.Run([](Request& request, std::mt19937&) { request.cart_own += 0; },
                                            kStart + 60 * kSecond, kStart + 110 * kSecond);
  const Diagnosis diagnosis = WhyWithoutTimes(evidence);
  ASSERT_TRUE(diagnosis.incident);
  EXPECT_EQ(diagnosis.causes[0].service, "stock");
  EXPECT_LT(std::abs(diagnosis.from - kStart - 60 * kSecond), 10 * kSecond);
  EXPECT_LT(std::abs(diagnosis.to - kStart - 110 * kSecond), 10 * kSecond);
}

TEST(Diagnose, WaitingForTheSameThingIsSaturation) {
  Shop shop(7);
  const model::Evidence evidence = shop.Run([](Request& request, std::mt19937&) {
    // Held for two seconds, then everybody goes on.
    const int64_t cycle = 2 * kSecond;
    request.cart_own += cycle - (request.time - kOnset) % cycle;
  });
  const Diagnosis diagnosis = WhyWithoutTimes(evidence);
  ASSERT_TRUE(diagnosis.incident);
  EXPECT_EQ(diagnosis.causes[0].service, "cart");
  EXPECT_EQ(diagnosis.causes[0].kind, CauseKind::kSaturation);
}

TEST(Diagnose, GivesTheSameAnswerTwice) {
  const auto fault = [](Request& request, std::mt19937&) { request.cart_own += 50 * kMilli; };
  EXPECT_EQ(WhyOf(fault).summary, WhyOf(fault).summary);
}

TEST(Statistics, NormalQuantiles) {
  EXPECT_NEAR(NormalQuantile(0.5), 0, 1e-9);
  EXPECT_NEAR(NormalQuantile(0.975), 1.959964, 1e-6);
  EXPECT_NEAR(NormalQuantile(0.005), -2.575829, 1e-6);
}

TEST(Statistics, BoundsFromThePapers) {
  // Newcombe (1998), table II: 56/70 against 48/80 has the interval 0.0524 to 0.3339.
  EXPECT_NEAR(RiseLowerBound({48, 80}, {56, 70}, 1.96), 0.0524, 0.0005);
  EXPECT_NEAR(WilsonBounds({81, 263}, 1.96).low, 0.2553, 0.0005);
  EXPECT_NEAR(WilsonBounds({81, 263}, 1.96).high, 0.3662, 0.0005);
  EXPECT_LT(RiseLowerBound({1, 10}, {2, 10}, 1.96), 0);
  EXPECT_EQ(LogLikelihoodRatio({5, 10}, {5, 10}), 0);
  EXPECT_GT(LogLikelihoodRatio({0, 10}, {10, 10}), 10);
}

}  // namespace
}  // namespace clew::rca
