// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as an OTLP/JSON request of one of the three signals (the first byte chooses): what is accepted makes
// a consistent batch, which comes back the same by way of JSON and of protobuf.
#include <string>
#include <string_view>

#include "clew/base/result.h"
#include "clew/wire/otlp.h"

namespace clew::wire {
namespace {

template <typename Decode, typename DecodeJson, typename Encode, typename EncodeJson>
void Check(std::string_view json, Decode&& decode, DecodeJson&& decode_json, Encode&& encode,
           EncodeJson&& encode_json) {
  const auto decoded = decode_json(json);
  if (!decoded) return;
  CLEW_CHECK(decoded->batch.IsConsistent());
  const std::string protobuf = encode(decoded->batch);
  const auto by_protobuf = decode(protobuf);
  CLEW_CHECK(by_protobuf && by_protobuf->rejected == 0 && encode(by_protobuf->batch) == protobuf);
  const auto by_json = decode_json(encode_json(decoded->batch));
  CLEW_CHECK(by_json && by_json->rejected == 0 && encode(by_json->batch) == protobuf);
}

}  // namespace
}  // namespace clew::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clew::wire;
  if (size == 0) return 0;
  const std::string_view json(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: Check(json, DecodeTraces, DecodeTracesJson, EncodeTraces, EncodeTracesJson); break;
    case 1: Check(json, DecodeLogs, DecodeLogsJson, EncodeLogs, EncodeLogsJson); break;
    default: Check(json, DecodeMetrics, DecodeMetricsJson, EncodeMetrics, EncodeMetricsJson); break;
  }
  static_cast<void>(DecodeStatus(json, Format::kJson));
  static_cast<void>(DecodePartialSuccess(Signal::kTraces, json, Format::kJson));
  return 0;
}
