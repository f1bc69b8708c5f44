// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/protobuf_reader.h"

namespace clew::wire {
namespace {

// Groups nest at most this deep, so that a reader of unknown fields needs no memory of its own.
constexpr size_t kMaxGroupDepth = 64;

}  // namespace

// Tags have five bytes at most; what exceeds 32 bits falls off, as in protobuf.
uint32_t ProtobufReader::LongTag() {
  uint32_t tag = 0;
  for (int i = 0; i < 5; ++i) {
    if (at_ == end_) throw Malformed{at_, "a field's tag is cut off"};
    const uint8_t byte = static_cast<uint8_t>(*at_++);
    tag |= static_cast<uint32_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) return tag;
  }
  throw Malformed{at_, "a field's tag is too long"};
}

uint64_t ProtobufReader::LongVarint() {
  try {
    return protozero::decode_varint(&at_, end_);
  } catch (const protozero::end_of_buffer_exception&) {
    throw Malformed{at_, "a number is cut off"};
  } catch (const protozero::exception&) {
    throw Malformed{at_, "a number is longer than ten bytes"};
  }
}

// Lengths have five bytes at most and stay below 2 GiB, as in protobuf.
size_t ProtobufReader::LongLength() {
  uint64_t length = 0;
  for (int i = 0; i < 5; ++i) {
    if (at_ == end_) throw Malformed{at_, "a field's length is cut off"};
    const uint8_t byte = static_cast<uint8_t>(*at_++);
    length |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      if (length > INT32_MAX) break;
      return length;
    }
  }
  throw Malformed{at_, "a field's length is over 2 GiB"};
}

void ProtobufReader::SkipGroup() {
  std::array<uint32_t, kMaxGroupDepth> open{};
  size_t depth = 0;
  open[depth++] = tag_ >> 3;
  while (depth > 0) {
    if (!Next()) throw Malformed{at_, "a group is not closed"};
    const uint32_t field = tag_ >> 3;
    if ((tag_ & 7) == 3) {
      if (field == 0) throw Malformed{at_, "a field has the number 0"};
      if (depth == kMaxGroupDepth) throw Malformed{at_, "groups are nested too deeply"};
      open[depth++] = field;
    } else if ((tag_ & 7) == 4) {
      if (field != open[--depth]) throw Malformed{at_, "a group is closed by another's end"};
    } else {
      Skip();
    }
  }
}

}  // namespace clew::wire
