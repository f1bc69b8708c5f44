// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/why_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace clew::cli {
namespace {

constexpr size_t kCauses = 3;
constexpr size_t kFindings = 4;
constexpr size_t kImpacts = 5;

// "   ▁▁▂▁ │ ▆▇█▇  before │ during": how the first observation went.
std::string DrawHistory(const base::JsonValue& history, const Terminal& terminal) {
  static constexpr std::array<std::string_view, 8> kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  double most = 0;
  for (const char* side : {"before", "during"}) {
    for (const base::JsonValue& value : history[side].AsArray()) most = std::max(most, value.AsDouble());
  }
  if (most <= 0) return {};
  const auto bars = [&](const char* side) {
    std::string text;
    for (const base::JsonValue& value : history[side].AsArray()) {
      const double share = std::clamp(value.AsDouble() / most, 0.0, 1.0);
      text += kBars[static_cast<size_t>(share * (kBars.size() - 1) + 0.5)];
    }
    return text;
  };
  return "   " + terminal.Paint(Terminal::Style::kDim, bars("before") + " │ ") +
         terminal.Paint(Terminal::Style::kRed, bars("during")) +
         terminal.Paint(Terminal::Style::kDim, "  before │ during") + '\n';
}

void DrawCause(const base::JsonValue& cause, const Terminal& terminal, std::string& out) {
  const bool first = cause["rank"].AsInt() == 1;
  const std::string head = fmt::format("{}. {}  {}", cause["rank"].AsInt(), Printable(cause["service"].AsString()),
                                       cause["kind"].AsString());
  out += terminal.Paint(first ? Terminal::Style::kRed : Terminal::Style::kBold, head);
  out += terminal.Paint(Terminal::Style::kDim, fmt::format("  score {:.2f}", cause["score"].AsDouble()));
  if (const std::string_view pod = cause["pod"].AsString(); !pod.empty()) {
    out += terminal.Paint(Terminal::Style::kDim, "  " + Printable(pod));
  }
  out += '\n';
  if (const std::string_view where = cause["where"].AsString(); !where.empty()) {
    out += "   where: " + Cut(Printable(where), terminal.width - 10) + '\n';
  }
  size_t shown = 0;
  std::string line;
  for (const base::JsonValue& finding : cause["evidence"].AsArray()) {
    if (first && line.empty()) line = DrawHistory(finding["history"], terminal);
  }
  out += line;
  for (const base::JsonValue& finding : cause["evidence"].AsArray()) {
    if (shown++ == (first ? kFindings : 1)) break;
    const std::string size = finding["unit"].AsString().empty()
                                 ? std::string()
                                 : fmt::format("  {:.4g} → {:.4g} {}", finding["before"].AsDouble(),
                                               finding["after"].AsDouble(), finding["unit"].AsString());
    const std::string label = fmt::format("   {:<8}", finding["signal"].AsString());
    const size_t room = terminal.width - std::min(terminal.width, label.size() + DisplayWidth(size));
    out +=
        terminal.Paint(Terminal::Style::kDim, label) + Cut(Printable(finding["text"].AsString()), room) + size + '\n';
  }
}

}  // namespace

std::string DrawDiagnosis(const base::JsonValue& diagnosis, const Terminal& terminal) {
  std::string out;
  if (!diagnosis["incident"].AsBool()) {
    out += terminal.Paint(Terminal::Style::kGreen, "No incident.") + ' ' + std::string(diagnosis["summary"].AsString());
    out += fmt::format("\nLooked at {} to {}.\n", diagnosis["baseline_from"].AsString(), diagnosis["to"].AsString());
    return out;
  }
  out += terminal.Paint(Terminal::Style::kBold, Printable(diagnosis["summary"].AsString())) + '\n';
  out += terminal.Paint(Terminal::Style::kDim,
                        fmt::format("during {} to {}, before from {}", diagnosis["from"].AsString(),
                                    diagnosis["to"].AsString(), diagnosis["baseline_from"].AsString()));
  out += "\n\n";
  const auto& causes = diagnosis["causes"].AsArray();
  for (size_t i = 0; i < std::min(kCauses, causes.size()); ++i) DrawCause(causes[i], terminal, out);
  if (causes.size() > kCauses) out += fmt::format("   and {} weaker ones\n", causes.size() - kCauses);
  const auto& impact = diagnosis["impact"].AsArray();
  if (!impact.empty()) out += "\nAffected\n";
  for (size_t i = 0; i < std::min(kImpacts, impact.size()); ++i) {
    out += Cut(fmt::format("   {}: {}", Printable(impact[i]["service"].AsString()),
                           Printable(impact[i]["text"].AsString())),
               terminal.width) +
           '\n';
  }
  return out;
}

}  // namespace clew::cli
