// SPDX-License-Identifier: Apache-2.0
#include "clew/model/template_miner.h"

#include <algorithm>

namespace clew::model {
namespace {

constexpr std::string_view kVariable = "<*>";
// Words beyond this say little more about what a line is.
constexpr size_t kMaxWords = 60;
constexpr size_t kLeafWords = 3;
constexpr std::string_view kSeparators = " \t\r\n[]{}(),;=\"'";

bool IsVariable(std::string_view word) {
  const bool has_digit = std::ranges::any_of(word, [](char c) { return c >= '0' && c <= '9'; });
  return has_digit && !word.contains('#');
}

std::vector<std::string> Words(std::string_view line) {
  std::vector<std::string> words;
  while (words.size() < kMaxWords) {
    const size_t begin = line.find_first_not_of(kSeparators);
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    const std::string_view word = line.substr(0, line.find_first_of(kSeparators));
    words.emplace_back(IsVariable(word) ? kVariable : word);
    line.remove_prefix(word.size());
  }
  return words;
}

// How far both agree over the words that both have; a variable place counts half, so that of two candidates the more
// precise one wins.
double Agreement(const std::vector<std::string>& words, const std::vector<std::string>& line) {
  const size_t common = std::min(words.size(), line.size());
  double agreement = 0;
  for (size_t i = 0; i < common; ++i) {
    if (words[i] == kVariable) {
      agreement += 0.5;
    } else if (words[i] == line[i]) {
      agreement += 1;
    }
  }
  return common == 0 ? 1 : agreement / static_cast<double>(common);
}

}  // namespace

TemplateMiner::TemplateId TemplateMiner::Add(std::string_view service, std::string_view line) {
  std::vector<std::string> words = Words(line);
  std::string leaf(service);
  size_t constants = 0;
  for (const std::string& word : words) {
    if (word == kVariable) continue;
    leaf += '\0';
    leaf += word;
    if (++constants == kLeafWords) break;
  }
  std::vector<TemplateId>& candidates = leaves_[leaf];
  TemplateId best = 0;
  double best_agreement = 0;
  for (const TemplateId id : candidates) {
    const double agreement = Agreement(templates_[id].words, words);
    if (agreement > best_agreement) {
      best = id;
      best_agreement = agreement;
    }
  }
  if (best_agreement >= 0.5) {
    std::vector<std::string>& known = templates_[best].words;
    const bool longer = known.size() != words.size();
    known.resize(std::min(known.size(), words.size()));
    for (size_t i = 0; i < known.size(); ++i) {
      if (known[i] != words[i]) known[i] = kVariable;
    }
    // A list of any length stood at the end.
    if (longer && !known.empty()) known.back() = kVariable;
    return best;
  }
  const auto id = static_cast<TemplateId>(templates_.size());
  templates_.push_back({std::move(words)});
  candidates.push_back(id);
  return id;
}

std::string TemplateMiner::Text(TemplateId id) const {
  std::string text;
  for (const std::string& word : templates_[id].words) {
    if (!text.empty()) text += ' ';
    text += word;
  }
  return text;
}

}  // namespace clew::model
