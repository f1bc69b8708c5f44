// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/waterfall.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "clew/base/time.h"

namespace clew::cli {
namespace {

struct SpanRow {
  const base::JsonValue* span = nullptr;
  int64_t start = 0;    // Unix nanoseconds
  double duration = 0;  // nanoseconds
  size_t depth = 0;
};

int64_t TimeOf(const base::JsonValue& value) { return base::ParseTime(value.AsString(), 0).value_or(0); }

class Waterfall {
 public:
  Waterfall(const base::JsonValue& trace, const Terminal& terminal) : trace_(trace), terminal_(terminal) {}

  std::string Draw() {
    Collect();
    if (rows_.empty()) {
      out_ += "No span of this trace is stored, only log records:\n";
    } else {
      Measure();
      DrawHead();
    }
    for (const SpanRow& row : rows_) DrawSpan(row);
    DrawLooseLogs();
    return std::move(out_);
  }

 private:
  void Collect() {
    std::map<std::string_view, const base::JsonValue*> by_id;
    for (const base::JsonValue& span : trace_["spans"].AsArray()) by_id[span["span_id"].AsString()] = &span;
    std::map<std::string_view, std::vector<const base::JsonValue*>> children;
    std::vector<const base::JsonValue*> tops;
    for (const base::JsonValue& span : trace_["spans"].AsArray()) {
      const std::string_view parent = span["parent_span_id"].AsString();
      if (parent.empty() || !by_id.contains(parent)) {
        tops.push_back(&span);
      } else {
        children[parent].push_back(&span);
      }
    }
    std::set<const base::JsonValue*> placed;
    const auto place_from = [&](const base::JsonValue* top) {
      std::vector<std::pair<const base::JsonValue*, size_t>> stack{{top, 0}};
      while (!stack.empty()) {
        const auto [span, depth] = stack.back();
        stack.pop_back();
        if (!placed.insert(span).second) continue;
        rows_.push_back({span, TimeOf((*span)["start"]), (*span)["duration_ms"].AsDouble() * 1e6, depth});
        const auto& below = children[(*span)["span_id"].AsString()];
        // The stack turns the order round.
        for (auto child = below.rbegin(); child != below.rend(); ++child) stack.emplace_back(*child, depth + 1);
      }
    };
    for (const base::JsonValue* top : tops) place_from(top);
    // Whatever is left names itself or each other as parent.
    for (const base::JsonValue& span : trace_["spans"].AsArray()) place_from(&span);
    for (const base::JsonValue& log : trace_["logs"].AsArray()) logs_[log["span_id"].AsString()].push_back(&log);
  }

  void Measure() {
    start_ = rows_[0].start;
    double end = 0;
    size_t widest = 0;
    for (const SpanRow& row : rows_) start_ = std::min(start_, row.start);
    for (const SpanRow& row : rows_) {
      end = std::max(end, static_cast<double>(row.start - start_) + row.duration);
      widest = std::max(widest, 2 * row.depth + DisplayWidth(LabelOf(row)));
    }
    length_ = std::max(end, 1.0);
    label_width_ = std::clamp<size_t>(widest, 20, terminal_.width / 2);
    bar_width_ = terminal_.width - label_width_ - 13;
  }

  static std::string LabelOf(const SpanRow& row) {
    return fmt::format("{}: {}", Printable((*row.span)["service"].AsString()),
                       Printable((*row.span)["name"].AsString()));
  }

  void DrawHead() {
    std::set<std::string_view> services;
    size_t errors = 0;
    for (const SpanRow& row : rows_) {
      services.insert((*row.span)["service"].AsString());
      errors += (*row.span)["status"].AsString() == "error" ? 1 : 0;
    }
    out_ += terminal_.Paint(Terminal::Style::kBold, fmt::format("Trace {}", trace_["trace_id"].AsString()));
    out_ += fmt::format("  {}  {}  {} spans in {} services, {} failed\n", base::FormatTime(start_),
                        base::FormatDuration(std::chrono::nanoseconds(std::llround(length_))), rows_.size(),
                        services.size(), errors);
  }

  void DrawSpan(const SpanRow& row) {
    const bool failed = (*row.span)["status"].AsString() == "error";
    const auto style = failed ? Terminal::Style::kRed : Terminal::Style::kPlain;
    const std::string label = std::string(std::min(2 * row.depth, label_width_ / 2), ' ') + LabelOf(row);
    out_ += terminal_.Paint(style, Fit(label, label_width_));
    out_ += fmt::format(" {:>9}  ", base::FormatDuration(std::chrono::nanoseconds(std::llround(row.duration))));
    const double scale = static_cast<double>(bar_width_) / length_;
    const auto offset = std::min(static_cast<size_t>(static_cast<double>(row.start - start_) * scale), bar_width_ - 1);
    const auto length = std::clamp<size_t>(static_cast<size_t>(std::lround(std::max(row.duration, 0.0) * scale)), 1,
                                           bar_width_ - offset);
    std::string bar;
    for (size_t i = 0; i < length; ++i) bar += "█";
    out_ += std::string(offset, ' ') + terminal_.Paint(failed ? Terminal::Style::kRed : Terminal::Style::kCyan, bar);
    if (failed) out_ += terminal_.Paint(Terminal::Style::kRed, " ✗");
    out_ += '\n';
    DrawFailure(row);
    for (const base::JsonValue* log : logs_[(*row.span)["span_id"].AsString()]) DrawLog(*log, row.depth);
    logs_.erase((*row.span)["span_id"].AsString());
  }

  void DrawFailure(const SpanRow& row) {
    const std::string indent(std::min(2 * row.depth, label_width_ / 2) + 2, ' ');
    if (const std::string_view message = (*row.span)["status_message"].AsString(); !message.empty()) {
      out_ +=
          indent + terminal_.Paint(Terminal::Style::kRed, Cut("✗ " + Printable(message), terminal_.width - 4)) + '\n';
    }
    for (const base::JsonValue& event : (*row.span)["events"].AsArray()) {
      if (event["name"].AsString() != "exception") continue;
      const base::JsonValue& attributes = event["attributes"];
      const std::string text = fmt::format("✗ {}: {}", Printable(attributes["exception.type"].AsString()),
                                           Printable(attributes["exception.message"].AsString()));
      out_ += indent + terminal_.Paint(Terminal::Style::kRed, Cut(text, terminal_.width - indent.size())) + '\n';
    }
  }

  void DrawLog(const base::JsonValue& log, size_t depth) {
    const std::string indent(std::min(2 * depth, label_width_ / 2) + 2, ' ');
    const std::string_view level = log["level"].AsString();
    const auto style = level == "error" || level == "critical" ? Terminal::Style::kRed
                       : level == "warn"                       ? Terminal::Style::kYellow
                                                               : Terminal::Style::kDim;
    const double offset = static_cast<double>(TimeOf(log["time"]) - start_) / 1e6;
    const std::string_view body = log["body"].is_string() ? log["body"].AsString() : "(structured body)";
    const std::string text = fmt::format("· +{:.1f} ms {} {}", offset, level, Printable(body));
    out_ += indent + terminal_.Paint(style, Cut(text, terminal_.width - indent.size())) + '\n';
  }

  void DrawLooseLogs() {
    for (const auto& [span_id, logs] : logs_) {
      for (const base::JsonValue* log : logs) DrawLog(*log, 0);
    }
    if (trace_["logs_cut"].AsBool()) out_ += "There are more log records: clew logs --attribute, or --format json.\n";
  }

  const base::JsonValue& trace_;
  const Terminal& terminal_;
  std::vector<SpanRow> rows_;
  std::map<std::string_view, std::vector<const base::JsonValue*>> logs_;
  int64_t start_ = 0;
  double length_ = 1;
  size_t label_width_ = 40;
  size_t bar_width_ = 40;
  std::string out_;
};

}  // namespace

std::string DrawWaterfall(const base::JsonValue& trace, const Terminal& terminal) {
  return Waterfall(trace, terminal).Draw();
}

}  // namespace clew::cli
