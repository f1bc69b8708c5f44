// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clew/privacy/detect/scanner.h"

namespace clew::privacy::detect {

inline std::unique_ptr<const Scanner> ScannerOf(std::vector<RulePtr> rules) {
  Scanner::Enabled enabled;
  enabled.fill(true);
  auto scanner = Scanner::Make(std::move(rules), enabled);
  EXPECT_TRUE(scanner.has_value());
  return std::move(*scanner);
}

// Each line as it is, what is to be found of it between «»; `rule` alone, or all where there is none.
inline void ExpectFound(RulePtr rule, const std::vector<std::string_view>& lines) {
  std::vector<RulePtr> rules;
  if (rule) {
    rules.push_back(std::move(rule));
  } else {
    rules = AllRules();
  }
  const auto scanner = ScannerOf(std::move(rules));
  Scanner::Pass pass(*scanner);
  constexpr std::string_view kOpen = "«";
  constexpr std::string_view kClose = "»";
  for (const std::string_view line : lines) {
    std::string text(line);
    for (const std::string_view mark : {kOpen, kClose}) {
      for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark)) text.erase(at, mark.size());
    }
    std::string marked;
    size_t done = 0;
    for (const Finding& finding : pass.Scan(text)) {
      marked.append(text, done, finding.begin - done).append(kOpen);
      marked.append(text, finding.begin, finding.end - finding.begin).append(kClose);
      done = finding.end;
    }
    marked.append(text, done);
    EXPECT_EQ(marked, line);
  }
}

}  // namespace clew::privacy::detect
