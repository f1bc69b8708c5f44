// SPDX-License-Identifier: Apache-2.0
#include "clew/store/rollup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "clew/store/edge_reader.h"
#include "clew/store/rollup_reader.h"
#include "clew/store/store_state.h"
#include "clew/store/store_testing.h"

namespace clew::store {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kMinute = 60 * kSecond;

class RollupTest : public StoreTest {
 protected:
  // Makes all windows whose spans had arrived by `stored`.
  void Apply(int64_t stored, RollupOptions options = {}) {
    options.stored_up_to = [stored] { return stored; };
    options.interval = 1h;
    Rollup rollup(*store_, std::move(options));
    const base::Status status = rollup.Apply();
    ASSERT_TRUE(status) << status.error().message;
  }
  std::vector<SpanRollup> Spans(std::string_view tenant = "anonymous") {
    const model::RequestContext context = ContextOf(tenant);
    auto rollups = RollupReader(*store_, context).Spans({});
    if (!rollups) ADD_FAILURE() << rollups.error().message;
    return rollups ? *std::move(rollups) : std::vector<SpanRollup>();
  }
  std::map<std::string, uint64_t> CallsByOperation(std::string_view tenant = "anonymous") {
    std::map<std::string, uint64_t> calls;
    for (const SpanRollup& rollup : Spans(tenant)) calls[rollup.service + " " + rollup.operation] += rollup.calls;
    return calls;
  }
  std::vector<ServiceEdge> Edges() {
    const model::RequestContext context = ContextOf();
    auto edges = EdgeReader(*store_, context).Edges({});
    if (!edges) ADD_FAILURE() << edges.error().message;
    return edges ? *std::move(edges) : std::vector<ServiceEdge>();
  }
};

// A request to `web` that calls `cart` and a database; the parts that each service sends apart from the others.
struct Request {
  explicit Request(uint64_t trace, int64_t start) {
    const size_t server = AddSpan(web, AddService(web, "web"), "GET /", trace, 1, 0, start);
    web.end_time[server] = static_cast<uint64_t>(start + kSecond);
    const size_t client = AddSpan(web, 0, "GET", trace, 2, 1, start);
    web.kind[client] = model::SpanKind::kClient;
    web.attribute_range[client] = AttributeList(web).Text("server.address", "cart.local").Finish();
    web.end_time[client] = static_cast<uint64_t>(start + kSecond * 6 / 10);
    const size_t answer = AddSpan(cart, AddService(cart, "cart"), "GET /cart", trace, 3, 2, start);
    cart.end_time[answer] = static_cast<uint64_t>(start + kSecond / 2);
    const size_t query = AddSpan(cart, 0, "SELECT", trace, 4, 3, start);
    cart.kind[query] = model::SpanKind::kClient;
    cart.status_code[query] = model::StatusCode::kError;
    cart.end_time[query] = static_cast<uint64_t>(start + kSecond / 10);
    cart.attribute_range[query] =
        AttributeList(cart).Text("db.system.name", "postgresql").Text("server.address", "pg").Finish();
  }
  model::SpanBatch web;
  model::SpanBatch cart;
};

TEST_F(RollupTest, CountsByOperationAndMinute) {
  const Request first(1, kNow);
  const Request second(2, kNow + kSecond);
  // The parts arrive in different minutes.
  ASSERT_TRUE(Insert(first.cart, "anonymous", {}, kNow));
  ASSERT_TRUE(Insert(first.web, "anonymous", {}, kNow + kMinute));
  ASSERT_TRUE(Insert(second.web, "anonymous", {}, kNow + kMinute));
  ASSERT_TRUE(Insert(second.cart, "anonymous", {}, kNow + 2 * kMinute));
  // Not yet: a parent or child may still come.
  Apply(kNow + kMinute + kSecond);
  EXPECT_TRUE(Spans().empty());
  Apply(kNow + 10 * kMinute);
  const auto rollups = Spans();
  ASSERT_EQ(rollups.size(), 4u);
  const auto of = [&](std::string_view operation) {
    return *std::ranges::find(rollups, operation, &SpanRollup::operation);
  };
  const SpanRollup server = of("GET /");
  EXPECT_EQ(server.minute, kNow / kMinute * kMinute);
  EXPECT_EQ(server.service, "web");
  EXPECT_EQ(server.kind, model::SpanKind::kServer);
  EXPECT_EQ(server.calls, 2u);
  EXPECT_DOUBLE_EQ(server.duration_sum, 2e9);
  EXPECT_DOUBLE_EQ(server.own_sum, 0.8e9);
  EXPECT_NEAR(server.durations.Quantile(0.5), 1e9, 0.2e9);
  EXPECT_EQ(server.exemplar_duration, kSecond);
  EXPECT_TRUE(server.exemplar_trace_id == TraceIdOf(1) || server.exemplar_trace_id == TraceIdOf(2));
  EXPECT_EQ(of("SELECT").status, model::StatusCode::kError);
  EXPECT_DOUBLE_EQ(of("GET /cart").own_sum, 0.8e9);

  const auto edges = Edges();
  ASSERT_EQ(edges.size(), 2u);
  EXPECT_EQ(edges[0].client, "cart");
  EXPECT_EQ(edges[0].server, "postgresql pg");
  EXPECT_EQ(edges[0].server_kind, NodeKind::kDatabase);
  EXPECT_EQ(edges[0].calls, 2u);
  EXPECT_EQ(edges[0].errors, 2u);
  EXPECT_EQ(edges[1].client, "web");
  EXPECT_EQ(edges[1].server, "cart");
  EXPECT_EQ(edges[1].calls, 2u);
  EXPECT_NEAR(edges[1].p50, 0.6e9, 0.1e9);
  const model::RequestContext context = ContextOf();
  const auto calls = RollupReader(*store_, context).Calls({});
  ASSERT_TRUE(calls);
  EXPECT_EQ((*calls)[1].client_operation, "GET");
  EXPECT_EQ((*calls)[1].server_operation, "GET /cart");
  EXPECT_EQ((*calls)[1].hops, 2u);
  EXPECT_DOUBLE_EQ((*calls)[1].hop_sum, 0.2e9);
}

TEST_F(RollupTest, AgreesWithTheSpansThemselves) {
  for (uint64_t trace = 1; trace <= 40; ++trace) {
    const Request request(trace, kNow + static_cast<int64_t>(trace) * kSecond * 3);
    ASSERT_TRUE(Insert(request.web, "anonymous", {}, kNow + static_cast<int64_t>(trace) * 5 * kSecond));
    ASSERT_TRUE(Insert(request.cart, "anonymous", {}, kNow + static_cast<int64_t>(trace) * 4 * kSecond));
  }
  // In parts, as large windows are.
  RollupOptions options;
  options.spans_at_once = 7;
  Apply(kNow + 20 * kMinute, options);
  const model::RequestContext context = ContextOf();
  const auto direct = SpanReader(*store_, context).Edges({});
  ASSERT_TRUE(direct);
  auto edges = Edges();
  ASSERT_EQ(edges.size(), direct->size());
  for (const ServiceEdge& edge : *direct) {
    const auto same = std::ranges::find_if(
        edges, [&](const ServiceEdge& other) { return other.client == edge.client && other.server == edge.server; });
    ASSERT_NE(same, edges.end());
    EXPECT_EQ(same->calls, edge.calls);
    EXPECT_EQ(same->errors, edge.errors);
    EXPECT_DOUBLE_EQ(same->duration_sum, edge.duration_sum);
    EXPECT_NEAR(same->p95, edge.p95, 0.2 * edge.p95);
  }
  EXPECT_EQ(CallsByOperation()["web GET /"], 40u);
}

TEST_F(RollupTest, EdgesAreWhatTheSpansSayWhateverIsCountedYet) {
  for (uint64_t trace = 1; trace <= 20; ++trace) {
    const int64_t at = kNow + static_cast<int64_t>(trace) * 60 * kSecond;
    const Request request(trace, at);
    ASSERT_TRUE(Insert(request.web, "anonymous", {}, at + kSecond));
    // Some nobody answers, at an address where cart answers others.
    if (trace % 5 == 0) continue;
    ASSERT_TRUE(Insert(request.cart, "anonymous", {}, at + 2 * kSecond));
  }
  const model::RequestContext context = ContextOf();
  const auto compare = [&](TimeRange range) {
    const auto direct = SpanReader(*store_, context).Edges(range);
    const auto edges = EdgeReader(*store_, context).Edges(range);
    ASSERT_TRUE(direct && edges);
    ASSERT_EQ(edges->size(), direct->size());
    for (const ServiceEdge& edge : *direct) {
      const auto same = std::ranges::find_if(*edges, [&](const ServiceEdge& other) {
        return other.client == edge.client && other.server == edge.server && other.server_kind == edge.server_kind;
      });
      ASSERT_NE(same, edges->end()) << edge.client << " " << edge.server;
      EXPECT_EQ(same->calls, edge.calls) << edge.server;
      EXPECT_EQ(same->errors, edge.errors);
      EXPECT_DOUBLE_EQ(same->duration_sum, edge.duration_sum);
      EXPECT_NEAR(same->p95, edge.p95, 0.2 * edge.p95);
    }
    const auto services = EdgeReader(*store_, context).Services(range);
    ASSERT_TRUE(services);
    EXPECT_EQ(*services, *SpanReader(*store_, context).Services(range));
  };
  const TimeRange all{kNow - kMinute, kNow + 30 * kMinute};
  // Ends that lie within a minute.
  const TimeRange odd{kNow + 70 * kSecond, kNow + 19 * kMinute + 7 * kSecond};
  const TimeRange brief{kNow + 3 * kMinute, kNow + 9 * kMinute};
  for (const int64_t stored : {int64_t{0}, kNow + 8 * kMinute, kNow + 60 * kMinute}) {
    if (stored > 0) Apply(stored);
    for (const TimeRange range : {all, odd, brief, TimeRange()}) compare(range);
  }
}

TEST_F(RollupTest, AnAttemptThatACrashCutOffDoesNotCount) {
  const Request request(1, kNow);
  ASSERT_TRUE(Insert(request.web));
  ASSERT_TRUE(Insert(request.cart));
  Apply(kNow + 10 * kMinute);
  const auto before = CallsByOperation();
  ASSERT_EQ(before.at("web GET /"), 1u);
  // As if the row that names them had not come to be.
  auto& engine = store_->state().engine();
  ASSERT_TRUE(engine.Execute("TRUNCATE TABLE rollup_windows", {}, {}));
  Reopen();
  EXPECT_TRUE(Spans().empty());
  Apply(kNow + 10 * kMinute);
  EXPECT_EQ(CallsByOperation(), before);
  // Nothing is made twice.
  Reopen();
  Apply(kNow + 20 * kMinute);
  EXPECT_EQ(CallsByOperation(), before);
}

TEST_F(RollupTest, SpansThatArriveInADoneMinuteAreCounted) {
  const Request first(1, kNow);
  ASSERT_TRUE(Insert(first.web));
  Apply(kNow + 10 * kMinute);
  EXPECT_EQ(CallsByOperation()["web GET /"], 1u);
  // The clock was set back.
  const Request second(2, kNow);
  ASSERT_TRUE(Insert(second.web));
  ASSERT_TRUE(Insert(first.cart, "anonymous", {}, kNow + kMinute));
  EXPECT_EQ(CallsByOperation()["web GET /"], 1u);
  Apply(kNow + 10 * kMinute);
  EXPECT_EQ(CallsByOperation()["web GET /"], 2u);
  EXPECT_EQ(CallsByOperation()["cart GET /cart"], 1u);
  const auto rollups = Spans();
  const auto server = std::ranges::find(rollups, "GET /", &SpanRollup::operation);
  ASSERT_NE(server, rollups.end());
  EXPECT_DOUBLE_EQ(server->own_sum, 0.8e9);
}

TEST_F(RollupTest, BoundsOperationsAndSaysSo) {
  model::SpanBatch batch;
  const uint32_t service = AddService(batch, "web");
  for (uint64_t i = 0; i < 20; ++i) {
    AddSpan(batch, service, "GET /" + std::to_string(i < 5 ? 0 : i), 100 + i, 1, 0, kNow);
  }
  ASSERT_TRUE(Insert(batch));
  RollupOptions options;
  options.operations = 3;
  Apply(kNow + 10 * kMinute, options);
  auto calls = CallsByOperation();
  EXPECT_EQ(calls.size(), 4u);
  EXPECT_EQ(calls["web GET /0"], 5u);
  EXPECT_EQ(calls["web " + std::string(kOtherOperations)], 13u);
}

TEST_F(RollupTest, KeepsTenantsApart) {
  const Request request(1, kNow);
  ASSERT_TRUE(Insert(request.web, "one"));
  // The same ids of somebody else are another trace.
  ASSERT_TRUE(Insert(request.cart, "two"));
  Apply(kNow + 10 * kMinute);
  EXPECT_TRUE(Spans().empty());
  EXPECT_EQ(CallsByOperation("one").size(), 2u);
  EXPECT_EQ(CallsByOperation("two").size(), 2u);
  EXPECT_DOUBLE_EQ(Spans("one").front().own_sum + Spans("one").back().own_sum, 0.4e9 + 0.6e9);
  const model::RequestContext context = ContextOf("one");
  // What answered "one" is of another tenant.
  const auto edges = EdgeReader(*store_, context).Edges({});
  ASSERT_TRUE(edges);
  ASSERT_EQ(edges->size(), 1u);
  EXPECT_EQ(edges->front().server_kind, NodeKind::kExternal);
}

TEST(DurationCounts, GivesQuantiles) {
  DurationCounts durations;
  EXPECT_EQ(durations.Quantile(0.5), 0);
  durations.Add(-1, 1);
  EXPECT_EQ(durations.Quantile(0.5), 0);
  durations.Add(40, 99);  // up to 1024 ns
  EXPECT_NEAR(durations.Quantile(0.5), 940, 85);
  EXPECT_DOUBLE_EQ(durations.Quantile(1), 1024);
}

}  // namespace
}  // namespace clew::store
