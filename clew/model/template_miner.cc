// SPDX-License-Identifier: Apache-2.0
#include "clew/model/template_miner.h"

#include <algorithm>
#include <array>

#include "clew/base/hash.h"

namespace clew::model {
namespace {

constexpr std::string_view kVariable = "<*>";
// Words beyond this say little more about what a line is.
constexpr size_t kMaxWords = 60;
constexpr size_t kLeafWords = 3;
constexpr std::string_view kSeparators = " \t\r\n[]{}(),;=\"'";

enum CharClass : uint8_t { kOther, kSeparator, kDigit, kHash };
constexpr std::array<CharClass, 256> kClasses = [] {
  std::array<CharClass, 256> classes{};
  for (const char c : kSeparators) classes[static_cast<uint8_t>(c)] = kSeparator;
  for (char c = '0'; c <= '9'; ++c) classes[static_cast<uint8_t>(c)] = kDigit;
  classes['#'] = kHash;
  return classes;
}();

// Calls `on_word` with each word that says what a line is, variable ones as kVariable.
template <typename OnWord>
void EachWord(std::string_view line, OnWord&& on_word) {
  const auto class_at = [&](size_t at) { return kClasses[static_cast<uint8_t>(line[at])]; };
  size_t at = 0;
  for (size_t words = 0; words < kMaxWords; ++words) {
    while (at < line.size() && class_at(at) == kSeparator) ++at;
    if (at == line.size()) return;
    const size_t begin = at;
    bool has_digit = false;
    bool has_hash = false;
    for (; at < line.size() && class_at(at) != kSeparator; ++at) {
      has_digit |= class_at(at) == kDigit;
      has_hash |= class_at(at) == kHash;
    }
    on_word(has_digit && !has_hash ? kVariable : line.substr(begin, at - begin));
  }
}

std::vector<std::string> Words(std::string_view line) {
  std::vector<std::string> words;
  EachWord(line, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

// Where lines with these words meet.
std::string LeafOf(std::string_view service, const std::vector<std::string>& words) {
  std::string leaf(service);
  size_t constants = 0;
  for (const std::string& word : words) {
    if (word == kVariable) continue;
    leaf += '\0';
    leaf += word;
    if (++constants == kLeafWords) break;
  }
  return leaf;
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
  const std::string leaf = LeafOf(service, words);
  const auto known_leaf = leaves_.find(leaf);
  static const std::vector<TemplateId> kNobody;
  const std::vector<TemplateId>& candidates = known_leaf == leaves_.end() ? kNobody : known_leaf->second;
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
  if (templates_.size() >= most_) return kNone;
  return AddNew(std::move(words), leaves_[leaf]);
}

TemplateMiner::TemplateId TemplateMiner::Restore(std::string_view service, std::string_view text) {
  std::vector<std::string> words = Words(text);
  const std::string leaf = LeafOf(service, words);
  if (const auto known = leaves_.find(leaf); known != leaves_.end()) {
    for (const TemplateId id : known->second) {
      if (templates_[id].words == words) return id;
    }
  }
  if (templates_.size() >= most_) return kNone;
  return AddNew(std::move(words), leaves_[leaf]);
}

TemplateMiner::TemplateId TemplateMiner::AddNew(std::vector<std::string> words, std::vector<TemplateId>& leaf) {
  const auto id = static_cast<TemplateId>(templates_.size());
  templates_.push_back({std::move(words)});
  leaf.push_back(id);
  return id;
}

uint64_t TemplateMiner::ShapeOf(std::string_view service, std::string_view line) {
  uint64_t shape = base::Hash64(service);
  EachWord(line, [&](std::string_view word) { shape = base::Hash64(word, shape); });
  return shape;
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
