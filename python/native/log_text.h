// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

// Where ids go in the text of a log record (no Python in here). Char is a code unit of whatever width the text has.
namespace clew::python {

// Reads one JSON value (RFC 8259, and NaN and Infinity, which Python's json writes), looking for keys of the outermost
// object on its way.
template <typename Char>
class JsonScanner {
 public:
  JsonScanner(const Char* text, size_t size) : at_(text), end_(text + size) {}

  // Whether the text is one JSON object and nothing but white space around it.
  bool IsObject() {
    SkipSpace();
    if (at_ == end_ || *at_ != '{' || !Value(0)) return false;
    SkipSpace();
    return at_ == end_;
  }
  bool has_trace_id() const { return has_trace_id_; }
  bool has_span_id() const { return has_span_id_; }
  bool is_empty() const { return is_empty_; }

 private:
  static constexpr int kMaxDepth = 64;

  void SkipSpace() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }
  bool Take(char wanted) {
    SkipSpace();
    if (at_ == end_ || *at_ != static_cast<Char>(wanted)) return false;
    ++at_;
    return true;
  }
  bool Word(const char* word) {
    for (; *word != '\0'; ++word, ++at_) {
      if (at_ == end_ || *at_ != static_cast<Char>(*word)) return false;
    }
    return true;
  }
  static bool Equals(const Char* from, const Char* to, const char* text) {
    for (; from != to && *text != '\0'; ++from, ++text) {
      if (*from != static_cast<Char>(*text)) return false;
    }
    return from == to && *text == '\0';
  }

  bool String() {
    if (!Take('"')) return false;
    while (at_ != end_ && *at_ != '"') {
      if (*at_ < 0x20) return false;
      if (*at_ == '\\' && ++at_ == end_) return false;
      ++at_;
    }
    if (at_ == end_) return false;
    ++at_;
    return true;
  }
  bool Number() {
    const Char* start = at_;
    while (at_ != end_ &&
           ((*at_ >= '0' && *at_ <= '9') || *at_ == '-' || *at_ == '+' || *at_ == '.' || *at_ == 'e' || *at_ == 'E')) {
      ++at_;
    }
    if (at_ - start == 1 && *start == '-') return Word("Infinity");
    return at_ != start;
  }
  bool Key(int depth) {
    SkipSpace();
    const Char* start = at_ + 1;
    if (!String()) return false;
    if (depth == 0) {
      has_trace_id_ |= Equals(start, at_ - 1, "trace_id");
      has_span_id_ |= Equals(start, at_ - 1, "span_id");
    }
    return Take(':');
  }
  // The members of an object or elements of an array, up to `close`.
  bool Members(char close, bool object, int depth) {
    ++at_;
    if (Take(close)) {
      is_empty_ |= depth == 0;
      return true;
    }
    do {
      if ((object && !Key(depth)) || !Value(depth + 1)) return false;
    } while (Take(','));
    return Take(close);
  }
  bool Value(int depth) {
    SkipSpace();
    if (at_ == end_ || depth > kMaxDepth) return false;
    switch (*at_) {
      case '{': return Members('}', true, depth);
      case '[': return Members(']', false, depth);
      case '"': return String();
      case 't': return Word("true");
      case 'f': return Word("false");
      case 'n': return Word("null");
      case 'N': return Word("NaN");
      case 'I': return Word("Infinity");
      default: return Number();
    }
  }

  const Char* at_;
  const Char* end_;
  bool has_trace_id_ = false;
  bool has_span_id_ = false;
  bool is_empty_ = false;
};

struct IdPlace {
  enum Form { kNone, kText, kJson } form = kNone;
  size_t at = 0;  // code units from the start
  // kJson:
  bool first = false;  // no member before
  bool with_trace_id = true;
  bool with_span_id = true;
};

// Where the ids of a line belong: in text at the end of its first line; in a JSON object two keys before its end, but
// for those that it has. Nowhere where the trace id (32 digits) stands in it already.
template <typename Char>
IdPlace FindIdPlace(const Char* text, size_t size, const char* trace_id) {
  IdPlace place;
  // Naive search on the first digit is enough: lines are short, and digits of an id are random.
  for (size_t i = 0; i + 32 <= size; ++i) {
    if (text[i] != static_cast<Char>(trace_id[0])) continue;
    size_t same = 1;
    while (same < 32 && text[i + same] == static_cast<Char>(trace_id[same])) ++same;
    if (same == 32) return place;
  }
  if (size > 0 && (text[0] == '{' || text[0] == ' ' || text[0] == '\n')) {
    JsonScanner<Char> scanner(text, size);
    if (scanner.IsObject()) {
      place.with_trace_id = !scanner.has_trace_id();
      place.with_span_id = !scanner.has_span_id();
      if (!place.with_trace_id && !place.with_span_id) return place;
      place.form = IdPlace::kJson;
      place.first = scanner.is_empty();
      place.at = size - 1;
      while (text[place.at] != '}') --place.at;
      while (place.at > 0 && (text[place.at - 1] == ' ' || text[place.at - 1] == '\n' || text[place.at - 1] == '\r' ||
                              text[place.at - 1] == '\t')) {
        --place.at;
      }
      return place;
    }
  }
  place.form = IdPlace::kText;
  while (place.at < size && text[place.at] != '\n') ++place.at;
  if (place.at > 0 && place.at < size && text[place.at - 1] == '\r') --place.at;
  return place;
}

}  // namespace clew::python
