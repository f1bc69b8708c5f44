// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <protozero/exception.hpp>
#include <protozero/varint.hpp>
#include <string_view>
#include <vector>

namespace clew::wire {

// Why a message cannot be read and where; thrown and caught within this folder only. `what` is fixed text.
struct Malformed {
  const char* at = nullptr;
  const char* what = "";
};

// A field's number and wire type in one number, as a tag has them, for `case` labels.
constexpr uint32_t VarintTag(uint32_t field) { return field << 3; }
constexpr uint32_t Fixed64Tag(uint32_t field) { return field << 3 | 1; }
constexpr uint32_t LengthTag(uint32_t field) { return field << 3 | 2; }
constexpr uint32_t Fixed32Tag(uint32_t field) { return field << 3 | 5; }

// Walks the fields of one protobuf message (protobuf.dev, "Encoding") and accepts exactly what protobuf's C++ parser
// does. protozero's own pbf_reader is not used because it refuses groups and field numbers 19000 to 19999 as unknown
// fields, takes lengths modulo 2^32, and looks at a byte behind the end for a bool that is cut off.
//
//   while (reader.Next()) switch (reader.tag()) { case LengthTag(1): Use(reader.Bytes()); break; default:
//   reader.Skip(); }
//
// All functions but Next() need a current field; they throw Malformed.
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : at_(message.data()), end_(message.data() + message.size()) {}

  bool Next() {
    if (at_ == end_) return false;
    const uint8_t first = static_cast<uint8_t>(*at_);
    if (first < 0x80) [[likely]] {
      tag_ = first;
      ++at_;
    } else {
      tag_ = LongTag();
    }
    return true;
  }
  uint32_t tag() const { return tag_; }

  uint64_t Varint() {
    if (at_ != end_ && static_cast<uint8_t>(*at_) < 0x80) [[likely]]
      return static_cast<uint8_t>(*at_++);
    return LongVarint();
  }
  bool Bool() { return Varint() != 0; }
  // int32, uint32 and enums: longer numbers are cut to 32 bits.
  uint32_t Uint32() { return static_cast<uint32_t>(Varint()); }
  int32_t Enum() { return static_cast<int32_t>(Uint32()); }
  int32_t Sint32() {
    const uint32_t zigzag = Uint32();
    return static_cast<int32_t>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
  }
  uint64_t Fixed64() { return Fixed<uint64_t>(); }
  uint32_t Fixed32() { return Fixed<uint32_t>(); }
  double Double() { return Fixed<double>(); }

  // A string, bytes or a message within; a view of the message.
  std::string_view Bytes() {
    const size_t size = Length();
    if (size > static_cast<size_t>(end_ - at_)) [[unlikely]]
      throw Malformed{at_, "a field is longer than its message"};
    const std::string_view bytes(at_, size);
    at_ += size;
    return bytes;
  }

  // The packed form of a repeated fixed64, sfixed64 or double.
  template <typename T>
  void AppendPackedFixed64(std::vector<T>& to) {
    static_assert(sizeof(T) == 8);
    const std::string_view bytes = Bytes();
    if (bytes.size() % 8 != 0) throw Malformed{bytes.data(), "a packed list of 64-bit numbers is cut off"};
    if (bytes.empty()) return;
    const size_t old = to.size();
    to.resize(old + bytes.size() / 8);
    std::memcpy(to.data() + old, bytes.data(), bytes.size());
  }
  // The packed form of a repeated uint64.
  void AppendPackedVarint(std::vector<uint64_t>& to) {
    ProtobufReader numbers(Bytes());
    while (numbers.at_ != numbers.end_) to.push_back(numbers.Varint());
  }

  void Skip() {
    if (tag_ >> 3 == 0) throw Malformed{at_, "a field has the number 0"};
    switch (tag_ & 7) {
      case 0: Varint(); return;
      case 1: Advance(8); return;
      case 2: Bytes(); return;
      case 3: SkipGroup(); return;
      case 5: Advance(4); return;
      default: throw Malformed{at_, "a field has an unknown wire type"};
    }
  }

 private:
  template <typename T>
  T Fixed() {
    T value;
    const char* from = at_;
    Advance(sizeof value);
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  void Advance(size_t size) {
    if (size > static_cast<size_t>(end_ - at_)) [[unlikely]]
      throw Malformed{at_, "a number is cut off"};
    at_ += size;
  }
  size_t Length() {
    if (at_ != end_ && static_cast<uint8_t>(*at_) < 0x80) [[likely]]
      return static_cast<uint8_t>(*at_++);
    return LongLength();
  }
  uint32_t LongTag();
  uint64_t LongVarint();
  size_t LongLength();
  void SkipGroup();

  const char* at_;
  const char* end_;
  uint32_t tag_ = 0;
};

}  // namespace clew::wire
