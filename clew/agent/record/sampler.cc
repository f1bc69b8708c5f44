// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/record/sampler.h"

#include <cstring>

#include "clew/agent/record/record_format.h"

namespace clew::agent::record {
namespace {

constexpr uint64_t kThresholdEnd = uint64_t{1} << 56;

int HexDigit(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

bool ReadHex(std::string_view text, uint8_t* out, size_t bytes) noexcept {
  for (size_t i = 0; i < bytes; ++i) {
    const int high = HexDigit(text[2 * i]), low = HexDigit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

void WriteHex(const uint8_t* bytes, size_t size, char* out) noexcept {
  constexpr char kDigits[] = "0123456789abcdef";
  for (size_t i = 0; i < size; ++i) {
    out[2 * i] = kDigits[bytes[i] >> 4];
    out[2 * i + 1] = kDigits[bytes[i] & 15];
  }
}

bool IsZero(const uint8_t* bytes, size_t size) noexcept {
  uint8_t any = 0;
  for (size_t i = 0; i < size; ++i) any |= bytes[i];
  return any == 0;
}

std::string_view Trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view NextPart(std::string_view& list, char separator) noexcept {
  const size_t end = list.find(separator);
  const std::string_view part = list.substr(0, end);
  list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  return part;
}

// The value of the member `ot`, and where that member stands in the list.
std::string_view OtMember(std::string_view state, std::string_view& member) noexcept {
  while (!state.empty()) {
    const std::string_view part = NextPart(state, ',');
    if (Trim(part).starts_with("ot=")) {
      member = part;
      return Trim(part).substr(3);
    }
  }
  member = {};
  return {};
}

// The 56 random bits that decide: rv (14 digits) where given, else the end of the trace id.
uint64_t Randomness(const uint8_t* trace_id, std::string_view ot) noexcept {
  while (!ot.empty()) {
    const std::string_view part = NextPart(ot, ';');
    uint8_t bytes[7];
    if (part.starts_with("rv:") && part.size() == 17 && ReadHex(part.substr(3), bytes, sizeof bytes)) {
      uint64_t value = 0;
      for (const uint8_t byte : bytes) value = value << 8 | byte;
      return value;
    }
  }
  uint64_t value = 0;
  for (int i = 9; i < 16; ++i) value = value << 8 | trace_id[i];
  return value;
}

class StateWriter {
 public:
  explicit StateWriter(SamplingDecision& out) noexcept : out_(out) {}
  void Append(std::string_view text) noexcept {
    if (out_.trace_state_bytes + text.size() > sizeof out_.trace_state) return;
    std::memcpy(out_.trace_state + out_.trace_state_bytes, text.data(), text.size());
    out_.trace_state_bytes += static_cast<uint32_t>(text.size());
  }

 private:
  SamplingDecision& out_;
};

// `ot` first, as what was changed last, then the other members in their order.
void RewriteState(std::string_view state, std::string_view ot, std::string_view member, uint64_t threshold,
                  SamplingDecision& out) noexcept {
  StateWriter writer(out);
  out.changes_trace_state = true;
  out.trace_state_bytes = 0;
  bool any = false;
  if (out.sampled) {
    // 14 digits, trailing zeros left out, one kept.
    char digits[14];
    uint8_t bytes[7];
    for (int i = 6; i >= 0; --i, threshold >>= 8) bytes[i] = static_cast<uint8_t>(threshold);
    WriteHex(bytes, sizeof bytes, digits);
    size_t length = sizeof digits;
    while (length > 1 && digits[length - 1] == '0') --length;
    writer.Append("ot=th:");
    writer.Append({digits, length});
    any = true;
  }
  while (!ot.empty()) {
    const std::string_view part = NextPart(ot, ';');
    if (part.empty() || part.starts_with("th:")) continue;
    writer.Append(any ? ";" : "ot=");
    writer.Append(part);
    any = true;
  }
  while (!state.empty()) {
    const std::string_view part = NextPart(state, ',');
    if (Trim(part).empty() || (part.data() == member.data() && part.size() == member.size())) continue;
    if (any) writer.Append(",");
    writer.Append(Trim(part));
    any = true;
  }
}

}  // namespace

bool ParseTraceparent(std::string_view text, TraceContext& out) noexcept {
  text = Trim(text);
  uint8_t version;
  if (text.size() < kTraceparentBytes || text[2] != '-' || text[35] != '-' || text[52] != '-' ||
      !ReadHex(text, &version, 1) || version == 0xFF || (version == 0 && text.size() != kTraceparentBytes) ||
      (text.size() > kTraceparentBytes && text[kTraceparentBytes] != '-')) {
    return false;
  }
  return ReadHex(text.substr(3), out.trace_id, 16) && ReadHex(text.substr(36), out.span_id, 8) &&
         ReadHex(text.substr(53), &out.flags, 1) && !IsZero(out.trace_id, 16) && !IsZero(out.span_id, 8);
}

void FormatTraceparent(const uint8_t* trace_id, const uint8_t* span_id, uint8_t flags, char* out) noexcept {
  std::memcpy(out, "00-", 3);
  WriteHex(trace_id, 16, out + 3);
  out[35] = '-';
  WriteHex(span_id, 8, out + 36);
  out[52] = '-';
  WriteHex(&flags, 1, out + 53);
}

void Sample(const Config& config, const SamplingInput& input, SamplingDecision& out) noexcept {
  out.changes_trace_state = false;
  Sampler sampler = config.sampler;
  if (sampler <= Sampler::kParentBasedRatio && input.has_parent) {
    out.sampled = (input.parent_flags & kFlagSampled) != 0;
    return;
  }
  if (sampler == Sampler::kAlwaysOn || sampler == Sampler::kParentBasedAlwaysOn) {
    out.sampled = true;
    return;
  }
  if (sampler == Sampler::kAlwaysOff || sampler == Sampler::kParentBasedAlwaysOff) {
    out.sampled = false;
    return;
  }
  std::string_view member;
  const std::string_view ot = OtMember(input.trace_state, member);
  out.sampled = config.threshold < kThresholdEnd && Randomness(input.trace_id, ot) >= config.threshold;
  if (out.sampled || !ot.empty()) RewriteState(input.trace_state, ot, member, config.threshold, out);
}

}  // namespace clew::agent::record
