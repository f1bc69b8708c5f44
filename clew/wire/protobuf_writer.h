// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>
#include <string>

namespace clew::wire {

// Writes one protobuf message behind what a string holds already: protozero's add_ functions, and messages within,
// which end with their writer. protozero's own submessages are not used since they leave out an empty one, which in a
// list or a oneof means something.
class ProtobufWriter : public protozero::pbf_writer {
 public:
  explicit ProtobufWriter(std::string& out) : protozero::pbf_writer(out), out_(out) {}
  // A message in `field` of `parent`, to which nothing may be added before this one ends.
  ProtobufWriter(ProtobufWriter& parent, uint32_t field) : protozero::pbf_writer(parent.out_), out_(parent.out_) {
    protozero::add_varint_to_buffer(&out_, field << 3 | 2);
    out_ += '\0';  // most messages need one byte for their length; more are made room for at the end
    start_ = out_.size();
  }
  ~ProtobufWriter() {
    if (start_ == 0) return;
    const size_t size = out_.size() - start_;
    char length[protozero::max_varint_length];
    const int bytes = protozero::add_varint_to_buffer(length, size);
    out_[start_ - 1] = length[0];
    if (bytes > 1) out_.insert(start_, length + 1, static_cast<size_t>(bytes - 1));
  }
  ProtobufWriter(const ProtobufWriter&) = delete;
  ProtobufWriter& operator=(const ProtobufWriter&) = delete;

 private:
  std::string& out_;
  size_t start_ = 0;  // where the message within begins; 0: the outermost one
};

}  // namespace clew::wire
