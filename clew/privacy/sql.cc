// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/sql.h"

#include <algorithm>
#include <array>
#include <vector>

namespace clew::privacy {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<uint8_t>(c) >= 0x80;
}
bool IsWordCharacter(char c) { return IsLetter(c) || IsDigit(c); }
bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EqualIgnoringCase(std::string_view word, std::string_view lower) {
  return std::ranges::equal(word, lower, {}, Lower);
}

// What stands behind a word, for double quotes that are read by their place.
enum class Place : uint8_t { kUnchanged, kAnything, kNames, kValues };
struct KeyWord {
  std::string_view word;
  Place place = Place::kUnchanged;  // up to the next word that has one
  bool value_follows = false;       // right behind it
};

// Sorted.
constexpr auto kKeyWords = std::to_array<KeyWord>({
    {"and", Place::kAnything},
    {"as", Place::kNames},
    {"begin", Place::kAnything},
    {"between", Place::kUnchanged, true},
    {"binary", Place::kUnchanged, true},
    {"by", Place::kNames},
    {"case", Place::kAnything},
    {"column", Place::kNames},
    {"constraint", Place::kNames},
    {"database", Place::kNames},
    {"else", Place::kUnchanged, true},
    {"escape", Place::kUnchanged, true},
    {"exists", Place::kNames},
    {"from", Place::kNames},
    {"glob", Place::kUnchanged, true},
    {"having", Place::kAnything},
    {"ilike", Place::kUnchanged, true},
    {"in", Place::kValues, true},
    {"index", Place::kNames},
    {"into", Place::kNames},
    {"is", Place::kUnchanged, true},
    {"join", Place::kNames},
    {"key", Place::kNames},
    {"like", Place::kUnchanged, true},
    {"limit", Place::kValues},
    {"match", Place::kUnchanged, true},
    {"not", Place::kUnchanged, true},
    {"offset", Place::kValues},
    {"on", Place::kAnything},
    {"only", Place::kNames},
    {"or", Place::kAnything},
    {"references", Place::kNames},
    {"regexp", Place::kUnchanged, true},
    {"release", Place::kNames},
    {"return", Place::kUnchanged, true},
    {"returning", Place::kAnything},
    {"rlike", Place::kUnchanged, true},
    {"savepoint", Place::kNames},
    {"schema", Place::kNames},
    {"select", Place::kAnything},
    {"set", Place::kNames},
    {"similar", Place::kUnchanged, true},
    {"table", Place::kNames},
    {"then", Place::kUnchanged, true},
    {"trigger", Place::kNames},
    {"union", Place::kAnything},
    {"update", Place::kNames},
    {"using", Place::kNames},
    {"value", Place::kValues},
    {"values", Place::kValues, true},
    {"view", Place::kNames},
    {"when", Place::kAnything},
    {"where", Place::kAnything},
    {"with", Place::kAnything},
});
static_assert(std::ranges::is_sorted(kKeyWords, {}, &KeyWord::word));
constexpr size_t kLongestKeyWord = 10;

const KeyWord* FindKeyWord(std::string_view word) {
  if (word.size() > kLongestKeyWord) return nullptr;
  std::array<char, kLongestKeyWord> buffer{};
  std::ranges::transform(word, buffer.begin(), Lower);
  const std::string_view lower(buffer.data(), word.size());
  const auto found = std::ranges::lower_bound(kKeyWords, lower, {}, &KeyWord::word);
  return found != kKeyWords.end() && found->word == lower ? &*found : nullptr;
}

// Letters right before a quote that belong to the string (PostgreSQL, MySQL, SQLite): E'', B'', X'', N''.
constexpr std::string_view kStringPrefixes = "ebxn";

enum class DoubleQuotes : uint8_t { kNames, kStrings, kByPlaceNames, kByPlaceStrings };

// How one dialect reads what the others read in another way.
struct Reading {
  bool backslash_escapes = false;  // within strings
  DoubleQuotes double_quotes = DoubleQuotes::kNames;
  bool hash_comments = false;
  bool comments_nest = false;
  bool dashes_need_space = false;  // before what they make a comment of
};

// What becomes of a byte. Where two readings differ, the larger one counts.
enum class Fate : uint8_t { kStays, kDropped, kLiteral };

// Goes over a statement once and notes the fate of each byte.
class Lexer {
 public:
  Lexer(std::string_view sql, const Reading& reading, std::vector<Fate>& fates)
      : sql_(sql),
        reading_(reading),
        fates_(fates),
        by_place_(reading.double_quotes >= DoubleQuotes::kByPlaceNames && sql.contains('"')) {}

  void Run() {
    while (at_ < sql_.size()) {
      const size_t trivia = SkipTrivia(at_);
      if (trivia != at_) {
        MarkComments(at_, trivia);
        at_ = trivia;
        continue;
      }
      Token();
    }
  }
  // Whether what was decided depends on more than the bytes that stay.
  bool uncertain() const { return uncertain_; }

 private:
  // What the last token was, for quotes that are read by their place.
  enum class Last : uint8_t { kNothing, kDot, kOperator, kOther };

  char At(size_t at) const { return at < sql_.size() ? sql_[at] : '\0'; }

  void Token() {
    const char c = sql_[at_];
    if (c == '\'') return String(at_, reading_.backslash_escapes);
    if (c == '"') return DoubleQuoted();
    if (c == '`') return BackQuoted();
    if (c == '$' && DollarQuoted()) return;
    if (IsDigit(c) || (c == '.' && IsDigit(At(at_ + 1)))) return Number();
    if (IsLetter(c)) return Word();
    if (c == '?' || c == ':' || c == '@' || c == '$') return Placeholder();
    Operator(c);
  }

  // The first byte behind `at` that is neither space nor within a comment.
  size_t SkipTrivia(size_t at) const {
    while (at < sql_.size()) {
      const char c = sql_[at];
      const char next = At(at + 1);
      if (IsSpace(c)) {
        ++at;
      } else if (c == '-' && next == '-' && DashesBeginComment(at)) {
        at = LineEnd(at);
      } else if (c == '#' && reading_.hash_comments) {
        at = LineEnd(at);
      } else if (c == '/' && next == '*') {
        at = BlockEnd(at);
      } else {
        break;
      }
    }
    return at;
  }
  bool DashesBeginComment(size_t at) const {
    return !reading_.dashes_need_space || at + 2 >= sql_.size() || static_cast<uint8_t>(sql_[at + 2]) <= ' ';
  }
  size_t LineEnd(size_t at) const { return std::min(sql_.find('\n', at), sql_.size()); }
  size_t BlockEnd(size_t at) const {
    int depth = 0;
    while (at < sql_.size()) {
      if (sql_[at] == '*' && At(at + 1) == '/') {
        at += 2;
        if (--depth <= 0) return at;
      } else if (sql_[at] == '/' && At(at + 1) == '*' && (depth == 0 || reading_.comments_nest)) {
        at += 2;
        ++depth;
      } else {
        ++at;
      }
    }
    return at;
  }
  // Drops the comments of a stretch of spaces and comments.
  void MarkComments(size_t from, size_t to) {
    for (size_t at = from; at < to;) {
      if (IsSpace(sql_[at])) {
        ++at;
        continue;
      }
      const size_t end = sql_[at] == '/' ? BlockEnd(at) : LineEnd(at);
      Mark(at, end, Fate::kDropped);
      uncertain_ = true;
      at = end;
    }
  }

  void Mark(size_t from, size_t to, Fate fate) {
    for (size_t at = from; at < to; ++at) fates_[at] = std::max(fates_[at], fate);
  }

  // Behind the closing quote of what opens at `at`; nothing where it is cut off.
  size_t QuoteEnd(size_t at, bool backslash_escapes) const {
    const char quote = sql_[at];
    for (++at; at < sql_.size(); ++at) {
      if (sql_[at] == '\\' && backslash_escapes) {
        ++at;
      } else if (sql_[at] == quote) {
        if (At(at + 1) != quote) return at + 1;
        ++at;
      }
    }
    return std::string_view::npos;
  }

  // A string whose quote is at `at_`, its prefix from `begin` on.
  void String(size_t begin, bool backslash_escapes) {
    const size_t end = std::min(QuoteEnd(at_, backslash_escapes), sql_.size());
    Mark(begin, end, Fate::kLiteral);
    at_ = end;
    last_ = Last::kOther;
  }

  void DoubleQuoted() {
    const size_t end = QuoteEnd(at_, reading_.backslash_escapes);
    // A name that is cut off may be anything.
    if (end == std::string_view::npos || !DoubleQuotedIsName(end)) return String(at_, reading_.backslash_escapes);
    at_ = end;
    last_ = Last::kOther;
  }
  bool DoubleQuotedIsName(size_t end) {
    if (reading_.double_quotes == DoubleQuotes::kNames) return true;
    if (reading_.double_quotes == DoubleQuotes::kStrings) return false;
    uncertain_ = true;
    const char next = At(SkipTrivia(end));
    if (last_ == Last::kDot || next == '.' || next == '(') return true;
    if (last_ == Last::kOperator || place_ == Place::kValues) return false;
    return place_ == Place::kNames || reading_.double_quotes == DoubleQuotes::kByPlaceNames;
  }

  void BackQuoted() {
    const size_t end = QuoteEnd(at_, false);
    if (end == std::string_view::npos) return String(at_, false);
    at_ = end;
    last_ = Last::kOther;
  }

  // PostgreSQL's $$…$$ and $tag$…$tag$.
  bool DollarQuoted() {
    size_t tag_end = at_ + 1;
    if (!IsDigit(At(tag_end))) {
      while (IsWordCharacter(At(tag_end))) ++tag_end;
    }
    if (At(tag_end) != '$') return false;
    const std::string_view tag = sql_.substr(at_, tag_end + 1 - at_);
    const size_t close = sql_.find(tag, tag_end + 1);
    const size_t end = close == std::string_view::npos ? sql_.size() : close + tag.size();
    Mark(at_, end, Fate::kLiteral);
    at_ = end;
    last_ = Last::kOther;
    return true;
  }

  // Numbers of every base, and words that begin with a digit.
  void Number() {
    const size_t begin = at_;
    const bool decimal = At(at_ + 1) != 'x' && At(at_ + 1) != 'X';
    while (at_ < sql_.size()) {
      const char c = sql_[at_];
      const bool exponent = (c == '+' || c == '-') && decimal && IsDigit(At(at_ + 1)) && Lower(sql_[at_ - 1]) == 'e';
      if (!IsWordCharacter(c) && c != '.' && !exponent) break;
      ++at_;
    }
    Mark(begin, at_, Fate::kLiteral);
    last_ = Last::kOther;
  }

  void Word() {
    const size_t begin = at_;
    while (IsWordCharacter(At(at_)) || At(at_) == '$') ++at_;
    const std::string_view word = sql_.substr(begin, at_ - begin);
    const char prefix = Lower(word[0]);
    if (At(at_) == '\'' && word.size() == 1 && kStringPrefixes.contains(prefix)) {
      return String(begin, reading_.backslash_escapes || prefix == 'e');
    }
    if (prefix == 'u' && word.size() == 1 && At(at_) == '&' && At(at_ + 1) == '\'') {
      ++at_;
      return String(begin, reading_.backslash_escapes);
    }
    last_ = Last::kOther;
    if (!by_place_) return;
    const KeyWord* key_word = FindKeyWord(word);
    if (key_word == nullptr) return;
    if (key_word->value_follows) last_ = Last::kOperator;
    if (key_word->place != Place::kUnchanged) place_ = key_word->place;
  }

  // ?, ?1, :name, :1, @name, @@name, $1, $name, and PostgreSQL's casts. Long numbers are no positions of parameters.
  void Placeholder() {
    const char mark = sql_[at_++];
    last_ = Last::kOther;
    if ((mark == ':' || mark == '@') && At(at_) == mark) ++at_;
    size_t end = at_;
    while (IsDigit(At(end))) ++end;
    if (end - at_ <= 3 && !IsWordCharacter(At(end))) at_ = end;
  }

  void Operator(char c) {
    ++at_;
    last_ = Last::kOther;
    if (!by_place_) return;
    if (c == '.') {
      last_ = Last::kDot;
    } else if (c == '(') {
      outer_places_.push_back(place_);
    } else if (c == ')') {
      if (!outer_places_.empty()) {
        place_ = outer_places_.back();
        outer_places_.pop_back();
      }
    } else if (c == ';') {
      place_ = Place::kAnything;
    } else if (c != ',') {
      last_ = Last::kOperator;
    }
  }

  std::string_view sql_;
  const Reading& reading_;
  std::vector<Fate>& fates_;
  bool by_place_;
  size_t at_ = 0;
  bool uncertain_ = false;
  Last last_ = Last::kNothing;
  Place place_ = Place::kAnything;
  std::vector<Place> outer_places_;
};

// The bytes that stay, one `?` for each stretch of literals, a space where a comment alone kept two tokens apart.
std::string Write(std::string_view sql, const std::vector<Fate>& fates) {
  std::string out;
  out.reserve(sql.size());
  for (size_t at = 0; at < sql.size();) {
    size_t end = at + 1;
    while (end < sql.size() && fates[end] == fates[at]) ++end;
    switch (fates[at]) {
      case Fate::kStays: out += sql.substr(at, end - at); break;
      case Fate::kLiteral: out += '?'; break;
      case Fate::kDropped:
        if (!out.empty() && !IsSpace(out.back()) && end < sql.size() && !IsSpace(sql[end])) out += ' ';
        break;
    }
    at = end;
  }
  return out;
}

Reading ReadingOf(SqlDialect dialect) {
  switch (dialect) {
    case SqlDialect::kPostgres: return {.comments_nest = true};
    case SqlDialect::kMySql:
      return {.backslash_escapes = true,
              .double_quotes = DoubleQuotes::kStrings,
              .hash_comments = true,
              .dashes_need_space = true};
    case SqlDialect::kSqlite: return {.double_quotes = DoubleQuotes::kByPlaceNames};
    case SqlDialect::kUnknown: break;
  }
  return {.double_quotes = DoubleQuotes::kByPlaceStrings, .hash_comments = true, .comments_nest = true};
}

// One pass; says whether another may change more.
bool ReplaceOnce(std::string& sql, SqlDialect dialect) {
  std::vector<Fate> fates(sql.size());
  Reading reading = ReadingOf(dialect);
  Lexer lexer(sql, reading, fates);
  lexer.Run();
  bool uncertain = lexer.uncertain();
  // A backslash may or may not keep a string open: what either reading takes for a literal is one.
  if (dialect == SqlDialect::kUnknown && sql.find('\\') != std::string::npos) {
    reading.backslash_escapes = true;
    Lexer(sql, reading, fates).Run();
    uncertain = true;
  }
  std::string replaced = Write(sql, fates);
  uncertain = uncertain && replaced != sql;
  sql = std::move(replaced);
  return uncertain;
}

}  // namespace

SqlDialect SqlDialectOf(std::string_view db_system) {
  static constexpr std::array<std::pair<std::string_view, SqlDialect>, 10> kDialects = {{
      {"postgresql", SqlDialect::kPostgres},
      {"cockroachdb", SqlDialect::kPostgres},
      {"redshift", SqlDialect::kPostgres},
      {"aws.redshift", SqlDialect::kPostgres},
      {"mysql", SqlDialect::kMySql},
      {"mariadb", SqlDialect::kMySql},
      {"clickhouse", SqlDialect::kUnknown},
      {"sqlite", SqlDialect::kSqlite},
      {"oracle", SqlDialect::kPostgres},
      {"oracle.db", SqlDialect::kPostgres},
  }};
  for (const auto& [name, dialect] : kDialects) {
    if (EqualIgnoringCase(db_system, name)) return dialect;
  }
  return SqlDialect::kUnknown;
}

std::string ReplaceSqlLiterals(std::string_view sql, SqlDialect dialect) {
  std::string text(sql);
  // Each round that changes anything leaves fewer bytes that are no `?`, so this ends.
  while (ReplaceOnce(text, dialect)) {
  }
  return text;
}

}  // namespace clew::privacy
