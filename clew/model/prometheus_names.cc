// SPDX-License-Identifier: Apache-2.0
#include "clew/model/prometheus_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

namespace clew::model {
namespace {

using Entry = std::pair<std::string_view, std::string_view>;

// The specification's table of UCUM units, and KBy, which senders write for kBy.
constexpr std::array<Entry, 27> kUnits{{{"d", "days"},         {"h", "hours"},         {"min", "minutes"},
                                        {"s", "seconds"},      {"ms", "milliseconds"}, {"us", "microseconds"},
                                        {"ns", "nanoseconds"}, {"By", "bytes"},        {"KiBy", "kibibytes"},
                                        {"MiBy", "mebibytes"}, {"GiBy", "gibibytes"},  {"TiBy", "tebibytes"},
                                        {"kBy", "kilobytes"},  {"KBy", "kilobytes"},   {"MBy", "megabytes"},
                                        {"GBy", "gigabytes"},  {"TBy", "terabytes"},   {"m", "meters"},
                                        {"V", "volts"},        {"A", "amperes"},       {"J", "joules"},
                                        {"W", "watts"},        {"g", "grams"},         {"Cel", "celsius"},
                                        {"Hz", "hertz"},       {"%", "percent"},       {"1", ""}}};
constexpr std::array<Entry, 7> kPerUnits{
    {{"s", "second"}, {"m", "minute"}, {"h", "hour"}, {"d", "day"}, {"w", "week"}, {"mo", "month"}, {"y", "year"}}};

template <size_t N>
std::string_view Lookup(const std::array<Entry, N>& table, std::string_view key) {
  for (const auto& [from, to] : table) {
    if (from == key) return to;
  }
  return key;
}

bool IsAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsMetricChar(char c) { return IsAlphanumeric(c) || c == ':'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// The runs of characters that a metric name may hold. All else, underscores included, only separates them.
std::vector<std::string> Tokens(std::string_view text) {
  std::vector<std::string> tokens;
  bool inside = false;
  for (const char c : text) {
    if (!IsMetricChar(c)) {
      inside = false;
      continue;
    }
    if (!inside) tokens.emplace_back();
    inside = true;
    tokens.back() += c;
  }
  return tokens;
}

std::string Join(const std::vector<std::string>& tokens) { return fmt::format("{}", fmt::join(tokens, "_")); }

struct UnitWords {
  std::string main;
  std::string per;  // "per_second"
};

// Parts in braces are annotations and say no unit.
UnitWords WordsOf(std::string_view unit) {
  const size_t slash = unit.find('/');
  const std::string_view main = Trim(unit.substr(0, slash));
  const std::string_view per = slash == std::string_view::npos ? std::string_view() : Trim(unit.substr(slash + 1));
  const auto annotated = [](std::string_view text) { return text.find_first_of("{}") != std::string_view::npos; };
  UnitWords words;
  if (!annotated(main)) words.main = Join(Tokens(Lookup(kUnits, main)));
  if (!per.empty() && !annotated(per)) {
    const std::string word = Join(Tokens(Lookup(kPerUnits, per)));
    if (!word.empty()) words.per = "per_" + word;
  }
  return words;
}

bool OnlyUnderscores(std::string_view text) { return text.find_first_not_of('_') == std::string_view::npos; }

}  // namespace

base::Result<std::string> FamilyName(std::string_view name, std::string_view unit, MetricType type, bool is_monotonic) {
  std::vector<std::string> tokens = Tokens(name);
  if (tokens.empty()) return base::InvalidArgument("a metric's name needs at least one letter or digit");
  const auto append = [&tokens](const std::string& word) {
    if (word.empty() || std::ranges::find(tokens, word) != tokens.end()) return;
    // "per_second" is two words of a name that has it already.
    if (('_' + Join(tokens)).ends_with('_' + word)) return;
    tokens.push_back(word);
  };
  const auto move_to_end = [&tokens](std::string_view word) {
    std::erase(tokens, word);
    tokens.emplace_back(word);
  };
  const UnitWords words = WordsOf(unit);
  append(words.main);
  append(words.per);
  if (type == MetricType::kSum && is_monotonic) move_to_end("total");
  // Only gauges: senders use the unit 1 for counts of things too.
  if (type == MetricType::kGauge && unit == "1") move_to_end("ratio");
  std::string joined = Join(tokens);
  if (IsDigit(joined[0])) joined.insert(0, 1, '_');
  return joined;
}

std::string_view OpenMetricsFamily(std::string_view family, FamilyType type) {
  if (type == FamilyType::kCounter && family.ends_with(kTotalSuffix)) family.remove_suffix(kTotalSuffix.size());
  return family;
}

FamilyType FamilyTypeOf(MetricType type, bool is_monotonic) {
  switch (type) {
    case MetricType::kGauge: return FamilyType::kGauge;
    case MetricType::kSum: return is_monotonic ? FamilyType::kCounter : FamilyType::kGauge;
    case MetricType::kHistogram:
    case MetricType::kExponentialHistogram: return FamilyType::kHistogram;
    case MetricType::kSummary: return FamilyType::kSummary;
    case MetricType::kEmpty: break;
  }
  return FamilyType::kUnknown;
}

std::string_view FamilyTypeName(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter: return "counter";
    case FamilyType::kGauge: return "gauge";
    case FamilyType::kHistogram: return "histogram";
    case FamilyType::kGaugeHistogram: return "gaugehistogram";
    case FamilyType::kSummary: return "summary";
    case FamilyType::kInfo: return "info";
    case FamilyType::kStateSet: return "stateset";
    case FamilyType::kUnknown: break;
  }
  return "unknown";
}

std::string UnitName(std::string_view unit) {
  const UnitWords words = WordsOf(unit);
  if (words.main.empty()) return words.per;
  return words.per.empty() ? words.main : words.main + '_' + words.per;
}

base::Result<std::string> LabelName(std::string_view key) {
  std::string label;
  label.reserve(key.size());
  for (const char c : key) {
    // One underscore a character: the bytes that continue one in UTF-8 add none.
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;
    label += IsAlphanumeric(c) ? c : '_';
  }
  if (OnlyUnderscores(label)) return base::InvalidArgument("an attribute's key needs at least one letter or digit");
  if (IsDigit(label[0])) label.insert(0, "key_");
  return label;
}

std::string JobName(std::string_view service_namespace, std::string_view service_name) {
  if (service_name.empty() || service_namespace.empty()) return std::string(service_name);
  return fmt::format("{}/{}", service_namespace, service_name);
}

std::string CanonicalFloat(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  // Shortest digits, written with an exponent from 1e+06 on and below 1e-04, which is where Go's 'g' changes over.
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  std::string text(buffer.data(), end.ptr);
  int exponent = 0;
  const size_t e = text.find('e');
  const char* digits = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(digits, text.data() + text.size(), exponent);
  if (exponent < -4 || exponent >= 6) return text;
  const auto fixed = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  text.assign(buffer.data(), fixed.ptr);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

}  // namespace clew::model
