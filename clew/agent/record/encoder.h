// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "clew/agent/record/record_format.h"

namespace clew::agent::record {

// Longest prefix of `text` with at most `characters` UTF-8 characters.
inline std::string_view CutText(std::string_view text, uint32_t characters) noexcept {
  if (text.size() <= characters) return text;
  size_t at = 0;
  for (uint32_t seen = 0; at < text.size(); ++at) {
    if ((static_cast<uint8_t>(text[at]) & 0xC0) != 0x80 && seen++ == characters) break;
  }
  return text.substr(0, at);
}

// Writes record_format.h into a buffer of fixed size. What does not fit is not written: overflowed() says so, and
// Rewind() takes back to a mark. Never allocates.
class Encoder {
 public:
  Encoder(uint8_t* buffer, size_t size) noexcept : start_(buffer), at_(buffer), end_(buffer + size) {}

  uint8_t* start() const noexcept { return start_; }
  size_t size() const noexcept { return static_cast<size_t>(at_ - start_); }
  size_t room() const noexcept { return static_cast<size_t>(end_ - at_); }
  std::string_view View() const noexcept { return {reinterpret_cast<const char*>(start_), size()}; }
  bool overflowed() const noexcept { return overflowed_; }
  uint8_t* mark() const noexcept { return at_; }
  // Only to a mark that was taken while nothing had overflowed.
  void Rewind(uint8_t* mark) noexcept {
    at_ = mark;
    overflowed_ = false;
  }

  template <typename T>
  void Put(const T& value) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    if (!Room(sizeof value)) return;
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  void Bytes(const void* bytes, size_t size) noexcept {
    if (!Room(size)) return;
    if (size != 0) std::memcpy(at_, bytes, size);
    at_ += size;
  }
  void Text(std::string_view text) noexcept {
    Put(static_cast<uint32_t>(text.size()));
    Bytes(text.data(), text.size());
  }
  // Cut at a character so that `keep` bytes stay free behind it; whether all of it went in.
  bool CutText(std::string_view text, size_t keep) noexcept {
    const size_t most = room() > keep + sizeof(uint32_t) ? room() - keep - sizeof(uint32_t) : 0;
    const bool whole = text.size() <= most;
    if (!whole) {
      size_t size = most;
      while (size > 0 && (static_cast<uint8_t>(text[size]) & 0xC0) == 0x80) --size;
      text = text.substr(0, size);
    }
    Text(text);
    return whole;
  }
  void Scope(KnownScope scope) noexcept { Put(static_cast<uint8_t>(scope)); }
  void Scope(std::string_view name, std::string_view version, std::string_view schema_url) noexcept {
    Put(uint8_t{kScopeLiteral});
    Text(name);
    Text(version);
    Text(schema_url);
  }

  void Key(KnownKey key) noexcept { Put(static_cast<uint8_t>(key)); }
  void Key(std::string_view key) noexcept {
    const size_t size = key.size() < UINT16_MAX ? key.size() : UINT16_MAX;
    Put(uint8_t{kKeyLiteral});
    Put(static_cast<uint16_t>(size));
    Bytes(key.data(), size);
  }
  void Value(std::string_view text) noexcept {
    Put(ValueType::kString);
    Text(text);
  }
  void Value(const char* text) noexcept { Value(std::string_view(text)); }
  void Value(bool value) noexcept {
    Put(ValueType::kBool);
    Put(static_cast<uint8_t>(value));
  }
  void Value(int64_t value) noexcept {
    Put(ValueType::kInt);
    Put(value);
  }
  void Value(double value) noexcept {
    Put(ValueType::kDouble);
    Put(value);
  }
  void BytesValue(std::string_view bytes) noexcept {
    Put(ValueType::kBytes);
    Text(bytes);
  }
  void EmptyValue() noexcept { Put(ValueType::kEmpty); }

 private:
  bool Room(size_t size) noexcept {
    if (size <= room() && !overflowed_) return true;
    overflowed_ = true;
    return false;
  }

  uint8_t* start_;
  uint8_t* at_;
  uint8_t* end_;
  bool overflowed_ = false;
};

// An attribute list being written: counts its rows, drops those that do not fit or are over the limit. Between Open()
// and the Finish() of the same list nothing else is written to the encoder.
class AttributeListEncoder {
 public:
  AttributeListEncoder(Encoder& encoder, uint32_t limit, uint32_t value_characters) noexcept
      : encoder_(encoder), limit_(limit < UINT16_MAX ? limit : UINT16_MAX), value_characters_(value_characters) {
    count_at_ = encoder_.mark();
    encoder_.Put(uint16_t{0});
  }

  template <typename KeyType>
  bool Text(KeyType key, std::string_view text) noexcept {
    return Add([&] {
      encoder_.Key(key);
      encoder_.Value(record::CutText(text, value_characters_));
    });
  }
  template <typename KeyType, typename T>
  bool Number(KeyType key, T value) noexcept {
    return Add([&] {
      encoder_.Key(key);
      encoder_.Value(value);
    });
  }
  // Rows that were encoded elsewhere.
  bool Encoded(std::string_view rows, uint32_t count) noexcept {
    if (count == 0) return true;
    if (encoder_.overflowed()) {
      dropped_ += count;
      return false;
    }
    uint8_t* mark = encoder_.mark();
    encoder_.Bytes(rows.data(), rows.size());
    if (count_ + count > limit_ || encoder_.overflowed()) {
      encoder_.Rewind(mark);
      dropped_ += count;
      return false;
    }
    count_ += count;
    return true;
  }
  // `write` puts one key and one value, or returns having written less than wanted after an overflow.
  template <typename Write>
  bool Add(Write&& write) noexcept {
    if (count_ >= limit_ || encoder_.overflowed()) {
      ++dropped_;
      return false;
    }
    uint8_t* mark = encoder_.mark();
    write();
    if (encoder_.overflowed()) {
      encoder_.Rewind(mark);
      ++dropped_;
      return false;
    }
    ++count_;
    return true;
  }
  void Drop() noexcept { ++dropped_; }

  // Writes the count in front; how many rows were left out.
  uint32_t Finish() noexcept {
    const auto count = static_cast<uint16_t>(count_);
    if (!encoder_.overflowed()) std::memcpy(count_at_, &count, sizeof count);
    return dropped_;
  }
  uint32_t count() const noexcept { return count_; }
  uint32_t value_characters() const noexcept { return value_characters_; }
  Encoder& encoder() noexcept { return encoder_; }

 private:
  Encoder& encoder_;
  uint8_t* count_at_;
  uint32_t limit_;
  uint32_t value_characters_;
  uint32_t count_ = 0;
  uint32_t dropped_ = 0;
};

}  // namespace clew::agent::record
