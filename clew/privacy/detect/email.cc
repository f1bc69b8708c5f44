// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// RFC 5322 section 3.2.3 (atext) without what separates fields, parameters and paths in telemetry; RFC 6531 adds UTF-8.
constexpr bool IsLocalByte(char c) {
  return IsWordByte(c) || c == '.' || c == '+' || c == '-' || c == '%' || c == '\'' || c == '!' || c == '#' ||
         c == '$' || c == '*' || c == '^' || c == '~';
}
constexpr bool IsLabelByte(char c) { return IsAlnum(c) || IsForeign(c) || c == '-'; }

// Names that stand behind an @ and a dot where no mail goes: files, units of systemd.
constexpr auto kFileEndings = std::to_array<std::string_view>(
    {"bin",   "bz2",  "cfg", "class", "conf",    "css",   "dll",  "exe",    "gif",  "gz",   "htm",    "html",
     "ico",   "ini",  "jar", "jpeg",  "jpg",     "js",    "json", "jsx",    "lock", "log",  "map",    "mjs",
     "mount", "path", "png", "scope", "service", "slice", "sock", "socket", "svg",  "swap", "target", "tgz",
     "timer", "toml", "ts",  "tsx",   "txt",     "webp",  "whl",  "xml",    "xz",   "yaml", "yml",    "zst"});

constexpr size_t kLongestLocal = 64;
constexpr size_t kLongestDomain = 253;

// Behind the domain that begins at `begin`; `begin` itself where none does.
size_t DomainEnd(std::string_view text, size_t begin) {
  size_t end = begin;
  size_t last_dot = 0;
  size_t at = begin;
  while (at - begin <= kLongestDomain) {
    const size_t label = at;
    while (IsLabelByte(At(text, at))) ++at;
    if (at == label || text[label] == '-') break;
    end = at;
    while (text[end - 1] == '-') --end;
    if (label > begin) last_dot = label - 1;
    if (end != at || At(text, at) != '.') break;
    ++at;
  }
  if (last_dot == 0) return begin;
  const std::string_view top = text.substr(last_dot + 1, end - last_dot - 1);
  const bool international = StartsIgnoringCase(top, "xn--");
  if (top.size() < 2 ||
      (!international && !std::ranges::all_of(top, [](char c) { return IsLetter(c) || IsForeign(c); }))) {
    return begin;
  }
  const bool is_file = std::ranges::any_of(kFileEndings, [&](auto ending) { return EqualIgnoringCase(top, ending); });
  return is_file ? begin : end;
}

// Where the local part begins that ends at `end`; `end` itself where none does.
size_t LocalBegin(std::string_view text, size_t end) {
  if (At(text, end - 1) == '"') {
    // A quoted local part.
    size_t begin = end - 1;
    while (begin > 0 && end - begin < kLongestLocal && text[begin - 1] != '"' && text[begin - 1] != '\n') --begin;
    return begin > 1 && text[begin - 1] == '"' && end - begin > 1 && At(text, begin - 2) != ':' ? begin - 1 : end;
  }
  size_t begin = end;
  while (begin > 0 && end - begin < kLongestLocal && IsLocalByte(text[begin - 1])) --begin;
  // An escaped separator of a URL: %3Dzoe, %22zoe.
  for (size_t at = begin; at + 2 < end; ++at) {
    if (text[at] == '%' && IsHex(text[at + 1]) && IsHex(text[at + 2])) begin = at + 3;
  }
  // An escape of JSON: \nzoe.
  if (begin > 0 && text[begin - 1] == '\\' && end - begin > 1 &&
      (text[begin] == 'n' || text[begin] == 't' || text[begin] == 'r'))
    ++begin;
  while (begin < end && !IsWordByte(text[begin]) && text[begin] != '+') ++begin;
  return text[end - 1] == '.' ? end : begin;
}

class Email final : public Rule {
 public:
  Anchors anchors() const override { return {.any_case_literals = {"%40", "\\u0040"}, .characters = "@"}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    if (candidate.begin == 0) return;
    const size_t begin = LocalBegin(text, candidate.begin);
    if (begin == candidate.begin) return;
    const size_t end = DomainEnd(text, candidate.end);
    if (end == candidate.end) return;
    // git@host:path is an address of a repository.
    if (text.substr(begin, candidate.begin - begin) == "git") return;
    findings.push_back({begin, end, Detector::kEmail});
  }
};

}  // namespace

RulePtr EmailRule() { return std::make_unique<Email>(); }

}  // namespace clew::privacy::detect
