// SPDX-License-Identifier: Apache-2.0
#include "clew/model/otlp_to_series.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>
#include <functional>
#include <limits>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "clew/base/hash.h"
#include "clew/model/labels.h"
#include "clew/model/prometheus_names.h"

namespace clew::model {
namespace {

// What the specification gives a histogram that names no zero threshold.
constexpr double kDefaultZeroThreshold = 1e-128;
// OpenMetrics 1.0, "Exemplars": characters of all label names and values together.
constexpr size_t kMaxExemplarCharacters = 128;
// Half of PromQL's lookback, so that target_info is found wherever a point is.
constexpr int64_t kTargetInfoInterval = 150 * int64_t{1'000'000'000};
// OTLP's scales lie within; others would overflow bucket indexes.
constexpr int32_t kMinScale = -10;
constexpr int32_t kMaxScale = 20;

double StaleMarker() { return std::bit_cast<double>(kStaleNanBits); }

size_t CountCharacters(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

class Converter {
 public:
  Converter(const MetricBatch& in, const ToSeriesOptions& options)
      : in_(in), options_(options), label_names_(in.strings.size()), families_(in.metrics.size()) {
    name_label_ = out().strings.Intern(kMetricName);
    le_label_ = out().strings.Intern(kLeLabel);
    quantile_label_ = out().strings.Intern(kQuantileLabel);
    job_label_ = out().strings.Intern(kJobLabel);
    instance_label_ = out().strings.Intern(kInstanceLabel);
    point_times_.resize(in.resources.size());
    identities_.resize(in.resources.size());
  }

  ToSeriesResult Run() {
    for (const NumberPoint& point : in_.numbers) Convert(point);
    for (const HistogramPoint& point : in_.histograms) Convert(point);
    for (const ExponentialHistogramPoint& point : in_.exponential_histograms) Convert(point);
    for (const SummaryPoint& point : in_.summaries) Convert(point);
    AddTargetInfo();
    return std::move(result_);
  }

 private:
  using Pairs = std::vector<LabelPair>;

  // A metric's name and metadata in the output.
  struct Family {
    StringId name = 0;  // 0: not made yet, or the metric has none
    StringId help = 0;
    StringId unit = 0;
    FamilyType type = FamilyType::kUnknown;
    std::string rejection;
  };

  // The labels job and instance of a resource, 0 where it has none.
  struct Identity {
    bool made = false;
    StringId job = 0;
    StringId instance = 0;
  };

  SeriesBatch& out() { return result_.series; }

  void Reject(std::string_view reason) {
    if (result_.rejected_points++ == 0) result_.reason = reason;
  }

  // ---- names and labels

  const Family& FamilyOf(uint32_t metric_row) {
    Family& family = families_[metric_row];
    if (family.name != 0 || !family.rejection.empty()) return family;
    const Metric& metric = in_.metrics[metric_row];
    const std::string_view unit = in_.Text(metric.unit);
    const auto name = FamilyName(in_.Text(metric.name), unit, metric.type, metric.is_monotonic);
    const bool has_temporality = metric.type == MetricType::kSum || metric.type == MetricType::kHistogram ||
                                 metric.type == MetricType::kExponentialHistogram;
    if (!name) {
      family.rejection = name.error().message;
    } else if (has_temporality && metric.temporality == Temporality::kUnspecified) {
      family.rejection = "a sum or histogram needs an aggregation temporality, cumulative or delta";
    } else {
      family.name = out().strings.Intern(*name);
      family.help = out().strings.Intern(in_.Text(metric.description));
      family.unit = out().strings.Intern(UnitName(unit));
      family.type = HintedType(metric);
    }
    return family;
  }

  // The specification's section "Gauges": metadata prometheus.type says what a Prometheus gauge once was.
  FamilyType HintedType(const Metric& metric) const {
    const FamilyType type = FamilyTypeOf(metric.type, metric.is_monotonic);
    if (type != FamilyType::kGauge) return type;
    const std::string_view hint = FindString(in_.attributes, in_.strings, metric.metadata, "prometheus.type");
    for (const FamilyType hinted : {FamilyType::kUnknown, FamilyType::kInfo, FamilyType::kStateSet}) {
      if (hint == FamilyTypeName(hinted)) return hinted;
    }
    return type;
  }

  // The label name of an attribute key; 0 where it has none.
  StringId LabelNameOf(StringId key) {
    StringId& cached = label_names_[key];
    if (cached == 0) {
      const auto name = LabelName(in_.Text(key));
      cached = name ? out().strings.Intern(*name) : kNoName;
    }
    return cached == kNoName ? 0 : cached;
  }

  StringId ValueOf(const Value& value) {
    scratch_text_.clear();
    AppendValueText(in_.attributes, in_.strings, value, scratch_text_);
    return out().strings.Intern(scratch_text_);
  }

  static LabelPair* Find(Pairs& pairs, StringId name) {
    const auto found = std::ranges::find(pairs, name, &LabelPair::name);
    return found == pairs.end() ? nullptr : &*found;
  }
  static void Set(Pairs& pairs, StringId name, StringId value) {
    if (LabelPair* pair = Find(pairs, name); pair != nullptr) {
      pair->value = value;
    } else {
      pairs.push_back({name, value});
    }
  }
  void Set(Pairs& pairs, std::string_view name, std::string_view value) {
    Set(pairs, out().strings.Intern(name), out().strings.Intern(value));
  }

  // Adds the attributes of `range` as labels, in the order of their keys; values of keys that give the same label are
  // joined with ';'. False where a key has no label.
  bool AddAttributes(Range range, const std::function<bool(std::string_view)>& wanted, Pairs& pairs) {
    scratch_rows_.clear();
    for (uint32_t i = 0; i < range.count; ++i) {
      const KeyValue& row = in_.attributes.key_values[range.first + i];
      const std::string_view key = in_.Text(row.key);
      if (key != kMetricName && wanted(key)) scratch_rows_.push_back(&row);
    }
    // Rows of one key stay in their order, which is that of their addresses.
    std::ranges::sort(scratch_rows_, [this](const KeyValue* a, const KeyValue* b) {
      const auto order = a->key == b->key ? std::strong_ordering::equal : in_.Text(a->key) <=> in_.Text(b->key);
      return order < 0 || (order == 0 && a < b);
    });
    for (size_t i = 0; i < scratch_rows_.size(); ++i) {
      const KeyValue& row = *scratch_rows_[i];
      // Of a key that stands twice the last one counts.
      if (i + 1 < scratch_rows_.size() && in_.Text(scratch_rows_[i + 1]->key) == in_.Text(row.key)) continue;
      const StringId name = LabelNameOf(row.key);
      if (name == 0) return false;
      const StringId value = ValueOf(row.value);
      if (LabelPair* pair = Find(pairs, name); pair != nullptr && pair->value != 0) {
        std::string joined(out().Text(pair->value));
        joined += ';';
        joined += out().Text(value);
        pair->value = out().strings.Intern(joined);
      } else {
        Set(pairs, name, value);
      }
    }
    return true;
  }

  std::string ResourceValue(uint32_t resource, std::string_view key) const {
    const KeyValue* row = FindAttribute(in_.attributes, in_.strings, in_.resources[resource].attributes, key);
    return row == nullptr ? std::string() : ValueToText(in_.attributes, in_.strings, row->value);
  }

  const Identity& IdentityOf(uint32_t resource) {
    Identity& identity = identities_[resource];
    if (!identity.made) {
      identity.made = true;
      identity.job = out().strings.Intern(
          JobName(ResourceValue(resource, "service.namespace"), ResourceValue(resource, "service.name")));
      identity.instance = out().strings.Intern(ResourceValue(resource, "service.instance.id"));
    }
    return identity;
  }

  void AddIdentity(uint32_t resource, Pairs& pairs) {
    const Identity& identity = IdentityOf(resource);
    if (identity.job != 0) Set(pairs, job_label_, identity.job);
    if (identity.instance != 0) Set(pairs, instance_label_, identity.instance);
  }

  void AddPromoted(uint32_t resource, Pairs& pairs) {
    for (const std::string& key : options_.promoted_resource_attributes) {
      const KeyValue* row = FindAttribute(in_.attributes, in_.strings, in_.resources[resource].attributes, key);
      if (row == nullptr) continue;
      const StringId name = LabelNameOf(row->key);
      if (name != 0 && Find(pairs, name) == nullptr) pairs.push_back({name, ValueOf(row->value)});
    }
  }

  void AddScope(uint32_t scope_row, Pairs& pairs) {
    const Scope& scope = in_.scopes[scope_row];
    for (uint32_t i = 0; i < scope.attributes.count; ++i) {
      const KeyValue& row = in_.attributes.key_values[scope.attributes.first + i];
      const auto name = LabelName(std::string(kScopeLabelPrefix) + std::string(in_.Text(row.key)));
      if (name && *name != kScopeNameLabel && *name != kScopeVersionLabel && *name != kScopeSchemaUrlLabel) {
        Set(pairs, out().strings.Intern(*name), ValueOf(row.value));
      }
    }
    Set(pairs, kScopeNameLabel, in_.Text(scope.name));
    Set(pairs, kScopeVersionLabel, in_.Text(scope.version));
    Set(pairs, kScopeSchemaUrlLabel, in_.Text(scope.schema_url));
  }

  // The labels that all series of a point share, in base_. False, and the point is counted as rejected, where it
  // cannot be stored.
  bool Begin(const PointBase& point) {
    const Family& family = FamilyOf(point.metric);
    if (!family.rejection.empty()) {
      Reject(family.rejection);
      return false;
    }
    if (point.time == 0 || point.time > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      Reject("a data point needs time_unix_nano between 1970 and 2262");
      return false;
    }
    base_.clear();
    if (!AddAttributes(point.attributes, [](std::string_view) { return true; }, base_)) {
      Reject("an attribute's key needs at least one letter or digit");
      return false;
    }
    const Metric& metric = in_.metrics[point.metric];
    AddPromoted(metric.resource, base_);
    AddIdentity(metric.resource, base_);
    if (options_.scope_labels) AddScope(metric.scope, base_);
    return true;
  }

  // The row of the series with `pairs` (in any order, empty values allowed), made where it is new.
  uint32_t SeriesOf(Pairs pairs, const Family& family, Temporality temporality) {
    std::erase_if(pairs, [](const LabelPair& pair) { return pair.value == 0; });
    std::ranges::sort(
        pairs, [this](const LabelPair& a, const LabelPair& b) { return out().Text(a.name) < out().Text(b.name); });
    // The same bytes as Labels::Id() hashes.
    scratch_text_.clear();
    for (const LabelPair& pair : pairs) {
      scratch_text_ += out().Text(pair.name);
      scratch_text_ += '\xFF';
      scratch_text_ += out().Text(pair.value);
      scratch_text_ += '\xFF';
    }
    const uint64_t id = base::Hash64(scratch_text_);
    const auto [found, is_new] = rows_.try_emplace(id, static_cast<uint32_t>(out().series.size()));
    if (is_new) {
      SeriesRow row;
      row.id = id;
      row.labels = {static_cast<uint32_t>(out().labels.size()), static_cast<uint32_t>(pairs.size())};
      row.family = family.name;
      row.help = family.help;
      row.unit = family.unit;
      row.type = family.type;
      row.temporality = temporality;
      out().labels.insert(out().labels.end(), pairs.begin(), pairs.end());
      out().series.push_back(row);
    }
    return found->second;
  }

  // The series of the point begun last, named family + suffix, with one more label where `extra` names one.
  uint32_t SeriesFor(const PointBase& point, std::string_view suffix, LabelPair extra = {}) {
    const Family& family = families_[point.metric];
    const Metric& metric = in_.metrics[point.metric];
    Pairs pairs = base_;
    StringId name = family.name;
    if (!suffix.empty()) {
      std::string text(out().Text(family.name));
      text += suffix;
      name = out().strings.Intern(text);
    }
    Set(pairs, name_label_, name);
    if (extra.name != 0) Set(pairs, extra.name, extra.value);
    const bool delta = metric.temporality == Temporality::kDelta;
    return SeriesOf(std::move(pairs), family, delta ? Temporality::kDelta : Temporality::kCumulative);
  }

  // ---- samples

  static bool IsStale(const PointBase& point) { return (point.flags & kNoRecordedValue) != 0; }
  static int64_t StartTime(const PointBase& point) {
    return point.start_time > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())
               ? 0
               : static_cast<int64_t>(point.start_time);
  }

  void AddSample(const PointBase& point, uint32_t series, double value) {
    out().samples.push_back({series, point.flags, StartTime(point), static_cast<int64_t>(point.time),
                             IsStale(point) ? StaleMarker() : value});
  }
  void Seen(const PointBase& point) {
    point_times_[in_.metrics[point.metric].resource].push_back(static_cast<int64_t>(point.time));
  }

  void Convert(const NumberPoint& point) {
    if (!point.has_value && !IsStale(point)) {
      Reject("a number data point needs a value");
      return;
    }
    if (!Begin(point)) return;
    const uint32_t series = SeriesFor(point, {});
    AddSample(point, series, point.value.AsDouble());
    Seen(point);
    // Only counters have exemplars in Prometheus' formats.
    const Metric& metric = in_.metrics[point.metric];
    if (metric.type == MetricType::kSum && metric.is_monotonic) {
      AddExemplars(point, [series](double) { return series; });
    }
  }

  // Whether bounds rise and fit the counts.
  bool BoundsFit(const HistogramPoint& point) const {
    if (point.bucket_counts.count == 0) return true;
    if (point.bucket_counts.count != point.explicit_bounds.count + 1) return false;
    double previous = -std::numeric_limits<double>::infinity();
    for (uint32_t i = 0; i < point.explicit_bounds.count; ++i) {
      const double bound = in_.doubles[point.explicit_bounds.first + i];
      if (std::isnan(bound) || (i > 0 && bound <= previous)) return false;
      previous = bound;
    }
    return true;
  }

  void Convert(const HistogramPoint& point) {
    if (!BoundsFit(point)) {
      Reject("a histogram's explicit_bounds must rise and be one fewer than its bucket_counts");
      return;
    }
    if (!Begin(point)) return;
    if (point.has_sum || IsStale(point)) AddSample(point, SeriesFor(point, kSumSuffix), point.sum);
    AddSample(point, SeriesFor(point, kCountSuffix), static_cast<double>(point.count));
    std::vector<std::pair<double, uint32_t>> buckets;
    uint64_t cumulative = 0;
    for (uint32_t i = 0; i + 1 < point.bucket_counts.count; ++i) {
      const double bound = in_.doubles[point.explicit_bounds.first + i];
      cumulative += in_.counts[point.bucket_counts.first + i];
      // An explicit last bound of +Inf is the bucket that holds everything.
      if (std::isinf(bound) && bound > 0) break;
      buckets.emplace_back(bound, AddBucket(point, bound, static_cast<double>(cumulative)));
    }
    const double infinity = std::numeric_limits<double>::infinity();
    buckets.emplace_back(infinity, AddBucket(point, infinity, static_cast<double>(point.count)));
    Seen(point);
    AddExemplars(point, [&buckets](double value) {
      for (const auto& [bound, series] : buckets) {
        if (value <= bound) return series;
      }
      return buckets.back().second;
    });
  }

  uint32_t AddBucket(const PointBase& point, double bound, double value) {
    const LabelPair le{le_label_, out().strings.Intern(CanonicalFloat(bound))};
    const uint32_t series = SeriesFor(point, kBucketSuffix, le);
    AddSample(point, series, value);
    return series;
  }

  void Convert(const ExponentialHistogramPoint& point) {
    const bool stale = IsStale(point);
    if (!point.has_sum && !stale) {
      Reject("an exponential histogram needs a sum to become a Prometheus native histogram");
      return;
    }
    if (point.scale < kMinScale || point.scale > kMaxScale) {
      Reject("an exponential histogram's scale must lie between -10 and 20");
      return;
    }
    if (!IndexesFit(point.positive_offset, point.positive_counts) ||
        !IndexesFit(point.negative_offset, point.negative_counts)) {
      Reject("an exponential histogram's bucket indexes must fit 32 bits");
      return;
    }
    if (!Begin(point)) return;
    HistogramRow row;
    row.series = SeriesFor(point, {});
    row.flags = point.flags;
    row.start_time = StartTime(point);
    row.time = static_cast<int64_t>(point.time);
    row.schema = point.scale;
    row.zero_threshold = point.zero_threshold == 0 ? kDefaultZeroThreshold : point.zero_threshold;
    row.sum = stale ? StaleMarker() : point.sum;
    const double unknown = std::numeric_limits<double>::quiet_NaN();
    row.min = point.has_min ? point.min : unknown;
    row.max = point.has_max ? point.max : unknown;
    if (!stale) {
      row.count = static_cast<double>(point.count);
      row.zero_count = static_cast<double>(point.zero_count);
      std::tie(row.positive_indexes, row.positive_counts) = AddBuckets(point.positive_offset, point.positive_counts);
      std::tie(row.negative_indexes, row.negative_counts) = AddBuckets(point.negative_offset, point.negative_counts);
    }
    out().histograms.push_back(row);
    Seen(point);
    AddExemplars(point, [&row](double) { return row.series; });
  }

  static bool IndexesFit(int32_t offset, Range counts) {
    return int64_t{offset} + counts.count + 1 <= std::numeric_limits<int32_t>::max();
  }

  // The buckets that are not empty, side by side. Prometheus numbers a bucket by its upper bound, OTLP by its lower.
  std::pair<Range, Range> AddBuckets(int32_t offset, Range counts) {
    Range indexes{static_cast<uint32_t>(out().indexes.size()), 0};
    Range values{static_cast<uint32_t>(out().doubles.size()), 0};
    for (uint32_t i = 0; i < counts.count; ++i) {
      const uint64_t count = in_.counts[counts.first + i];
      if (count == 0) continue;
      out().indexes.push_back(static_cast<int32_t>(int64_t{offset} + i + 1));
      out().doubles.push_back(static_cast<double>(count));
      ++indexes.count;
      ++values.count;
    }
    return {indexes, values};
  }

  void Convert(const SummaryPoint& point) {
    if (point.quantiles.count != point.quantile_values.count) {
      Reject("a summary needs one value for each quantile");
      return;
    }
    if (!Begin(point)) return;
    AddSample(point, SeriesFor(point, kSumSuffix), point.sum);
    AddSample(point, SeriesFor(point, kCountSuffix), static_cast<double>(point.count));
    for (uint32_t i = 0; i < point.quantiles.count; ++i) {
      const double quantile = in_.doubles[point.quantiles.first + i];
      const LabelPair label{quantile_label_, out().strings.Intern(CanonicalFloat(quantile))};
      AddSample(point, SeriesFor(point, {}, label), in_.doubles[point.quantile_values.first + i]);
    }
    Seen(point);
  }

  // ---- exemplars

  template <typename SeriesOfValue>
  void AddExemplars(const PointBase& point, const SeriesOfValue& series_of) {
    for (uint32_t i = 0; i < point.exemplars.count; ++i) {
      const Exemplar& exemplar = in_.exemplars[point.exemplars.first + i];
      if (exemplar.time > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) continue;
      ExemplarRow row;
      row.value = exemplar.value.AsDouble();
      row.series = series_of(row.value);
      // An exemplar without a time was taken with its point.
      row.time = static_cast<int64_t>(exemplar.time != 0 ? exemplar.time : point.time);
      row.trace_id = exemplar.trace_id;
      row.span_id = exemplar.span_id;
      row.labels = AddExemplarLabels(exemplar);
      out().exemplars.push_back(row);
    }
  }

  Range AddExemplarLabels(const Exemplar& exemplar) {
    Pairs pairs;
    size_t characters = 0;
    const auto add = [&](std::string_view name, std::string_view value) {
      characters += CountCharacters(name) + CountCharacters(value);
      Set(pairs, name, value);
    };
    if (!exemplar.trace_id.IsZero()) add("trace_id", exemplar.trace_id.ToHex());
    if (!exemplar.span_id.IsZero()) add("span_id", exemplar.span_id.ToHex());
    const Pairs ids = pairs;
    for (uint32_t i = 0; i < exemplar.filtered_attributes.count; ++i) {
      const KeyValue& row = in_.attributes.key_values[exemplar.filtered_attributes.first + i];
      const std::string_view key = in_.Text(row.key);
      if (Find(pairs, out().strings.Intern(key)) != nullptr) continue;  // ids come before attributes of their name
      add(key, ValueToText(in_.attributes, in_.strings, row.value));
    }
    if (characters > kMaxExemplarCharacters) pairs = ids;
    std::erase_if(pairs, [](const LabelPair& pair) { return pair.value == 0; });
    std::ranges::sort(
        pairs, [this](const LabelPair& a, const LabelPair& b) { return out().Text(a.name) < out().Text(b.name); });
    const Range range{static_cast<uint32_t>(out().labels.size()), static_cast<uint32_t>(pairs.size())};
    out().labels.insert(out().labels.end(), pairs.begin(), pairs.end());
    return range;
  }

  // ---- target_info

  static bool IsIdentifying(std::string_view key) {
    return key == "service.name" || key == "service.namespace" || key == "service.instance.id";
  }

  void AddTargetInfo() {
    Family family;
    family.name = out().strings.Intern(kTargetInfo);
    family.help = out().strings.Intern("Target metadata");
    family.type = FamilyType::kGauge;
    for (uint32_t resource = 0; resource < in_.resources.size(); ++resource) {
      std::vector<int64_t>& times = point_times_[resource];
      if (times.empty()) continue;
      base_.clear();
      if (!AddAttributes(in_.resources[resource].attributes, std::not_fn(IsIdentifying), base_) || base_.empty())
        continue;
      const Identity& identity = IdentityOf(resource);
      if (identity.job == 0 && identity.instance == 0) continue;  // nothing says whose it is
      AddIdentity(resource, base_);
      Set(base_, name_label_, family.name);
      const uint32_t series = SeriesOf(base_, family, Temporality::kCumulative);
      AddTargetInfoSamples(series, times);
    }
  }

  void AddTargetInfoSamples(uint32_t series, std::vector<int64_t>& times) {
    std::ranges::sort(times);
    std::optional<int64_t> last;
    for (const int64_t time : times) {
      const bool due = !last || time - *last >= kTargetInfoInterval || time == times.back();
      if (!due || time == last) continue;
      last = time;
      // Resources that differ only by what they dropped are one target.
      if (target_info_seen_[series].insert_or_assign(time, true).second)
        out().samples.push_back({series, 0, 0, time, 1});
    }
  }

  static constexpr StringId kNoName = std::numeric_limits<StringId>::max();

  const MetricBatch& in_;
  const ToSeriesOptions& options_;
  ToSeriesResult result_;
  std::vector<StringId> label_names_;              // by key of the input: 0 not asked yet, kNoName for none
  std::vector<Family> families_;                   // by metric of the input
  std::unordered_map<uint64_t, uint32_t> rows_;    // series id to row
  std::vector<Identity> identities_;               // by resource
  std::vector<std::vector<int64_t>> point_times_;  // by resource
  std::unordered_map<uint32_t, std::unordered_map<int64_t, bool>> target_info_seen_;
  Pairs base_;
  std::vector<const KeyValue*> scratch_rows_;
  std::string scratch_text_;
  StringId name_label_ = 0;
  StringId le_label_ = 0;
  StringId quantile_label_ = 0;
  StringId job_label_ = 0;
  StringId instance_label_ = 0;
};

}  // namespace

ToSeriesResult ToSeries(const MetricBatch& batch, const ToSeriesOptions& options) {
  return Converter(batch, options).Run();
}

}  // namespace clew::model
