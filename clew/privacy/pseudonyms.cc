// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/pseudonyms.h"

// Its one-shot functions allocate and look algorithms up, which costs several times as much as the hash itself.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "clew/base/bytes.h"
#include "clew/base/file.h"
#include "clew/privacy/detect/values.h"

namespace clew::privacy {
namespace {

constexpr size_t kBlock = SHA256_CBLOCK;

SHA256_CTX Padded(const PseudonymKey& key, uint8_t pad) {
  std::array<uint8_t, kBlock> block{};
  std::ranges::copy(key.secret, block.begin());
  for (uint8_t& byte : block) byte ^= pad;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, block.data(), block.size());
  OPENSSL_cleanse(block.data(), block.size());
  return context;
}

}  // namespace

// The states of the hash behind the padded key, which are the same for every value.
struct Pseudonyms::Prepared {
  SHA256_CTX inner;
  SHA256_CTX outer;
};

PseudonymKey PseudonymKey::Random(base::UnixNanos start) {
  PseudonymKey key{.start = start};
  // Never short for so few bytes once the system is up (getrandom(2)).
  CLEW_CHECK(getrandom(key.secret.data(), key.secret.size(), 0) == static_cast<ssize_t>(key.secret.size()));
  return key;
}

Pseudonyms::Pseudonyms(std::vector<PseudonymKey> keys) : keys_(std::move(keys)) {
  CLEW_CHECK(!keys_.empty());
  for (const PseudonymKey& key : keys_) prepared_.push_back({Padded(key, 0x36), Padded(key, 0x5c)});
}

Pseudonyms::~Pseudonyms() {
  OPENSSL_cleanse(prepared_.data(), prepared_.size() * sizeof(Prepared));
  OPENSSL_cleanse(keys_.data(), keys_.size() * sizeof(PseudonymKey));
}

std::string Pseudonyms::Make(const Prepared& prepared, std::string_view kind, std::string_view value) const {
  std::array<uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256_CTX context = prepared.inner;
  SHA256_Update(&context, kind.data(), kind.size());
  SHA256_Update(&context, ":", 1);
  SHA256_Update(&context, value.data(), value.size());
  SHA256_Final(digest.data(), &context);
  context = prepared.outer;
  SHA256_Update(&context, digest.data(), digest.size());
  SHA256_Final(digest.data(), &context);
  std::string pseudonym(kind);
  pseudonym += ':';
  std::string hex = base::ToHex(std::span(digest).first(detect::kPseudonymDigits / 2));
  // Digits alone could be taken for a number of somebody's.
  if (std::ranges::all_of(hex, [](char c) { return c >= '0' && c <= '9'; })) hex[0] = 'a';
  return pseudonym + hex;
}

std::string Pseudonyms::Of(std::string_view kind, std::string_view value, base::UnixNanos now) const {
  size_t key = keys_.size() - 1;
  while (key > 0 && keys_[key].start > now) --key;
  return Make(prepared_[key], kind, value);
}

std::vector<std::string> Pseudonyms::AllOf(std::string_view kind, std::string_view value) const {
  std::vector<std::string> all;
  for (const Prepared& prepared : prepared_) all.push_back(Make(prepared, kind, value));
  return all;
}

namespace {

std::string Line(const PseudonymKey& key) {
  return fmt::format("{} {}\n", key.start / base::kNanosPerSecond, base::ToHex(key.secret));
}

base::Result<std::vector<PseudonymKey>> Parse(const std::string& path, std::string_view text) {
  std::vector<PseudonymKey> keys;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    PseudonymKey key;
    int64_t seconds = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), seconds);
    const std::string_view secret = line.substr(static_cast<size_t>(rest - line.data()));
    if (error != std::errc() || !secret.starts_with(' ') || !base::FromHex(secret.substr(1), key.secret)) {
      return base::Fail(base::Code::kDataLoss,
                        fmt::format("{}, line {}: expected a time in seconds and 64 digits of hex", path, number));
    }
    key.start = seconds * base::kNanosPerSecond;
    if (!keys.empty() && key.start < keys.back().start) {
      return base::Fail(base::Code::kDataLoss,
                        fmt::format("{}, line {}: keys must stand in the order of their time", path, number));
    }
    keys.push_back(key);
  }
  if (keys.empty()) return base::Fail(base::Code::kDataLoss, path + ": holds no key; remove it, and a new one is made");
  return keys;
}

// Makes the file with a first key, unless another process was first.
base::Status MakeKeyFile(const std::string& path, base::UnixNanos now) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  std::string temporary = path + ".XXXXXX";
  const base::Fd fd(mkostemp(temporary.data(), O_CLOEXEC));  // of mode 0600
  if (!fd) return base::ErrnoError("cannot make the file of pseudonym keys " + path, errno);
  base::Status written = base::WriteAll(fd.get(), Line(PseudonymKey::Random(now)));
  if (written && fsync(fd.get()) != 0) written = base::ErrnoError(temporary, errno);
  if (written && link(temporary.c_str(), path.c_str()) != 0 && errno != EEXIST) written = base::ErrnoError(path, errno);
  unlink(temporary.c_str());
  return written;
}

}  // namespace

base::Result<std::vector<PseudonymKey>> LoadKeyFile(const std::string& path, base::UnixNanos now,
                                                    std::chrono::seconds lifetime) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) return base::ErrnoError(path, errno);
    CLEW_RETURN_IF_ERROR(MakeKeyFile(path, now));
    if (stat(path.c_str(), &status) != 0) return base::ErrnoError(path, errno);
  }
  if ((status.st_mode & 077) != 0) {
    return base::Fail(base::Code::kPermissionDenied, path + ": others may read these keys; chmod 600 it");
  }
  CLEW_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path, 1u << 20));
  CLEW_ASSIGN_OR_RETURN(std::vector<PseudonymKey> keys, Parse(path, text));
  const base::UnixNanos life = std::chrono::nanoseconds(lifetime).count();
  const base::UnixNanos lead = std::chrono::nanoseconds(kKeyLead).count();
  if (life > 0 && keys.back().start + life <= now) {
    const PseudonymKey next = PseudonymKey::Random((now + lead) / base::kNanosPerSecond * base::kNanosPerSecond);
    // One that cannot be kept is not used.
    if (base::WriteFileAtomically(path, text + (text.ends_with('\n') ? "" : "\n") + Line(next), 0600))
      keys.push_back(next);
  }
  return keys;
}

std::string DefaultKeyFile() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (std::string path = variable("CLEW_PRIVACY_KEYS"); !path.empty()) return path;
  std::string folder = variable("XDG_STATE_HOME");
  if (folder.empty()) {
    folder = variable("HOME");
    if (folder.empty()) return {};
    folder += "/.local/state";
  }
  return folder + "/clew/pseudonym.keys";
}

}  // namespace clew::privacy
