// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

// What a span's name needs of an SQL statement (no Python in here). A few words are looked at, nothing is parsed.
namespace clew::python {

struct StatementSummary {
  std::string_view operation;   // first word as written; empty: none
  std::string_view collection;  // the table, where it is plain to see
};

namespace internal {

inline bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

inline bool IsWord(std::string_view text, std::string_view upper) {
  if (text.size() != upper.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'a' && text[i] <= 'z' ? static_cast<char>(text[i] - 'a' + 'A') : text[i];
    if (c != upper[i]) return false;
  }
  return true;
}

// The next word, over white space and comments; empty where something else comes.
inline std::string_view NextWord(std::string_view& sql) {
  while (!sql.empty()) {
    if (sql.front() == ' ' || sql.front() == '\n' || sql.front() == '\t' || sql.front() == '\r') {
      sql.remove_prefix(1);
    } else if (sql.starts_with("--")) {
      const size_t end = sql.find('\n');
      sql.remove_prefix(end == std::string_view::npos ? sql.size() : end);
    } else if (sql.starts_with("/*")) {
      const size_t end = sql.find("*/", 2);
      sql.remove_prefix(end == std::string_view::npos ? sql.size() : end + 2);
    } else {
      break;
    }
  }
  size_t size = 0;
  while (size < sql.size() && IsWordCharacter(sql[size])) ++size;
  const std::string_view word = sql.substr(0, size);
  sql.remove_prefix(size);
  return word;
}

// A table's name, quoted or not; the part before a dot is left out.
inline std::string_view TableName(std::string_view sql) {
  while (!sql.empty() && (sql.front() == ' ' || sql.front() == '\n' || sql.front() == '\t')) sql.remove_prefix(1);
  if (!sql.empty() && (sql.front() == '"' || sql.front() == '`' || sql.front() == '[')) {
    const char close = sql.front() == '[' ? ']' : sql.front();
    const size_t end = sql.find(close, 1);
    return end == std::string_view::npos || end > 64 ? std::string_view() : sql.substr(1, end - 1);
  }
  std::string_view name = NextWord(sql);
  if (sql.starts_with(".")) {
    sql.remove_prefix(1);
    name = NextWord(sql);
  }
  return name.size() > 64 ? std::string_view() : name;
}

}  // namespace internal

inline StatementSummary Summarize(std::string_view sql) {
  using internal::IsWord;
  using internal::NextWord;
  // Far enough for a table behind a list of columns, and never long.
  constexpr size_t kLookedAt = 2048;
  sql = sql.substr(0, kLookedAt);
  StatementSummary summary;
  summary.operation = NextWord(sql);
  if (summary.operation.size() > 32) summary.operation = {};
  const bool deletes_or_selects = IsWord(summary.operation, "SELECT") || IsWord(summary.operation, "DELETE");
  const bool inserts = IsWord(summary.operation, "INSERT") || IsWord(summary.operation, "REPLACE");
  if (IsWord(summary.operation, "UPDATE")) {
    summary.collection = internal::TableName(sql);
    return summary;
  }
  if (!deletes_or_selects && !inserts) return summary;
  int depth = 0;
  while (!sql.empty()) {
    const char c = sql.front();
    if (internal::IsWordCharacter(c)) {
      const std::string_view word = NextWord(sql);
      if (depth == 0 && IsWord(word, deletes_or_selects ? "FROM" : "INTO")) {
        summary.collection = internal::TableName(sql);
        return summary;
      }
      continue;
    }
    if (c == '\'' || c == '"') {
      const size_t end = sql.find(c, 1);
      if (end == std::string_view::npos) return summary;
      sql.remove_prefix(end);
    }
    if (c == '(') ++depth;
    if (c == ')') --depth;
    sql.remove_prefix(1);
  }
  return summary;
}

}  // namespace clew::python
