// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/series_testing.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "clew/model/prometheus_names.h"
#include "clew/query/promql/parser.h"
#include "clew/query/promql/text.h"
#include "clew/query/promql/value.h"

namespace clew::query::promql {
namespace {

bool Matches(const model::LabelMatcher& matcher, const model::Labels& labels) {
  const std::string_view value = labels.Get(matcher.name);
  switch (matcher.type) {
    case model::MatchType::kEqual: return value == matcher.value;
    case model::MatchType::kNotEqual: return value != matcher.value;
    case model::MatchType::kRegex:
    case model::MatchType::kNotRegex: break;
  }
  RE2::Options options;
  options.set_dot_nl(true);
  const bool matches = RE2::FullMatch(re2::StringPiece(value.data(), value.size()), RE2(matcher.value, options));
  return matches == (matcher.type == model::MatchType::kRegex);
}

// Where the labels end and the values begin.
size_t EndOfMetric(std::string_view text) {
  char quote = '\0';
  bool braces = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != '\0') {
      if (c == '\\') {
        ++i;
      } else if (c == quote) {
        quote = '\0';
      }
    } else if (c == '"' || c == '\'' || c == '`') {
      quote = c;
    } else if (c == '{') {
      braces = true;
    } else if (c == '}') {
      return i + 1;
    } else if ((c == ' ' || c == '\t') && !braces) {
      return i;
    }
  }
  return text.size();
}

base::Result<model::Labels> ParseMetric(std::string_view text) {
  // A selector of equalities; an empty one is fine here.
  if (Trimmed(text) == "{}") return model::Labels();
  const auto matchers = ParseSelector(text);
  if (!matchers) return std::unexpected(matchers.error());
  std::vector<model::Label> labels;
  for (const model::LabelMatcher& matcher : *matchers) {
    if (matcher.type != model::MatchType::kEqual) return base::InvalidArgument("a metric has equalities only");
    labels.push_back({matcher.name, matcher.value});
  }
  return model::Labels(std::move(labels));
}

base::Result<double> ParseSample(std::string_view text) {
  if (text == "stale") return Absent();
  if (const auto number = ParseNumber(text)) return *number;
  return base::InvalidArgument(fmt::format("not a value: {}", text));
}

// "[1 2 3]"
base::Result<std::vector<double>> ParseNumbers(std::string_view text) {
  std::vector<double> numbers;
  while (!text.empty()) {
    const size_t size = std::min(text.find(' '), text.size());
    if (size > 0) {
      CLEW_ASSIGN_OR_RETURN(const double number, ParseSample(text.substr(0, size)));
      numbers.push_back(number);
    }
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return numbers;
}

std::vector<IndexedCount<double>> BucketsFrom(const std::vector<double>& counts, int32_t offset) {
  std::vector<IndexedCount<double>> buckets;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) buckets.push_back({offset + static_cast<int32_t>(i), counts[i]});
  }
  return buckets;
}

std::optional<ResetHint> ParseHint(std::string_view text) {
  if (text == "unknown") return ResetHint::kUnknown;
  if (text == "reset") return ResetHint::kReset;
  if (text == "not_reset") return ResetHint::kNotReset;
  if (text == "gauge") return ResetHint::kGauge;
  return std::nullopt;
}

// What stands between {{ and }}: "schema:0 count:3 sum:5 buckets:[1 2]".
base::Result<ScriptValue> ParseHistogram(std::string_view text) {
  static const RE2 kField(R"(\s*([a-z_]+):(?:\[([^\]]*)\]|([^\s\[\]]+))\s*)");
  Histogram histogram;
  ScriptValue value;
  std::map<std::string, std::vector<double>> lists;
  std::map<std::string, double> numbers;
  re2::StringPiece rest(text.data(), text.size());
  while (!rest.empty()) {
    std::string key, list, one;
    if (!RE2::Consume(&rest, kField, &key, &list, &one)) {
      return base::InvalidArgument(fmt::format("not a histogram: {}", text));
    }
    if (key == "counter_reset_hint") {
      const auto hint = ParseHint(one);
      if (!hint) return base::InvalidArgument(fmt::format("not a hint: {}", one));
      histogram.hint = *hint;
      value.has_hint = true;
    } else if (!one.empty()) {
      CLEW_ASSIGN_OR_RETURN(numbers[key], ParseSample(one));
    } else {
      CLEW_ASSIGN_OR_RETURN(lists[key], ParseNumbers(list));
    }
  }
  histogram.schema = static_cast<int32_t>(numbers["schema"]);
  histogram.count = numbers["count"];
  histogram.sum = numbers["sum"];
  histogram.zero_count = numbers["z_bucket"];
  histogram.zero_threshold = numbers["z_bucket_w"];
  histogram.custom_bounds = lists["custom_values"];
  histogram.positive = BucketsFrom(lists["buckets"], static_cast<int32_t>(numbers["offset"]));
  histogram.negative = BucketsFrom(lists["n_buckets"], static_cast<int32_t>(numbers["n_offset"]));
  value.histogram = std::make_shared<Histogram>(std::move(histogram));
  return value;
}

using Values = std::vector<std::optional<ScriptValue>>;

// "{{…}}", "{{…}}+{{…}}"; `times` more values follow the first.
base::Status ParseHistogramItem(std::string_view body, size_t times, Values& values) {
  static const RE2 kItem(R"(\{\{([^}]*)\}\}(?:([+-])\{\{([^}]*)\}\})?)");
  std::string first, sign, second;
  if (!RE2::FullMatch(re2::StringPiece(body.data(), body.size()), kItem, &first, &sign, &second)) {
    return base::InvalidArgument(fmt::format("not a value: {}", body));
  }
  CLEW_ASSIGN_OR_RETURN(ScriptValue value, ParseHistogram(first));
  ScriptValue step;
  if (!sign.empty()) {
    CLEW_ASSIGN_OR_RETURN(step, ParseHistogram(second));
    value.has_hint = step.has_hint;
  }
  values.emplace_back(value);
  for (size_t i = 0; i < times; ++i) {
    if (step.histogram != nullptr) {
      auto next = std::make_shared<Histogram>(*value.histogram);
      if (!Add(*next, *step.histogram, sign == "-").compatible) return base::InvalidArgument("cannot add");
      value.histogram = std::move(next);
    }
    values.emplace_back(value);
  }
  return {};
}

// "3", "1+2x4", "5x2", "_", "_x3", "{{…}}+{{…}}x4".
base::Status ParseItem(std::string_view item, Values& values) {
  size_t times = 0;
  std::string_view body = item;
  bool repeated = false;
  const size_t brace = item.rfind('}');
  if (const size_t x = item.rfind('x'); x != std::string_view::npos && x > 0 && (brace == item.npos || x > brace)) {
    const std::string_view count = item.substr(x + 1);
    const auto [rest, error] = std::from_chars(count.data(), count.data() + count.size(), times);
    if (error != std::errc() || rest != count.data() + count.size()) {
      return base::InvalidArgument(fmt::format("not a repetition: {}", item));
    }
    body = item.substr(0, x);
    repeated = true;
  }
  if (body == "_") {
    values.resize(values.size() + (repeated ? times : 1));
    return {};
  }
  if (body.starts_with("{{")) return ParseHistogramItem(body, times, values);
  // A sign that is neither the first character nor an exponent's begins the step.
  size_t step_at = std::string_view::npos;
  for (size_t i = 1; i < body.size(); ++i) {
    if ((body[i] == '+' || body[i] == '-') && body[i - 1] != 'e' && body[i - 1] != 'E') step_at = i;
  }
  double step = 0;
  if (repeated && step_at != std::string_view::npos) {
    CLEW_ASSIGN_OR_RETURN(step, ParseSample(body.substr(step_at)));
    body = body.substr(0, step_at);
  }
  CLEW_ASSIGN_OR_RETURN(double value, ParseSample(body));
  for (size_t i = 0; i <= times; ++i) {
    values.emplace_back(ScriptValue{value});
    if (step != 0) value += step;
  }
  return {};
}

// Where an item that may have spaces within braces ends.
size_t EndOfItem(std::string_view text) {
  bool braces = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') braces = true;
    if (text[i] == '}') braces = false;
    if (!braces && (text[i] == ' ' || text[i] == '\t')) return i;
  }
  return text.size();
}

// What Prometheus' storage knows of a reset when it reads a histogram back: that there was none, where it looked
// itself; after a reset, at the beginning and after another kind of histogram, nothing.
ResetHint HintInStorage(const Histogram& histogram, const Histogram* previous) {
  if (histogram.hint == ResetHint::kGauge || histogram.hint == ResetHint::kReset) return histogram.hint;
  if (previous == nullptr || previous->hint == ResetHint::kGauge) return ResetHint::kUnknown;
  Histogram unhinted = histogram;
  unhinted.hint = ResetHint::kUnknown;
  return DetectReset(unhinted, *previous) ? ResetHint::kUnknown : ResetHint::kNotReset;
}

bool SameBuckets(const std::vector<IndexedCount<double>>& a, const std::vector<IndexedCount<double>>& b) {
  return std::ranges::equal(
      a, b, [](const auto& x, const auto& y) { return x.index == y.index && AlmostEqual(x.count, y.count); });
}

// A classic histogram at one time.
struct ClassicHistogram {
  std::map<double, double> buckets;  // cumulative
  std::optional<double> count;
  double sum = 0;
};

HistogramPtr ToNative(ClassicHistogram classic) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (!classic.count && !classic.buckets.empty()) classic.count = classic.buckets.rbegin()->second;
  classic.buckets.try_emplace(kInfinity, classic.count.value_or(0));
  auto native = std::make_shared<Histogram>();
  native->schema = kCustomBounds;
  native->count = classic.count.value_or(0);
  native->sum = classic.sum;
  double below = 0;
  int32_t index = 0;
  for (const auto& [upper, cumulative] : classic.buckets) {
    if (upper != kInfinity) native->custom_bounds.push_back(upper);
    if (cumulative != below) native->positive.push_back({index, cumulative - below});
    below = cumulative;
    ++index;
  }
  return native;
}

}  // namespace

bool AlmostEqual(double a, double b) {
  if (IsAbsent(a) || IsAbsent(b)) return IsAbsent(a) && IsAbsent(b);
  if ((std::isnan(a) && std::isnan(b)) || a == b) return true;
  constexpr double kEpsilon = 1e-6;
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  const double sum = std::abs(a) + std::abs(b);
  if (a == 0 || b == 0 || sum < kMinNormal) return std::abs(a - b) < kEpsilon * kMinNormal;
  return std::abs(a - b) / std::min(sum, std::numeric_limits<double>::max()) < kEpsilon;
}

bool AlmostEqual(const ScriptValue& expected, const ScriptValue& value) {
  if ((expected.histogram == nullptr) != (value.histogram == nullptr)) return false;
  if (expected.histogram == nullptr) return AlmostEqual(expected.number, value.number);
  const Histogram& a = *expected.histogram;
  const Histogram& b = *value.histogram;
  return a.schema == b.schema && a.zero_threshold == b.zero_threshold && AlmostEqual(a.zero_count, b.zero_count) &&
         AlmostEqual(a.count, b.count) && AlmostEqual(a.sum, b.sum) && a.custom_bounds == b.custom_bounds &&
         SameBuckets(a.positive, b.positive) && SameBuckets(a.negative, b.negative) &&
         (!expected.has_hint || a.hint == b.hint);
}

std::string ToText(const ScriptValue& value) {
  if (value.histogram == nullptr) return FormatGeneral(value.number);
  const Histogram& histogram = *value.histogram;
  return fmt::format("schema {} hint {} zero {} {}", histogram.schema, static_cast<int>(histogram.hint),
                     histogram.zero_threshold, HistogramText(histogram));
}

std::string Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

base::Result<std::vector<SourceSeries>> MemorySource::Select(std::span<const model::LabelMatcher> matchers,
                                                             int64_t from_ms, int64_t to_ms) {
  std::vector<SourceSeries> result;
  for (const SourceSeries& series : series_) {
    if (!std::ranges::all_of(matchers, [&](const auto& matcher) { return Matches(matcher, series.labels); })) continue;
    SourceSeries selected;
    selected.labels = series.labels;
    for (size_t i = 0; i < series.times_ms.size(); ++i) {
      if (series.times_ms[i] < from_ms || series.times_ms[i] > to_ms) continue;
      selected.times_ms.push_back(series.times_ms[i]);
      selected.values.push_back(series.values[i]);
    }
    for (size_t i = 0; i < series.histograms.size(); ++i) {
      if (series.histogram_times_ms[i] < from_ms || series.histogram_times_ms[i] > to_ms) continue;
      selected.histogram_times_ms.push_back(series.histogram_times_ms[i]);
      selected.histograms.push_back(series.histograms[i]);
    }
    if (!selected.empty()) result.push_back(std::move(selected));
  }
  std::ranges::sort(result, [](const auto& a, const auto& b) { return a.labels < b.labels; });
  return result;
}

void MemorySource::Add(SourceSeries series) {
  auto known = std::ranges::find(series_, series.labels, &SourceSeries::labels);
  if (known == series_.end()) {
    series_.push_back({series.labels, {}, {}});
    known = series_.end() - 1;
  }
  known->times_ms.insert(known->times_ms.end(), series.times_ms.begin(), series.times_ms.end());
  known->values.insert(known->values.end(), series.values.begin(), series.values.end());
  for (size_t i = 0; i < series.histograms.size(); ++i) {
    const int64_t time = series.histogram_times_ms[i];
    const Histogram* previous = nullptr;
    if (!known->histograms.empty()) {
      // A float between the two starts anew.
      const int64_t before = known->histogram_times_ms.back();
      const auto between = [&](int64_t other) { return other > before && other < time; };
      if (std::ranges::none_of(known->times_ms, between)) previous = known->histograms.back().get();
    }
    auto histogram = std::make_shared<Histogram>(*series.histograms[i]);
    histogram->hint = HintInStorage(*histogram, previous);
    known->histogram_times_ms.push_back(time);
    known->histograms.push_back(std::move(histogram));
  }
}

std::vector<SourceSeries> NativeOfClassic(const std::vector<SourceSeries>& series) {
  std::map<model::Labels, std::map<int64_t, ClassicHistogram>> classic;
  for (const SourceSeries& one : series) {
    const std::string name(one.labels.Get(model::kMetricName));
    const size_t suffix_at = name.rfind('_');
    if (suffix_at == std::string::npos) continue;
    const std::string suffix = name.substr(suffix_at);
    const auto bound = ParseNumber(one.labels.Get(model::kLeLabel));
    if (suffix == "_bucket" ? !bound : suffix != "_count" && suffix != "_sum") continue;
    model::Labels labels = one.labels;
    labels.Remove(model::kLeLabel);
    labels.Set(model::kMetricName, name.substr(0, suffix_at));
    for (size_t i = 0; i < one.values.size(); ++i) {
      ClassicHistogram& histogram = classic[labels][one.times_ms[i]];
      if (suffix == "_bucket") histogram.buckets[*bound] = one.values[i];
      if (suffix == "_count") histogram.count = one.values[i];
      if (suffix == "_sum") histogram.sum = one.values[i];
    }
  }
  std::vector<SourceSeries> native;
  for (auto& [labels, by_time] : classic) {
    SourceSeries made;
    made.labels = labels;
    for (auto& [time, histogram] : by_time) {
      made.histogram_times_ms.push_back(time);
      made.histograms.push_back(ToNative(std::move(histogram)));
    }
    native.push_back(std::move(made));
  }
  return native;
}

base::Result<SeriesDescription> ParseSeriesDescription(std::string_view text) {
  const size_t end = EndOfMetric(text);
  SeriesDescription description;
  CLEW_ASSIGN_OR_RETURN(description.labels, ParseMetric(text.substr(0, end)));
  std::string_view rest = text.substr(end);
  while (true) {
    const size_t begin = rest.find_first_not_of(" \t");
    if (begin == std::string_view::npos) break;
    rest.remove_prefix(begin);
    const size_t size = EndOfItem(rest);
    CLEW_RETURN_IF_ERROR(ParseItem(rest.substr(0, size), description.values));
    rest.remove_prefix(size);
  }
  return description;
}

}  // namespace clew::query::promql
