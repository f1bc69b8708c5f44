// SPDX-License-Identifier: Apache-2.0
#include "clew/store/series_reader.h"

#include <bit>
#include <cmath>
#include <limits>

#include "clew/store/store_testing.h"

namespace clew::store {
namespace {

using model::MatchType;
using Matchers = std::vector<model::LabelMatcher>;
using Strings = std::vector<std::string>;

const Matchers kAny = {{MatchType::kNotEqual, "__name__", ""}};

class SeriesReaderTest : public StoreTest {
 protected:
  Strings Selected(const Matchers& matchers, TimeRange range = {}, std::string_view tenant = "anonymous") {
    const model::RequestContext context = ContextOf(tenant);
    const auto series = SeriesReader(*store_, context).Select(matchers, range);
    EXPECT_TRUE(series) << series.error().message;
    Strings texts;
    if (!series) return texts;
    for (const SeriesPtr& one : *series) texts.push_back(one->labels.ToString());
    return texts;
  }
  void InsertThree() {
    model::SeriesBatch batch;
    const uint32_t a = AddSeries(batch, {"__name__", "up", "job", "shop", "instance", "a"});
    const uint32_t b = AddSeries(batch, {"__name__", "up", "job", "shop", "instance", "b", "zone", "eu"});
    const uint32_t c = AddSeries(batch, {"__name__", "requests_total", "job", "cart"});
    AddSample(batch, a, kNow, 1);
    AddSample(batch, b, kNow + 10 * kSecond, 0);
    AddSample(batch, c, kNow + 20 * kSecond, 5);
    batch.series[c].type = model::FamilyType::kCounter;
    batch.series[c].family = batch.strings.Intern("requests");
    batch.series[c].help = batch.strings.Intern("Requests served.");
    batch.series[c].unit = batch.strings.Intern("requests");
    ASSERT_TRUE(Insert(batch));
  }
};

TEST_F(SeriesReaderTest, SelectsAsPrometheusDoes) {
  InsertThree();
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    const std::string a = "up{instance=\"a\", job=\"shop\"}";
    const std::string b = "up{instance=\"b\", job=\"shop\", zone=\"eu\"}";
    const std::string c = "requests_total{job=\"cart\"}";
    EXPECT_EQ(Selected(kAny), (Strings{c, a, b}));
    EXPECT_EQ(Selected({{MatchType::kEqual, "__name__", "up"}}), (Strings{a, b}));
    EXPECT_EQ(Selected({{MatchType::kEqual, "__name__", "up"}, {MatchType::kEqual, "instance", "b"}}), Strings{b});
    EXPECT_EQ(Selected({{MatchType::kEqual, "__name__", "down"}}), Strings{});
    EXPECT_EQ(Selected({{MatchType::kRegex, "__name__", "u."}}), (Strings{a, b}));
    EXPECT_EQ(Selected({{MatchType::kRegex, "__name__", "u"}}), Strings{});
    EXPECT_EQ(Selected({{MatchType::kNotRegex, "instance", "a|b"}, {MatchType::kEqual, "job", "cart"}}), Strings{c});
    // A missing label is an empty one.
    EXPECT_EQ(Selected({{MatchType::kEqual, "__name__", "up"}, {MatchType::kEqual, "zone", ""}}), Strings{a});
    EXPECT_EQ(Selected({{MatchType::kEqual, "__name__", "up"}, {MatchType::kNotEqual, "zone", "eu"}}), Strings{a});
    EXPECT_EQ(Selected({{MatchType::kEqual, "__name__", "up"}, {MatchType::kRegex, "zone", ".*"}}), (Strings{a, b}));
    EXPECT_EQ(Selected({{MatchType::kEqual, "__name__", "up"}, {MatchType::kRegex, "zone", ".+"}}), Strings{b});
    EXPECT_EQ(Selected({{MatchType::kEqual, "nothing", ""}, {MatchType::kEqual, "job", "cart"}}), Strings{c});
    EXPECT_EQ(Selected({{MatchType::kNotEqual, "nothing", ""}}), Strings{});
    // Of the time asked for only.
    EXPECT_EQ(Selected(kAny, {kNow + 10 * kSecond, kNow + 20 * kSecond}), Strings{b});
    EXPECT_EQ(Selected(kAny, {kNow + 1, kNow + 10 * kSecond}), Strings{});
    EXPECT_EQ(Selected(kAny, {}, "other"), Strings{});
  }
}

TEST_F(SeriesReaderTest, ListsLabelsAndFamilies) {
  InsertThree();
  const model::RequestContext context = ContextOf();
  SeriesReader reader(*store_, context);
  EXPECT_EQ(*reader.LabelNames({}, {}), (Strings{"__name__", "instance", "job", "zone"}));
  const Matchers cart = {{MatchType::kEqual, "job", "cart"}};
  EXPECT_EQ(*reader.LabelNames(cart, {}), (Strings{"__name__", "job"}));
  EXPECT_EQ(*reader.LabelValues("job", {}, {}), (Strings{"cart", "shop"}));
  EXPECT_EQ(*reader.LabelValues("job", {}, {kNow, kNow + 1}), Strings{"shop"});
  EXPECT_EQ(*reader.LabelValues("zone", cart, {}), Strings{});
  EXPECT_EQ(*reader.LabelValues("missing", {}, {}), Strings{});
  const auto families = reader.Metadata();
  ASSERT_TRUE(families);
  ASSERT_EQ(families->size(), 2u);
  EXPECT_EQ(families->at(0).family, "requests");
  EXPECT_EQ(families->at(0).type, model::FamilyType::kCounter);
  EXPECT_EQ(families->at(0).help, "Requests served.");
  EXPECT_EQ(families->at(0).unit, "requests");
}

TEST_F(SeriesReaderTest, MetadataThatChangesIsKept) {
  InsertThree();
  model::SeriesBatch batch;
  const uint32_t c = AddSeries(batch, {"__name__", "requests_total", "job", "cart"});
  batch.series[c].family = batch.strings.Intern("requests");
  batch.series[c].help = batch.strings.Intern("Better words.");
  AddSample(batch, c, kNow + 30 * kSecond, 6);
  ASSERT_TRUE(Insert(batch, "anonymous", {}, kNow + kSecond));
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    const model::RequestContext context = ContextOf();
    EXPECT_EQ(SeriesReader(*store_, context).Metadata()->at(0).help, "Better words.");
  }
}

TEST_F(SeriesReaderTest, SamplesKeepTheirBits) {
  model::SeriesBatch batch;
  const uint32_t series = AddSeries(batch, {"__name__", "bits"});
  const double values[] = {std::bit_cast<double>(model::kStaleNanBits),
                           std::numeric_limits<double>::quiet_NaN(),
                           INFINITY,
                           -INFINITY,
                           -0.0,
                           std::numeric_limits<double>::denorm_min(),
                           0.1};
  // Before 1970, 1970, 2100, and the ends of what a time can be.
  const int64_t times[] = {std::numeric_limits<int64_t>::min(),    -5, 0, 1, kNow, 4'102'444'800 * kSecond,
                           std::numeric_limits<int64_t>::max() - 1};
  for (size_t i = 0; i < 7; ++i) batch.samples.push_back({series, 0, times[i] / 2, times[i], values[i]});
  ASSERT_TRUE(Insert(batch));
  const model::RequestContext context = ContextOf();
  const auto all = SeriesReader(*store_, context).Samples(kAny, {});
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 1u);
  const SeriesSamples& one = all->at(0);
  ASSERT_EQ(one.times.size(), 7u);
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(one.times[i], times[i]);
    EXPECT_EQ(one.start_times[i], times[i] / 2);
    EXPECT_EQ(std::bit_cast<uint64_t>(one.values[i]), std::bit_cast<uint64_t>(values[i])) << i;
  }
}

TEST_F(SeriesReaderTest, SamplesAreSortedAndTheLastOfOneTimeCounts) {
  model::SeriesBatch batch;
  const uint32_t b = AddSeries(batch, {"__name__", "m", "x", "b"});
  const uint32_t a = AddSeries(batch, {"__name__", "m", "x", "a"});
  for (const int64_t i : {5, 1, 3}) {
    AddSample(batch, a, kNow + i * kSecond, static_cast<double>(i));
    AddSample(batch, b, kNow + i * kSecond, static_cast<double>(-i));
  }
  ASSERT_TRUE(Insert(batch));
  model::SeriesBatch later;
  AddSample(later, AddSeries(later, {"__name__", "m", "x", "a"}), kNow + 3 * kSecond, 33);
  AddSample(later, 0, kNow + 2 * kSecond, 22);
  ASSERT_TRUE(Insert(later, "anonymous", {}, kNow + 60 * kSecond));
  const model::RequestContext context = ContextOf();
  const auto all = SeriesReader(*store_, context).Samples(kAny, {kNow + kSecond, kNow + 5 * kSecond});
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ(all->at(0).series->labels.Get("x"), "a");
  EXPECT_EQ(all->at(0).values, (std::vector<double>{1, 22, 33}));
  EXPECT_EQ(all->at(1).values, (std::vector<double>{-1, -3}));
  EXPECT_TRUE(SeriesReader(*store_, context).Samples(kAny, {kNow, kNow})->empty());
}

TEST_F(SeriesReaderTest, DeltasBecomeRunningSums) {
  model::SeriesBatch batch;
  const uint32_t series = AddSeries(batch, {"__name__", "delta_total"});
  batch.series[series].temporality = model::Temporality::kDelta;
  for (const int64_t i : {1, 2, 3}) {
    batch.samples.push_back({series, 0, kNow + (i - 1) * kSecond, kNow + i * kSecond, static_cast<double>(i)});
  }
  batch.samples.push_back({series, 1, 0, kNow + 4 * kSecond, std::bit_cast<double>(model::kStaleNanBits)});
  ASSERT_TRUE(Insert(batch));
  const model::RequestContext context = ContextOf();
  const auto all = SeriesReader(*store_, context).Samples(kAny, {});
  ASSERT_EQ(all->at(0).values.size(), 4u);
  EXPECT_EQ(all->at(0).values[0], 1);
  EXPECT_EQ(all->at(0).values[1], 3);
  EXPECT_EQ(all->at(0).values[2], 6);
  EXPECT_EQ(std::bit_cast<uint64_t>(all->at(0).values[3]), model::kStaleNanBits);
  EXPECT_EQ(all->at(0).start_times[2], kNow);
}

model::HistogramRow AddHistogram(model::SeriesBatch& batch, uint32_t series, int64_t time, std::vector<int32_t> indexes,
                                 std::vector<double> counts) {
  model::HistogramRow row;
  row.series = series;
  row.time = time;
  row.start_time = kNow;
  row.count = 3;
  row.sum = 4.5;
  row.min = std::numeric_limits<double>::quiet_NaN();
  row.max = 2;
  row.zero_count = 1;
  row.zero_threshold = 1e-9;
  row.schema = 3;
  row.positive_indexes = {static_cast<uint32_t>(batch.indexes.size()), static_cast<uint32_t>(indexes.size())};
  batch.indexes.insert(batch.indexes.end(), indexes.begin(), indexes.end());
  row.positive_counts = {static_cast<uint32_t>(batch.doubles.size()), static_cast<uint32_t>(counts.size())};
  batch.doubles.insert(batch.doubles.end(), counts.begin(), counts.end());
  batch.histograms.push_back(row);
  return row;
}

TEST_F(SeriesReaderTest, HistogramsComeBackWhole) {
  model::SeriesBatch batch;
  const uint32_t series = AddSeries(batch, {"__name__", "h"});
  AddHistogram(batch, series, kNow, {-2, 5}, {1, 1});
  AddHistogram(batch, series, kNow + kSecond, {}, {});
  model::HistogramRow& custom = batch.histograms.back();
  custom.schema = -53;
  custom.custom_bounds = {static_cast<uint32_t>(batch.doubles.size()), 2};
  batch.doubles.insert(batch.doubles.end(), {0.5, INFINITY});
  custom.negative_indexes = {static_cast<uint32_t>(batch.indexes.size()), 1};
  batch.indexes.push_back(9);
  custom.negative_counts = {static_cast<uint32_t>(batch.doubles.size()), 1};
  batch.doubles.push_back(7);
  ASSERT_TRUE(batch.IsConsistent());
  ASSERT_TRUE(Insert(batch));
  Reopen();
  const model::RequestContext context = ContextOf();
  const auto all = SeriesReader(*store_, context).Histograms(kAny, {});
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 1u);
  ASSERT_EQ(all->at(0).histograms.size(), 2u);
  const Histogram& first = all->at(0).histograms[0];
  EXPECT_EQ(first.schema, 3);
  EXPECT_EQ(first.count, 3);
  EXPECT_EQ(first.sum, 4.5);
  EXPECT_TRUE(std::isnan(first.min));
  EXPECT_EQ(first.max, 2);
  EXPECT_EQ(first.zero_count, 1);
  EXPECT_EQ(first.zero_threshold, 1e-9);
  EXPECT_EQ(first.start_time, kNow);
  EXPECT_EQ(first.positive_indexes, (std::vector<int32_t>{-2, 5}));
  EXPECT_EQ(first.positive_counts, (std::vector<double>{1, 1}));
  const Histogram& second = all->at(0).histograms[1];
  EXPECT_EQ(second.schema, -53);
  EXPECT_EQ(second.custom_bounds, (std::vector<double>{0.5, INFINITY}));
  EXPECT_EQ(second.negative_indexes, std::vector<int32_t>{9});
  EXPECT_EQ(second.negative_counts, std::vector<double>{7});
}

TEST_F(SeriesReaderTest, DeltaHistogramsAddUp) {
  model::SeriesBatch batch;
  const uint32_t series = AddSeries(batch, {"__name__", "h"});
  batch.series[series].temporality = model::Temporality::kDelta;
  AddHistogram(batch, series, kNow + kSecond, {-2, 5}, {1, 1});
  AddHistogram(batch, series, kNow + 2 * kSecond, {1, 5}, {1, 2});
  AddHistogram(batch, series, kNow + 3 * kSecond, {4}, {1});
  batch.histograms.back().schema = 2;  // another layout
  ASSERT_TRUE(Insert(batch));
  const model::RequestContext context = ContextOf();
  const auto all = SeriesReader(*store_, context).Histograms(kAny, {});
  const auto& list = all->at(0).histograms;
  EXPECT_EQ(list[1].positive_indexes, (std::vector<int32_t>{-2, 1, 5}));
  EXPECT_EQ(list[1].positive_counts, (std::vector<double>{1, 1, 3}));
  EXPECT_EQ(list[1].count, 6);
  EXPECT_EQ(list[1].sum, 9);
  EXPECT_EQ(list[2].count, 3);
}

TEST_F(SeriesReaderTest, ExemplarsPointAtTraces) {
  model::SeriesBatch batch;
  const uint32_t series = AddSeries(batch, {"__name__", "m"});
  AddSample(batch, series, kNow, 1);
  model::ExemplarRow exemplar;
  exemplar.series = series;
  exemplar.time = kNow;
  exemplar.value = 0.25;
  exemplar.trace_id = TraceIdOf(1);
  exemplar.span_id = SpanIdOf(2);
  exemplar.labels = {static_cast<uint32_t>(batch.labels.size()), 1};
  batch.labels.push_back({batch.strings.Intern("trace_id"), batch.strings.Intern(TraceIdOf(1).ToHex())});
  batch.exemplars = {exemplar, exemplar};
  ASSERT_TRUE(Insert(batch));
  const model::RequestContext context = ContextOf();
  const auto all = SeriesReader(*store_, context).Exemplars(kAny, {});
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 1u);
  ASSERT_EQ(all->at(0).exemplars.size(), 2u);
  EXPECT_EQ(all->at(0).exemplars[0].value, 0.25);
  EXPECT_EQ(all->at(0).exemplars[0].trace_id, TraceIdOf(1));
  EXPECT_EQ(all->at(0).exemplars[0].span_id, SpanIdOf(2));
  EXPECT_EQ(all->at(0).exemplars[0].labels.Get("trace_id"), TraceIdOf(1).ToHex());
  EXPECT_TRUE(SeriesReader(*store_, context).Exemplars(kAny, {0, 1})->empty());
}

TEST_F(SeriesReaderTest, TenantsDoNotSeeEachOther) {
  model::SeriesBatch one;
  AddSample(one, AddSeries(one, {"__name__", "m", "who", "one"}), kNow, 1);
  model::SeriesBatch same;
  AddSample(same, AddSeries(same, {"__name__", "m", "who", "one"}), kNow, 2);
  ASSERT_TRUE(Insert(one, "t1"));
  ASSERT_TRUE(Insert(same, "t2"));
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    const model::RequestContext first = ContextOf("t1");
    const model::RequestContext second = ContextOf("t2");
    EXPECT_EQ(SeriesReader(*store_, first).Samples(kAny, {})->at(0).values, std::vector<double>{1});
    EXPECT_EQ(SeriesReader(*store_, second).Samples(kAny, {})->at(0).values, std::vector<double>{2});
    const model::RequestContext third = ContextOf("t3");
    EXPECT_TRUE(SeriesReader(*store_, third).Samples(kAny, {})->empty());
    EXPECT_TRUE(SeriesReader(*store_, third).LabelNames({}, {})->empty());
    EXPECT_TRUE(SeriesReader(*store_, third).Metadata()->empty());
  }
}

TEST_F(SeriesReaderTest, SaysWhatIsWrong) {
  InsertThree();
  model::RequestContext context = ContextOf();
  EXPECT_EQ(SeriesReader(*store_, context).Select(Matchers{{MatchType::kRegex, "a", "("}}, {}).error().code,
            base::Code::kInvalidArgument);
  model::SeriesBatch many;
  const uint32_t series = AddSeries(many, {"__name__", "many"});
  for (int64_t i = 0; i < 100'000; ++i) AddSample(many, series, kNow + i, 1);
  ASSERT_TRUE(Insert(many));
  EXPECT_EQ(SeriesReader(*store_, context).Samples(kAny, {})->size(), 4u);
  context.memory_budget_bytes = 1 << 20;
  EXPECT_EQ(SeriesReader(*store_, context).Samples(kAny, {}).error().code, base::Code::kResourceExhausted);
}

TEST_F(SeriesReaderTest, ManySeriesAtOnce) {
  model::SeriesBatch batch;
  for (int i = 0; i < 20'000; ++i) {
    AddSample(batch, AddSeries(batch, {"__name__", "m", "n", std::to_string(i)}), kNow, i);
  }
  ASSERT_TRUE(Insert(batch));
  const model::RequestContext context = ContextOf();
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    const auto all = SeriesReader(*store_, context).Samples(kAny, {});
    ASSERT_TRUE(all) << all.error().message;
    EXPECT_EQ(all->size(), 20'000u);
  }
}

}  // namespace
}  // namespace clew::store
