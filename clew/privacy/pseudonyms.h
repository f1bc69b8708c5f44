// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/base/time.h"

namespace clew::privacy {

// A secret under which pseudonyms are made from `start` on, until a later key starts.
struct PseudonymKey {
  static constexpr size_t kSize = 32;
  std::array<uint8_t, kSize> secret{};
  base::UnixNanos start = 0;

  bool operator==(const PseudonymKey&) const = default;
  // From the system's random source.
  static PseudonymKey Random(base::UnixNanos start);
};

// Makes readable pseudonyms: "email:7f3a09c1d2e4b586", the first 64 bits of HMAC-SHA-256 (RFC 2104) over the kind and
// the value. The same value under the same key always has the same one, in every process that holds the key; without
// the key nobody can try values out. Immutable; any thread may call.
class Pseudonyms {
 public:
  // Keys in the order of their start; at least one.
  explicit Pseudonyms(std::vector<PseudonymKey> keys);
  ~Pseudonyms();
  Pseudonyms(const Pseudonyms&) = delete;
  Pseudonyms& operator=(const Pseudonyms&) = delete;

  // Under the key that is in force at `now`.
  std::string Of(std::string_view kind, std::string_view value, base::UnixNanos now) const;
  // Under every key, for who must find all data of a person.
  std::vector<std::string> AllOf(std::string_view kind, std::string_view value) const;

  const std::vector<PseudonymKey>& keys() const { return keys_; }

 private:
  struct Prepared;
  std::string Make(const Prepared& prepared, std::string_view kind, std::string_view value) const;

  std::vector<PseudonymKey> keys_;
  std::vector<Prepared> prepared_;
};

// Keys in a file of mode 0600, one a line: the start in seconds of Unix time, then the secret in hex. Made on first
// use, together with its folder; processes that come at the same time agree on one. Once the newest key is `lifetime`
// old, another is added that starts after `kKeyLead`, so that whoever reads the file at least that often changes over
// at the same moment. PERMISSION_DENIED where others may read the file; DATA_LOSS where it holds something else.
inline constexpr auto kKeyLead = std::chrono::hours(1);
base::Result<std::vector<PseudonymKey>> LoadKeyFile(const std::string& path, base::UnixNanos now,
                                                    std::chrono::seconds lifetime);

// CLEW_PRIVACY_KEYS, or clew/pseudonym.keys in the user's state folder (XDG Base Directory Specification), which agents
// and a server of one user share by that. Empty where neither is known.
std::string DefaultKeyFile();

}  // namespace clew::privacy
