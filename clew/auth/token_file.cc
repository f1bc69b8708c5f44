// SPDX-License-Identifier: Apache-2.0
#include "clew/auth/token_file.h"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "clew/auth/authorization.h"
#include "clew/base/bytes.h"
#include "clew/base/file.h"
#include "clew/base/log.h"
#include "clew/base/thread_annotations.h"

namespace clew::auth {
namespace {

using Digest = std::array<uint8_t, SHA256_DIGEST_LENGTH>;
using Tokens = std::map<Digest, std::shared_ptr<const Grant>>;

constexpr std::string_view kHashName = "sha256:";
constexpr size_t kMaxFileBytes = 4u << 20;
constexpr std::array<std::pair<std::string_view, model::Role>, 3> kRoles = {
    {{"read", model::Role::kRead}, {"write", model::Role::kWrite}, {"admin", model::Role::kAdmin}}};

uint8_t BitOf(model::Role role) { return static_cast<uint8_t>(1u << static_cast<unsigned>(role)); }

Digest DigestOf(std::string_view token) {
  Digest digest;
  SHA256(reinterpret_cast<const uint8_t*>(token.data()), token.size(), digest.data());
  return digest;
}

std::vector<std::string_view> Split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> words;
  while (true) {
    const size_t begin = text.find_first_not_of(separators);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(separators), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

base::Result<uint8_t> ParseRoles(std::string_view text) {
  uint8_t roles = 0;
  for (const std::string_view word : Split(text, ",")) {
    const auto* role = std::ranges::find(kRoles, word, &std::pair<std::string_view, model::Role>::first);
    if (role == kRoles.end()) return base::InvalidArgument("roles: expected read, write or admin, joined by commas");
    roles |= BitOf(role->second);
  }
  if (roles == 0) return base::InvalidArgument("roles: expected at least one of read, write, admin");
  return roles;
}

base::Result<Grant> ParseGrant(std::string_view name, std::string_view tenant, std::string_view roles) {
  Grant grant;
  grant.name = name;
  if (tenant != "*") {
    auto id = model::TenantId::Parse(tenant);
    if (!id) return base::InvalidArgument("tenant: " + id.error().message);
    grant.tenant = *std::move(id);
  }
  CLEW_ASSIGN_OR_RETURN(grant.roles, ParseRoles(roles));
  return grant;
}

base::Status ParseLine(std::string_view line, Tokens& tokens, std::set<std::string, std::less<>>& names) {
  const auto words = Split(line.substr(0, line.find('#')), " \t\r");
  if (words.empty()) return {};
  if (words.size() != 4) return base::InvalidArgument("expected NAME TENANT ROLES sha256:HEX");
  CLEW_ASSIGN_OR_RETURN(Grant grant, ParseGrant(words[0], words[1], words[2]));
  Digest digest;
  if (!words[3].starts_with(kHashName) || !base::FromHex(words[3].substr(kHashName.size()), digest)) {
    return base::InvalidArgument("expected sha256: and 64 hexadecimal digits; `clew token` prints such a line");
  }
  if (!names.emplace(words[0]).second) return base::InvalidArgument("a second token of this name");
  if (!tokens.emplace(digest, std::make_shared<const Grant>(std::move(grant))).second) {
    return base::InvalidArgument("a token that another line has already");
  }
  return {};
}

base::Result<Tokens> Read(const std::string& path) {
  CLEW_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path, kMaxFileBytes));
  Tokens tokens;
  std::set<std::string, std::less<>> names;
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    ++number;
    if (auto status = ParseLine(std::string_view(text).substr(begin, end - begin), tokens, names); !status) {
      return base::Fail(status.error().code, fmt::format("{}, line {}: {}", path, number, status.error().message));
    }
    begin = end + 1;
  }
  if (tokens.empty()) return base::InvalidArgument(path + ": no token in it; `clew token` prints a line for it");
  return tokens;
}

class TokenFileImpl final : public TokenFile {
 public:
  explicit TokenFileImpl(std::string path) : path_(std::move(path)) {}

  base::Status Load() {
    const base::MutexLock lock(mutex_);
    stamp_ = base::StampOf(path_);
    CLEW_ASSIGN_OR_RETURN(Tokens tokens, Read(path_));
    tokens_ = std::make_shared<const Tokens>(std::move(tokens));
    return {};
  }

  base::Result<std::shared_ptr<const Grant>> Authenticate(std::string_view authorization) override {
    CLEW_ASSIGN_OR_RETURN(const std::string token, TokenOf(authorization));
    const auto tokens = Current();
    const auto found = tokens->find(DigestOf(token));
    if (found == tokens->end()) return base::Fail(base::Code::kUnauthenticated, "this token is not known here");
    return found->second;
  }

 private:
  std::shared_ptr<const Tokens> Current() {
    const base::MutexLock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (now >= look_again_) {
      look_again_ = now + std::chrono::seconds(1);
      if (const base::FileStamp stamp = base::StampOf(path_); stamp != stamp_) {
        stamp_ = stamp;
        auto tokens = Read(path_);
        if (tokens) {
          tokens_ = std::make_shared<const Tokens>(*std::move(tokens));
          base::LogInfo("tokens read again from {}: {}", path_, tokens_->size());
        } else {
          base::LogError("the tokens read before stay in force: {}", tokens.error().message);
        }
      }
    }
    return tokens_;
  }

  const std::string path_;
  base::Mutex mutex_;
  base::FileStamp stamp_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point look_again_ GUARDED_BY(mutex_);
  std::shared_ptr<const Tokens> tokens_ GUARDED_BY(mutex_);
};

}  // namespace

bool Grant::Has(model::Role role) const { return (roles & (BitOf(role) | BitOf(model::Role::kAdmin))) != 0; }

base::Status Grant::Check(model::Role role) const {
  if (Has(role)) return {};
  const auto* known = std::ranges::find(kRoles, role, &std::pair<std::string_view, model::Role>::second);
  return base::Fail(base::Code::kPermissionDenied, fmt::format("this takes a token with the role {}", known->first));
}

base::Result<model::TenantId> Grant::TenantFor(const std::optional<model::TenantId>& asked) const {
  if (!tenant) return asked.value_or(model::TenantId());
  if (asked && *asked != *tenant) {
    return base::Fail(base::Code::kPermissionDenied, "this token is for another tenant than X-Scope-OrgID names");
  }
  return *tenant;
}

base::Result<std::unique_ptr<TokenFile>> TokenFile::Open(std::string path) {
  auto file = std::make_unique<TokenFileImpl>(std::move(path));
  CLEW_RETURN_IF_ERROR(file->Load());
  return file;
}

base::Result<NewToken> MakeToken(std::string_view name, std::string_view tenant, std::string_view roles) {
  if (name.empty() || Split(name, " \t\r\n#").size() != 1) {
    return base::InvalidArgument("name: expected one word without #");
  }
  CLEW_RETURN_IF_ERROR(ParseGrant(name, tenant, roles));
  std::array<uint8_t, 32> random;
  if (RAND_bytes(random.data(), random.size()) != 1) {
    return base::Fail(base::Code::kInternal, "the system gives no random numbers");
  }
  std::string text = base::ToBase64({reinterpret_cast<const char*>(random.data()), random.size()});
  std::erase(text, '=');
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  const std::string token = "clew_" + text;
  return NewToken{token, fmt::format("{} {} {} {}{}", name, tenant, roles, kHashName, base::ToHex(DigestOf(token)))};
}

}  // namespace clew::auth
