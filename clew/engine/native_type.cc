// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/native_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace clew::engine {
namespace {

struct PlainType {
  std::string_view name;
  TypeKind kind;
  uint32_t width;
};
constexpr std::array kPlainTypes = {
    PlainType{"UInt8", TypeKind::kUInt8, 1},     PlainType{"UInt16", TypeKind::kUInt16, 2},
    PlainType{"UInt32", TypeKind::kUInt32, 4},   PlainType{"UInt64", TypeKind::kUInt64, 8},
    PlainType{"Int8", TypeKind::kInt8, 1},       PlainType{"Int16", TypeKind::kInt16, 2},
    PlainType{"Int32", TypeKind::kInt32, 4},     PlainType{"Int64", TypeKind::kInt64, 8},
    PlainType{"Float64", TypeKind::kFloat64, 8}, PlainType{"Bool", TypeKind::kBool, 1},
    PlainType{"Date", TypeKind::kDate, 2},       PlainType{"String", TypeKind::kString, 0},
};
constexpr int kMaxDepth = 16;
constexpr uint32_t kMaxFixedString = 1u << 16;

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  base::Result<Type> Parse() {
    CLEW_ASSIGN_OR_RETURN(Type type, ParseAt(0));
    SkipSpaces();
    if (!rest_.empty()) return Malformed();
    return type;
  }

 private:
  static std::unexpected<base::Error> Malformed() { return base::InvalidArgument("engine: malformed column type"); }

  void SkipSpaces() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }
  bool Take(char c) {
    SkipSpaces();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view TakeWord() {
    SkipSpaces();
    size_t length = 0;
    const auto is_word = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    while (length < rest_.size() && is_word(rest_[length])) ++length;
    const std::string_view word = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return word;
  }
  std::optional<uint32_t> TakeNumber() {
    const std::string_view word = TakeWord();
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    return number;
  }
  // A quoted text without escapes, as time zones are.
  bool TakeQuoted() {
    if (!Take('\'')) return false;
    const size_t end = rest_.find('\'');
    if (end == std::string_view::npos) return false;
    rest_.remove_prefix(end + 1);
    return true;
  }

  base::Result<Type> ParseAt(int depth) {
    if (depth > kMaxDepth) return base::InvalidArgument("engine: column type nested too deeply");
    const std::string_view name = TakeWord();
    if (name.empty()) return Malformed();
    const auto plain = std::ranges::find(kPlainTypes, name, &PlainType::name);
    if (plain != kPlainTypes.end()) return Type{plain->kind, plain->width, 0, {}};
    if (name == "FixedString") return ParseFixedString();
    if (name == "DateTime" || name == "DateTime64") return ParseTime(name);
    if (name == "Tuple") return ParseTuple(depth);
    if (name == "Map") return ParseNested(TypeKind::kMap, 2, depth);
    if (name == "Array") return ParseNested(TypeKind::kArray, 1, depth);
    if (name == "Nullable" || name == "LowCardinality") {
      const bool nullable = name == "Nullable";
      auto type = ParseNested(nullable ? TypeKind::kNullable : TypeKind::kLowCardinality, 1, depth);
      if (!type) return type;
      const Type& element = type->arguments[0];
      const bool text = element.kind == TypeKind::kString || element.kind == TypeKind::kFixedString;
      if (nullable ? !text && !element.IsFixedWidth() : !text) {
        return base::Unimplemented(fmt::format("engine: column type {} is not supported", type->ToString()));
      }
      return type;
    }
    return base::Unimplemented("engine: a column type that is not supported");
  }

  base::Result<Type> ParseFixedString() {
    if (!Take('(')) return Malformed();
    const auto width = TakeNumber();
    if (!width || *width == 0 || *width > kMaxFixedString || !Take(')')) return Malformed();
    return Type{TypeKind::kFixedString, *width, 0, {}};
  }

  base::Result<Type> ParseTime(std::string_view name) {
    Type type{TypeKind::kDateTime, 4, 0, {}};
    bool zone_may_follow = true;
    if (name == "DateTime64") {
      type = Type{TypeKind::kDateTime64, 8, 3, {}};
      if (Take('(')) {
        const auto scale = TakeNumber();
        if (!scale || *scale > 9) return Malformed();
        type.scale = static_cast<uint8_t>(*scale);
        if (Take(',') && !TakeQuoted()) return Malformed();
        if (!Take(')')) return Malformed();
      }
      zone_may_follow = false;
    }
    if (zone_may_follow && Take('(') && (!TakeQuoted() || !Take(')'))) return Malformed();
    return type;
  }

  base::Result<Type> ParseNested(TypeKind kind, size_t count, int depth) {
    Type type{kind, 0, 0, {}};
    for (size_t i = 0; i < count; ++i) {
      if (!Take(i == 0 ? '(' : ',')) return Malformed();
      CLEW_ASSIGN_OR_RETURN(Type argument, ParseAt(depth + 1));
      type.arguments.push_back(std::move(argument));
    }
    if (!Take(')')) return Malformed();
    return type;
  }

  // Members with or without a name: Tuple(UInt8, String), Tuple(a UInt8, b String).
  base::Result<Type> ParseTuple(int depth) {
    Type type{TypeKind::kTuple, 0, 0, {}};
    for (bool first = true; first || Take(','); first = false) {
      if (first && !Take('(')) return Malformed();
      const std::string_view before = rest_;
      const std::string_view word = TakeWord();
      SkipSpaces();
      const bool named =
          !word.empty() && !rest_.empty() && rest_.front() != '(' && rest_.front() != ',' && rest_.front() != ')';
      if (!named) rest_ = before;
      CLEW_ASSIGN_OR_RETURN(Type argument, ParseAt(depth + 1));
      type.arguments.push_back(std::move(argument));
      if (type.arguments.size() > 256) return Malformed();
    }
    if (!Take(')')) return Malformed();
    return type;
  }

  std::string_view rest_;
};

}  // namespace

std::string Type::ToString() const {
  const auto plain = std::ranges::find(kPlainTypes, kind, &PlainType::kind);
  if (plain != kPlainTypes.end()) return std::string(plain->name);
  std::string_view name;
  switch (kind) {
    case TypeKind::kFixedString: return fmt::format("FixedString({})", width);
    case TypeKind::kDateTime: return "DateTime";
    case TypeKind::kDateTime64: return fmt::format("DateTime64({})", scale);
    case TypeKind::kNullable: name = "Nullable"; break;
    case TypeKind::kLowCardinality: name = "LowCardinality"; break;
    case TypeKind::kArray: name = "Array"; break;
    case TypeKind::kMap: name = "Map"; break;
    default: name = "Tuple"; break;
  }
  std::string text(name);
  for (size_t i = 0; i < arguments.size(); ++i) {
    text += i == 0 ? "(" : ", ";
    text += arguments[i].ToString();
  }
  return text + ")";
}

base::Result<Type> ParseType(std::string_view text) { return Parser(text).Parse(); }

}  // namespace clew::engine
