// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

namespace clew::agent::record {

// xoshiro256++ (Blackman and Vigna): 256 bits of state, since 64 are thin behind 128-bit trace ids. One a thread,
// seeded from the kernel, seeded anew in every process. Not for secrets.
class IdGenerator {
 public:
  // From 32 random bytes.
  void Seed(const uint8_t* bytes) noexcept {
    std::memcpy(state_, bytes, sizeof state_);
    state_[0] |= state_[0] == 0 ? 1 : 0;  // the all-zero state is a fixed point
  }
  uint64_t Next() noexcept {
    const uint64_t result = Rotate(state_[0] + state_[3], 23) + state_[0];
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = Rotate(state_[3], 45);
    return result;
  }
  // Never all zeros, which means "none" in trace context.
  void TraceId(uint8_t* out) noexcept {
    uint64_t words[2] = {Next(), Next()};
    while (words[1] == 0) words[1] = Next();  // its low 56 bits decide on sampling, so no bit of it is forced
    std::memcpy(out, words, sizeof words);
  }
  void SpanId(uint8_t* out) noexcept {
    uint64_t word = Next();
    while (word == 0) word = Next();
    std::memcpy(out, &word, sizeof word);
  }

 private:
  static uint64_t Rotate(uint64_t value, int bits) noexcept { return (value << bits) | (value >> (64 - bits)); }

  uint64_t state_[4] = {1, 2, 3, 4};
};

}  // namespace clew::agent::record
