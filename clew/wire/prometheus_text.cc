// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/prometheus_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "clew/base/bytes.h"
#include "clew/model/prometheus_names.h"

namespace clew::wire {
namespace {

using model::FamilyType;

constexpr std::string_view kInfoSuffix = "_info";
constexpr std::string_view kCreatedSuffix = "_created";
// OpenMetrics 1.0, "Exemplars": names and values of all labels together.
constexpr size_t kMaxExemplarCharacters = 128;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
}

void AppendName(std::string_view name, std::string& out) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) out += '_';
  for (const char c : name) out += IsNameCharacter(c) ? c : '_';
}

enum class Quotes { kEscaped, kPlain };

void AppendEscaped(std::string_view text, Quotes quotes, std::string& out) {
  if (!base::IsUtf8(text)) return AppendEscaped(base::ToUtf8(text), quotes, out);
  for (const char c : text) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '"': out += quotes == Quotes::kEscaped ? "\\\"" : "\""; break;
      default: out += c;
    }
  }
}

void AppendValue(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
}

void AppendLabels(std::span<const model::Label> labels, std::string& out) {
  for (const model::Label& label : labels) {
    if (&label != &labels.front()) out += ',';
    const size_t name = out.size();
    AppendName(label.name, out);
    std::replace(out.begin() + static_cast<ptrdiff_t>(name), out.end(), ':', '_');
    out += "=\"";
    AppendEscaped(label.value, Quotes::kEscaped, out);
    out += '"';
  }
}

size_t Characters(std::string_view utf8) {
  return static_cast<size_t>(std::ranges::count_if(utf8, [](char c) { return (c & 0xC0) != 0x80; }));
}

void AppendExemplar(const TextExemplar& exemplar, std::string& out) {
  size_t characters = 0;
  for (const model::Label& label : exemplar.labels) characters += Characters(label.name) + Characters(label.value);
  if (characters > kMaxExemplarCharacters) return;
  out += " # {";
  AppendLabels(exemplar.labels, out);
  out += "} ";
  AppendValue(exemplar.value, out);
  if (exemplar.time <= 0) return;
  fmt::format_to(std::back_inserter(out), " {}.{:03}", exemplar.time / base::kNanosPerSecond,
                 exemplar.time % base::kNanosPerSecond / base::kNanosPerMilli);
}

// The family's name without the suffix that its type adds.
std::string_view BaseName(const MetricFamily& family) {
  std::string_view name = family.name;
  if (family.type == FamilyType::kCounter) return model::OpenMetricsFamily(name, family.type);
  if (family.type == FamilyType::kInfo && name.ends_with(kInfoSuffix)) name.remove_suffix(kInfoSuffix.size());
  return name;
}

// What the family's type adds to the names of its samples.
std::string_view TypeSuffix(FamilyType type) {
  if (type == FamilyType::kCounter) return model::kTotalSuffix;
  return type == FamilyType::kInfo ? kInfoSuffix : std::string_view();
}

// Text format 0.0.4 knows fewer types.
std::string_view TypeName(FamilyType type, TextFormat format) {
  if (format == TextFormat::kPrometheus) {
    switch (type) {
      case FamilyType::kUnknown: return "untyped";
      case FamilyType::kInfo:
      case FamilyType::kStateSet: return "gauge";
      case FamilyType::kGaugeHistogram: return "histogram";
      default: break;
    }
  }
  return model::FamilyTypeName(type);
}

class Page {
 public:
  explicit Page(TextFormat format) : format_(format) {}

  void Write(const MetricFamily& family) {
    const std::string_view base = BaseName(family);
    // Text format 0.0.4 names a family as its samples are named.
    const std::string_view suffix = open_metrics() ? std::string_view() : TypeSuffix(family.type);
    Comment("HELP", base, suffix);
    AppendEscaped(family.help, open_metrics() ? Quotes::kEscaped : Quotes::kPlain, out_);
    out_ += '\n';
    Comment("TYPE", base, suffix);
    out_ += TypeName(family.type, format_);
    out_ += '\n';
    if (open_metrics() && HasUnit(base, family)) {
      Comment("UNIT", base, suffix);
      AppendName(family.unit, out_);
      out_ += '\n';
    }
    for (const TextSample& sample : family.samples) Write(sample, base, family.type);
  }

  std::string Take() {
    if (open_metrics()) out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  bool open_metrics() const { return format_ == TextFormat::kOpenMetrics; }

  static bool HasUnit(std::string_view base, const MetricFamily& family) {
    return !family.unit.empty() && family.type != FamilyType::kInfo && family.type != FamilyType::kStateSet &&
           base.size() > family.unit.size() && base.ends_with(family.unit) &&
           base[base.size() - family.unit.size() - 1] == '_';
  }

  void Comment(std::string_view what, std::string_view base, std::string_view suffix) {
    out_ += "# ";
    out_ += what;
    out_ += ' ';
    AppendName(base, out_);
    out_ += suffix;
    out_ += ' ';
  }

  void Write(const TextSample& sample, std::string_view base, FamilyType type) {
    std::string_view suffix = sample.suffix.empty() ? TypeSuffix(type) : std::string_view(sample.suffix);
    if (!open_metrics()) {
      // There it would be a family of its own.
      if (suffix == kCreatedSuffix) return;
      if (suffix == "_gsum") suffix = model::kSumSuffix;
      if (suffix == "_gcount") suffix = model::kCountSuffix;
    }
    AppendName(base, out_);
    if (!suffix.empty()) AppendSuffix(suffix);
    if (!sample.labels.empty()) {
      out_ += '{';
      AppendLabels(sample.labels, out_);
      out_ += '}';
    }
    out_ += ' ';
    AppendValue(sample.value, out_);
    const bool may_have_exemplar = suffix == model::kTotalSuffix || suffix == model::kBucketSuffix;
    if (open_metrics() && sample.exemplar && may_have_exemplar) AppendExemplar(*sample.exemplar, out_);
    out_ += '\n';
  }

  void AppendSuffix(std::string_view suffix) {
    for (const char c : suffix) out_ += IsNameCharacter(c) ? c : '_';
  }

  TextFormat format_;
  std::string out_;
};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The part before `separator`, which goes with it from `text`.
std::string_view TakeUntil(std::string_view& text, char separator) {
  const size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return Trim(part);
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

std::string_view ContentTypeOf(TextFormat format) {
  return format == TextFormat::kOpenMetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                            : "text/plain; version=0.0.4; charset=utf-8";
}

TextFormat TextFormatFor(std::string_view accept) {
  double open_metrics = 0;
  double text = 0;
  while (!accept.empty()) {
    std::string_view range = TakeUntil(accept, ',');
    const std::string_view type = TakeUntil(range, ';');
    double quality = 1;
    bool known_version = true;
    while (!range.empty()) {
      std::string_view parameter = TakeUntil(range, ';');
      const std::string_view name = TakeUntil(parameter, '=');
      if (EqualIgnoringCase(name, "q")) {
        double parsed = 0;
        const auto [end, error] = std::from_chars(parameter.data(), parameter.data() + parameter.size(), parsed);
        if (error == std::errc()) quality = parsed;
      } else if (EqualIgnoringCase(name, "version")) {
        known_version = parameter.starts_with("1.") || parameter.starts_with("0.0.");
      }
    }
    if (!known_version) continue;
    if (EqualIgnoringCase(type, "application/openmetrics-text")) open_metrics = std::max(open_metrics, quality);
    if (EqualIgnoringCase(type, "text/plain")) text = std::max(text, quality);
  }
  return open_metrics > 0 && open_metrics >= text ? TextFormat::kOpenMetrics : TextFormat::kPrometheus;
}

void AddHistogram(MetricFamily& family, std::span<const model::Label> labels, std::span<const double> bounds,
                  std::span<const uint64_t> counts, double sum,
                  std::span<const std::optional<TextExemplar>> exemplars) {
  CLEW_CHECK(counts.size() == bounds.size() + 1 && (exemplars.empty() || exemplars.size() == counts.size()));
  uint64_t cumulative = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    TextSample sample;
    sample.suffix = model::kBucketSuffix;
    sample.labels.assign(labels.begin(), labels.end());
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    sample.labels.push_back({std::string(model::kLeLabel), model::CanonicalFloat(bound)});
    sample.value = static_cast<double>(cumulative);
    if (!exemplars.empty()) sample.exemplar = exemplars[i];
    family.samples.push_back(std::move(sample));
  }
  const std::vector<model::Label> own(labels.begin(), labels.end());
  family.samples.push_back({std::string(model::kSumSuffix), own, sum, std::nullopt});
  family.samples.push_back({std::string(model::kCountSuffix), own, static_cast<double>(cumulative), std::nullopt});
}

std::string WritePrometheusText(std::span<const MetricFamily> families, TextFormat format) {
  Page page(format);
  for (const MetricFamily& family : families) page.Write(family);
  return page.Take();
}

}  // namespace clew::wire
