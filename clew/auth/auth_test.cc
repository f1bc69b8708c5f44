// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "clew/auth/authorization.h"
#include "clew/auth/token_file.h"
#include "clew/base/bytes.h"

namespace clew::auth {
namespace {

using model::Role;
using testing::HasSubstr;

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / fmt::format("clew-auth-{}", getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string Write(const std::string& text) const {
    const std::string path = path_ / "tokens";
    std::ofstream(path) << text;
    return path;
  }

 private:
  std::filesystem::path path_;
};

TEST(Authorization, BearerAndBasic) {
  EXPECT_EQ(*TokenOf("Bearer abc"), "abc");
  EXPECT_EQ(*TokenOf("bearer   abc "), "abc");
  EXPECT_EQ(*TokenOf("Basic " + base::ToBase64("anyone:a:b")), "a:b");
  for (const std::string wrong : {"", "abc", "Bearer", "Bearer ", "Basic x", "Digest abc"}) {
    EXPECT_EQ(TokenOf(wrong).error().code, base::Code::kUnauthenticated) << wrong;
  }
  EXPECT_EQ(TokenOf("Basic " + base::ToBase64("no colon")).error().code, base::Code::kUnauthenticated);
  EXPECT_THAT(TokenOf("Token s3cret").error().message, testing::Not(HasSubstr("s3cret")));
}

TEST(TokenFile, GrantsRolesAndTenants) {
  const Folder folder;
  const auto writer = *MakeToken("ci", "shop", "write");
  const auto reader = *MakeToken("grafana", "shop", "read");
  const auto admin = *MakeToken("ops", "*", "admin");
  EXPECT_NE(writer.token, reader.token);
  EXPECT_EQ(writer.line.find(writer.token), std::string::npos);
  const auto file =
      *TokenFile::Open(folder.Write("# who\n" + writer.line + "\n\n" + reader.line + "  # dashboards\n" + admin.line));

  const auto ci = *file->Authenticate("Bearer " + writer.token);
  EXPECT_EQ(ci->name, "ci");
  EXPECT_TRUE(ci->Check(Role::kWrite));
  EXPECT_EQ(ci->Check(Role::kRead).error().code, base::Code::kPermissionDenied);
  const auto shop = *model::TenantId::Parse("shop");
  EXPECT_EQ(*ci->TenantFor({}), shop);
  EXPECT_EQ(*ci->TenantFor(shop), shop);
  EXPECT_EQ(ci->TenantFor(*model::TenantId::Parse("other")).error().code, base::Code::kPermissionDenied);

  const auto ops = *file->Authenticate("Basic " + base::ToBase64("ops:" + admin.token));
  for (const Role role : {Role::kRead, Role::kWrite, Role::kAdmin}) EXPECT_TRUE(ops->Check(role));
  EXPECT_EQ(*ops->TenantFor(shop), shop);
  EXPECT_EQ(ops->TenantFor({})->name(), "anonymous");
  EXPECT_EQ((*file->Authenticate("Bearer " + reader.token))->Check(Role::kAdmin).error().code,
            base::Code::kPermissionDenied);
  EXPECT_EQ(file->Authenticate("Bearer " + reader.token + "x").error().code, base::Code::kUnauthenticated);
}

TEST(TokenFile, SaysWhichLineIsWrong) {
  const Folder folder;
  const std::string good = MakeToken("a", "shop", "read")->line + "\n";
  const std::string hash = "sha256:" + std::string(64, '0');
  for (const auto& [line, reason] : {std::pair<std::string, std::string>{"a shop read", "expected NAME TENANT ROLES"},
                                     {"b shop look " + hash, "roles: expected read, write or admin"},
                                     {"b sh/op read " + hash, "tenant: "},
                                     {"b shop read sha256:12", "64 hexadecimal digits"},
                                     {"b shop read md5:" + std::string(64, '0'), "expected sha256:"},
                                     {"a shop read " + hash, "second token of this name"}}) {
    const auto file = TokenFile::Open(folder.Write(good + line + "\n"));
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, base::Code::kInvalidArgument);
    EXPECT_THAT(file.error().message, testing::AllOf(HasSubstr("line 2: "), HasSubstr(reason)));
  }
  EXPECT_THAT(TokenFile::Open(folder.Write("# nobody\n")).error().message, HasSubstr("no token in it"));
  EXPECT_EQ(TokenFile::Open("/nonexistent/tokens").error().code, base::Code::kNotFound);
  EXPECT_FALSE(MakeToken("two words", "shop", "read"));
  EXPECT_FALSE(MakeToken("a", "shop", ""));
}

TEST(TokenFile, IsReadAgainWhenItChanged) {
  const Folder folder;
  const auto first = *MakeToken("first", "shop", "read");
  const auto second = *MakeToken("second", "shop", "read");
  const std::string path = folder.Write(first.line);
  const auto file = *TokenFile::Open(path);
  ASSERT_TRUE(file->Authenticate("Bearer " + first.token));
  const auto within = [](auto holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!holds() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return holds();
  };
  (void)folder.Write(second.line);
  EXPECT_TRUE(within([&] { return file->Authenticate("Bearer " + second.token).has_value(); }));
  EXPECT_FALSE(file->Authenticate("Bearer " + first.token));
  // One that has become wrong shuts nobody out, nor lets anybody in.
  (void)folder.Write("nonsense\n" + first.line);
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  EXPECT_TRUE(file->Authenticate("Bearer " + second.token));
  EXPECT_FALSE(file->Authenticate("Bearer " + first.token));
}

}  // namespace
}  // namespace clew::auth
