// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/engine/native_block.h"
#include "clew/engine/native_writer.h"
#include "clew/model/attributes.h"
#include "clew/model/strings.h"

// Attributes as they lie in the tables, so that searching is plain and OTLP comes back as it was:
//   a Map from key to text (model::ValueToText), keys that stand twice kept, order kept;
//   a string of kinds, one letter an attribute: s string, i int, d double, b bool, y bytes, e empty, a array, m
//   key-value list, n a NaN with bits of its own; empty where all are strings; a string of extra bytes: for each a, m
//   and n, in order, the value in the binary form of AppendBinaryValue, since its text does not say all.
namespace clew::store {

// The binary form: a kind letter, then a varint length and text (s, y), 8 bytes (i, d), one byte (b), nothing (e), or a
// varint count and the elements (a: values; m: keys, each a varint length and text, with values).
void AppendBinaryValue(const model::Attributes& attributes, const model::Strings& strings, const model::Value& value,
                       std::string& out);
// A key-value list as `m` has it, without the letter.
void AppendBinaryList(const model::Attributes& attributes, const model::Strings& strings, model::Range range,
                      std::string& out);
// Reads one value from the front of `bytes` and removes it. DATA_LOSS where the bytes are no such value.
base::Result<model::Value> ReadBinaryValue(std::string_view& bytes, model::Attributes& attributes,
                                           model::Strings& strings);
base::Result<model::Range> ReadBinaryList(std::string_view& bytes, model::Attributes& attributes,
                                          model::Strings& strings);

// The letter of one value, as above.
char KindLetter(const model::Value& value);
// A value of letter `kind` from its text; a, m and n take the front of `extra` instead. DATA_LOSS where they do not
// fit.
base::Result<model::Value> ReadValue(char kind, std::string_view text, std::string_view& extra,
                                     model::Attributes& attributes, model::Strings& strings);

// Adds rows of one batch to a Map column, its kinds and its extra bytes. One a batch and column: it remembers which
// string of the batch is which key of the column.
class AttributeWriter {
 public:
  AttributeWriter(const model::Attributes& attributes, const model::Strings& strings)
      : attributes_(attributes), strings_(strings), key_indexes_(strings.size(), kUnknown) {}

  // Ends a row of `map`; `kinds` and `extra` are overwritten.
  void Write(model::Range range, engine::MapColumn& map, std::string& kinds, std::string& extra);

 private:
  static constexpr uint32_t kUnknown = UINT32_MAX;

  const model::Attributes& attributes_;
  const model::Strings& strings_;
  std::vector<uint32_t> key_indexes_;
  std::string text_;
};

// Reads rows of one Map column of one block into a batch. The column, attributes and strings outlive it.
class AttributeReader {
 public:
  AttributeReader(const engine::Column& map, model::Attributes& attributes, model::Strings& strings);

  base::Result<model::Range> Read(size_t row, std::string_view kinds, std::string_view extra);

 private:
  const engine::Column& map_;
  model::Attributes& attributes_;
  model::Strings& strings_;
  std::vector<model::StringId> keys_;  // by index of the column's dictionary
  std::vector<model::KeyValue> rows_;
};

}  // namespace clew::store
