// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"

namespace clew::query::logql {

enum class TokenType {
  kEnd,
  kIdentifier,  // label, stage or function name
  kString,      // text holds the unescaped value
  kNumber,      // with its unit, if one follows: 500, 1.5, 10ms, 1h30m, 5MB
  kSymbol,      // one of { } ( ) [ ] , = != =~ !~ == > >= < <= | |= |~ |> !> + - * / ^ %
};

struct Token {
  TokenType type = TokenType::kEnd;
  std::string text;
  size_t offset = 0;  // where it starts in the query, in bytes
};

// Splits a query into tokens, comments (# to the end of the line) left out; the last one is kEnd.
base::Result<std::vector<Token>> Tokenize(std::string_view text);

// "parse error at line L, col C: <what>", in Loki's form.
std::unexpected<base::Error> ParseError(std::string_view text, size_t offset, std::string_view what);

}  // namespace clew::query::logql
