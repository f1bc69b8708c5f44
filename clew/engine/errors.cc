// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "clew/base/bytes.h"

namespace clew::engine {
namespace {

constexpr size_t kMaxMessageBytes = 300;

// Numbers of ClickHouse's src/Common/ErrorCodes.cpp.
base::Code CodeOf(int number) {
  switch (number) {
    case 159:  // TIMEOUT_EXCEEDED
    case 160:  // TOO_SLOW
      return base::Code::kDeadlineExceeded;
    case 394:  // QUERY_WAS_CANCELLED
    case 735:  // QUERY_WAS_CANCELLED_BY_CLIENT
      return base::Code::kCancelled;
    case 158:  // TOO_MANY_ROWS
    case 191:  // SET_SIZE_LIMIT_EXCEEDED
    case 202:  // TOO_MANY_SIMULTANEOUS_QUERIES
    case 241:  // MEMORY_LIMIT_EXCEEDED
    case 243:  // NOT_ENOUGH_SPACE
    case 252:  // TOO_MANY_PARTS
    case 307:  // TOO_MANY_BYTES
    case 396:  // TOO_MANY_ROWS_OR_BYTES
      return base::Code::kResourceExhausted;
    case 60:  // UNKNOWN_TABLE
    case 81:  // UNKNOWN_DATABASE
      return base::Code::kNotFound;
    case 427:  // CANNOT_COMPILE_REGEXP
    case 457:  // BAD_QUERY_PARAMETER
      return base::Code::kInvalidArgument;
    case 32:   // ATTEMPT_TO_READ_AFTER_EOF
    case 33:   // CANNOT_READ_ALL_DATA
    case 40:   // CHECKSUM_DOESNT_MATCH
    case 107:  // FILE_DOESNT_EXIST
    case 246:  // CORRUPTED_DATA
    case 271:  // CANNOT_DECOMPRESS
      return base::Code::kDataLoss;
    case 57:  // TABLE_ALREADY_EXISTS
      return base::Code::kAlreadyExists;
    default: return base::Code::kInternal;
  }
}

constexpr std::string_view kPart = "part ";
constexpr std::string_view kOfTable = " of table ";
constexpr std::string_view kIsDamaged = " is damaged: ";

// What stands between two marks, the first of them the last before the second; empty where they are not there.
std::string_view Between(std::string_view text, std::string_view before, std::string_view after) {
  const size_t end = text.find(after);
  if (end == std::string_view::npos) return {};
  const size_t begin = text.substr(0, end).rfind(before);
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin + before.size(), end - begin - before.size());
}

bool IsName(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// ClickHouse says "(while reading from part /…/20261124_1_5_1/ in table clew.spans (…) located on …".
std::string NameDamagedPart(std::string_view text) {
  constexpr std::string_view kInTable = "/ in table clew.";
  const std::string_view part = Between(text, "/", kInTable);
  if (part.empty()) return {};
  text.remove_prefix(text.find(kInTable) + kInTable.size());
  const std::string_view table = text.substr(0, text.find(' '));
  if (!IsName(part) || !IsName(table)) return {};
  return fmt::format("{}{}{}{}{}", kPart, part, kOfTable, table, kIsDamaged);
}

}  // namespace

std::optional<DamagedPart> DamagedPartOf(const base::Error& error) {
  const std::string_view named = Between(error.message, kPart, kIsDamaged);
  const size_t between = named.find(kOfTable);
  if (error.code != base::Code::kDataLoss || between == std::string_view::npos) return std::nullopt;
  DamagedPart part{std::string(named.substr(between + kOfTable.size())), std::string(named.substr(0, between))};
  if (!IsName(part.table) || !IsName(part.name)) return std::nullopt;
  return part;
}

base::Error ErrorOf(std::string_view text) {
  base::Error error;
  error.code = base::Code::kInternal;
  constexpr std::string_view kCode = "Code: ";
  constexpr std::string_view kException = "DB::Exception: ";
  if (const size_t at = text.find(kCode); at != std::string_view::npos) {
    int number = 0;
    const char* first = text.data() + at + kCode.size();
    if (std::from_chars(first, text.data() + text.size(), number).ec == std::errc()) error.code = CodeOf(number);
  }
  // However it is wrapped: a full disk is one thing.
  if (text.contains("No space left on device") || text.contains("Cannot reserve")) {
    error.code = base::Code::kResourceExhausted;
  }
  if (const size_t at = text.find(kException); at != std::string_view::npos) text.remove_prefix(at + kException.size());
  std::string line;
  if (error.code == base::Code::kDataLoss) line = NameDamagedPart(text);
  line += text.substr(0, kMaxMessageBytes);
  std::ranges::replace(line, '\n', ' ');
  while (!line.empty() && line.back() == ' ') line.pop_back();
  error.message = "storage engine: " + base::ToUtf8(line);
  return error;
}

}  // namespace clew::engine
