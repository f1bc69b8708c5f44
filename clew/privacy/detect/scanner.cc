// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/scanner.h"

#include <hs/hs.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <utility>

#include "clew/base/thread_annotations.h"
#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/values.h"

namespace clew::privacy::detect {
namespace {

// A key of somebody's may be of letters alone from that size on.
constexpr size_t kLeastKey = 20;

// What a byte may begin.
enum Class : uint8_t { kNothing = 0, kDigit = 1, kMark = 2, kHolds = 4, kGap = 8 };

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (char c = '0'; c <= '9'; ++c) classes[static_cast<uint8_t>(c)] = kDigit;
  for (const char c : kAnchorCharacters) classes[static_cast<uint8_t>(c)] = kMark;
  // No secret stands in a text without any of the above, an equals sign or a quote.
  for (const char c : std::string_view("=%\"'_")) classes[static_cast<uint8_t>(c)] = kHolds;
  for (const char c : std::string_view(" -./()")) classes[static_cast<uint8_t>(c)] |= kGap;
  return classes;
}();

constexpr uint8_t ClassOf(char c) { return kClasses[static_cast<uint8_t>(c)]; }

// Whether behind the run [begin, at) groups of digits follow, with a gap or two between them, that make six digits at
// least together with it: no number of anybody is shorter.
bool IsGroup(std::string_view text, size_t begin, size_t at) {
  constexpr size_t kLeastDigits = 6;
  size_t digits = at - begin;
  if ((ClassOf(At(text, at)) & kGap) == 0 || digits > kLongRun) return false;
  size_t gaps = 0;
  bool has_group = false;
  for (; at < text.size() && (digits < kLeastDigits || !has_group); ++at) {
    if (IsDigit(text[at])) {
      ++digits;
      gaps = 0;
      has_group = true;
    } else if ((ClassOf(text[at]) & kGap) == 0 || ++gaps > 2) {
      return false;
    }
  }
  return has_group && digits >= kLeastDigits;
}

struct Literal {
  uint32_t rule = 0;
  uint32_t index = 0;  // within the rule
  uint32_t size = 0;
};

struct DatabaseFree {
  void operator()(hs_database_t* database) const { hs_free_database(database); }
};
struct ScratchFree {
  void operator()(hs_scratch_t* scratch) const { hs_free_scratch(scratch); }
};
using Scratch = std::unique_ptr<hs_scratch_t, ScratchFree>;

}  // namespace

void Settle(Findings& findings) {
  if (findings.size() < 2) return;
  std::ranges::sort(findings, [](const Finding& a, const Finding& b) {
    if (a.begin != b.begin) return a.begin < b.begin;
    if (a.end != b.end) return a.end > b.end;
    return a.detector < b.detector;
  });
  size_t kept = 0;
  for (size_t i = 1; i < findings.size(); ++i) {
    Finding& last = findings[kept];
    const Finding& next = findings[i];
    if (next.begin >= last.end) {
      findings[++kept] = next;
    } else if (next.end > last.end) {
      if (next.end - next.begin > last.end - last.begin) {
        last.detector = next.detector;
        last.own = next.own;
      }
      last.end = next.end;
    }
  }
  findings.resize(kept + 1);
}

struct Scanner::State {
  std::vector<RulePtr> rules;
  using OfRuns = std::array<std::vector<const Rule*>, kLongRun + 1>;
  OfRuns of_digit_runs;
  OfRuns of_grouped_runs;
  OfRuns of_dotted_runs;
  OfRuns of_lettered_runs;
  std::array<std::vector<const Rule*>, 128> of_marks;  // by character
  std::vector<Literal> literals;
  std::unique_ptr<hs_database_t, DatabaseFree> database;
  Enabled enabled{};
  bool finds_all = true;

  base::Mutex mutex;
  std::vector<Scratch> idle GUARDED_BY(mutex);
};

struct Scanner::Pass::State {
  Scanner::State& scanner;
  Scratch scratch;
  Findings findings;

  // Of the text being scanned.
  Candidate candidate;
  // Where the last finding of each rule with words ended.
  std::vector<size_t> covered;

  void ScanBytes();
  void ScanWords();
  void Ask(const std::vector<const Rule*>& rules) {
    for (const Rule* rule : rules) rule->Confirm(candidate, findings);
  }
  static int OnWord(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void* context);
};

Scanner::Scanner(std::unique_ptr<State> state) : state_(std::move(state)) {}
Scanner::~Scanner() = default;

base::Result<std::unique_ptr<const Scanner>> Scanner::Make(std::vector<RulePtr> rules, const Enabled& enabled) {
  auto state = std::make_unique<State>();
  state->enabled = enabled;
  state->finds_all = std::ranges::all_of(enabled, std::identity());
  std::vector<std::string> words;
  std::vector<unsigned> flags;
  for (uint32_t number = 0; number < rules.size(); ++number) {
    const RulePtr& rule = rules[number];
    const Anchors anchors = rule->anchors();
    for (const auto& [runs, of_runs] : {std::pair(anchors.digit_runs, &state->of_digit_runs),
                                        {anchors.grouped_runs, &state->of_grouped_runs},
                                        {anchors.dotted_runs, &state->of_dotted_runs},
                                        {anchors.lettered_runs, &state->of_lettered_runs}}) {
      for (uint32_t size = 1; size <= kLongRun; ++size) {
        if ((runs >> size & 1u) != 0) (*of_runs)[size].push_back(rule.get());
      }
    }
    for (const char c : anchors.characters) state->of_marks[static_cast<uint8_t>(c)].push_back(rule.get());
    uint32_t index = 0;
    const auto add = [&](std::string_view word, unsigned flag) {
      state->literals.push_back({number, index++, static_cast<uint32_t>(word.size())});
      words.emplace_back(word);
      flags.push_back(flag);
    };
    for (const std::string_view word : anchors.literals) add(word, 0);
    for (const std::string_view word : anchors.any_case_literals) add(word, HS_FLAG_CASELESS);
  }
  if (!words.empty()) {
    std::vector<const char*> expressions;
    std::vector<unsigned> ids;
    std::vector<size_t> sizes;
    for (const std::string& word : words) {
      ids.push_back(static_cast<unsigned>(ids.size()));
      expressions.push_back(word.data());
      sizes.push_back(word.size());
    }
    hs_database_t* database = nullptr;
    hs_compile_error_t* error = nullptr;
    const hs_error_t status =
        hs_compile_lit_multi(expressions.data(), flags.data(), ids.data(), sizes.data(),
                             static_cast<unsigned>(words.size()), HS_MODE_BLOCK, nullptr, &database, &error);
    if (status != HS_SUCCESS) {
      std::string message = "Vectorscan takes none of the detectors' words";
      if (error != nullptr) message += std::string(": ") + error->message;
      hs_free_compile_error(error);
      return base::Internal(std::move(message));
    }
    state->database.reset(database);
  }
  state->rules = std::move(rules);
  return std::unique_ptr<const Scanner>(new Scanner(std::move(state)));
}

Scanner::Pass::Pass(const Scanner& scanner) : state_(new State{*scanner.state_, nullptr, {}, {}, {}}) {
  Scanner::State& shared = *scanner.state_;
  if (!shared.database) return;
  {
    const base::MutexLock lock(shared.mutex);
    if (!shared.idle.empty()) {
      state_->scratch = std::move(shared.idle.back());
      shared.idle.pop_back();
    }
  }
  if (!state_->scratch) {
    hs_scratch_t* scratch = nullptr;
    CLEW_CHECK(hs_alloc_scratch(shared.database.get(), &scratch) == HS_SUCCESS);
    state_->scratch.reset(scratch);
  }
}

Scanner::Pass::~Pass() {
  if (!state_->scratch) return;
  const base::MutexLock lock(state_->scanner.mutex);
  state_->scanner.idle.push_back(std::move(state_->scratch));
}

const Findings& Scanner::Pass::Scan(std::string_view text, HintSet key_hints) {
  State& state = *state_;
  state.findings.clear();
  state.candidate = {.text = text, .key_hints = key_hints};
  state.ScanBytes();
  if (!state.scanner.finds_all) {
    std::erase_if(state.findings, [&](const Finding& finding) {
      return !state.scanner.enabled[static_cast<size_t>(finding.detector)];
    });
  }
  std::erase_if(state.findings, [&](const Finding& finding) { return IsTakenOut(text, finding.begin, finding.end); });
  Settle(state.findings);
  return state.findings;
}

void Scanner::Pass::State::ScanBytes() {
  const std::string_view text = candidate.text;
  const char* const data = text.data();
  const size_t size = text.size();
  uint8_t seen = 0;
  for (size_t at = 0; at < size;) {
    // Most bytes are letters: four at a time.
    while (at + 4 <= size) {
      const uint8_t four = ClassOf(data[at]) | ClassOf(data[at + 1]) | ClassOf(data[at + 2]) | ClassOf(data[at + 3]);
      seen |= four;
      if ((four & (kDigit | kMark)) != 0) break;
      at += 4;
    }
    if (at == size) break;
    const uint8_t what = ClassOf(data[at]);
    seen |= what;
    if ((what & (kDigit | kMark)) == 0) {
      ++at;
      continue;
    }
    candidate.begin = at;
    const size_t before = findings.size();
    if ((what & kDigit) != 0) {
      do ++at;
      while (at < size && IsDigit(data[at]));
      candidate.end = at;
      const size_t run = std::min<size_t>(at - candidate.begin, kLongRun);
      Ask(scanner.of_digit_runs[run]);
      if (IsGroup(text, candidate.begin, at)) Ask(scanner.of_grouped_runs[run]);
      if (At(text, at) == '.' && IsDigit(At(text, at + 1))) Ask(scanner.of_dotted_runs[run]);
      if (IsLetter(At(text, candidate.begin - 1))) Ask(scanner.of_lettered_runs[run]);
    } else {
      candidate.end = ++at;
      Ask(scanner.of_marks[static_cast<uint8_t>(data[candidate.begin])]);
    }
    // What is found is not looked at again.
    for (size_t i = before; i < findings.size(); ++i) at = std::max(at, findings[i].end);
  }
  if (((seen & (kDigit | kMark | kHolds)) != 0 || size >= kLeastKey) && scanner.database) ScanWords();
}

void Scanner::Pass::State::ScanWords() {
  covered.assign(scanner.rules.size(), 0);
  hs_scan(scanner.database.get(), candidate.text.data(), static_cast<unsigned>(candidate.text.size()), 0, scratch.get(),
          &OnWord, this);
}

int Scanner::Pass::State::OnWord(unsigned id, unsigned long long, unsigned long long to, unsigned, void* context) {
  State& state = *static_cast<State*>(context);
  const Literal& literal = state.scanner.literals[id];
  state.candidate.end = static_cast<size_t>(to);
  state.candidate.begin = state.candidate.end - literal.size;
  // A word within what its own rule found already: looking again would cost the square of a long text.
  if (state.candidate.begin < state.covered[literal.rule]) return 0;
  state.candidate.literal = literal.index;
  const size_t before = state.findings.size();
  state.scanner.rules[literal.rule]->Confirm(state.candidate, state.findings);
  if (state.findings.size() > before) state.covered[literal.rule] = state.findings.back().end;
  return 0;
}

}  // namespace clew::privacy::detect
