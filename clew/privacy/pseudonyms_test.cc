// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/pseudonyms.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <string>
#include <thread>

#include "clew/base/file.h"
#include "clew/privacy/detect/values.h"

namespace clew::privacy {
namespace {

constexpr base::UnixNanos kDay = 86'400 * base::kNanosPerSecond;
constexpr base::UnixNanos kNow = 20'000 * kDay;
constexpr auto kLifetime = std::chrono::hours(24 * 90);

PseudonymKey Key(uint8_t byte, base::UnixNanos start) {
  PseudonymKey key{.start = start};
  key.secret.fill(byte);
  return key;
}

class KeyFile : public testing::Test {
 protected:
  KeyFile() : folder_(std::filesystem::temp_directory_path() / ("clew-keys-" + std::to_string(getpid()))) {
    std::filesystem::remove_all(folder_);
  }
  ~KeyFile() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ / "state" / "pseudonym.keys"; }

  const std::filesystem::path folder_;
};

TEST(Pseudonyms, AreHmacSha256) {
  // RFC 4231 has no key of this length; made with another implementation: HMAC-SHA-256 of "email:zoe@example.net".
  const Pseudonyms pseudonyms({Key(0x0b, 0)});
  EXPECT_EQ(pseudonyms.Of("email", "zoe@example.net", kNow), "email:4d4db686bbc32494");
  EXPECT_TRUE(detect::IsPseudonym(pseudonyms.Of("email", "zoe@example.net", kNow)));
}

TEST(Pseudonyms, DifferByKeyKindAndValue) {
  const Pseudonyms one({Key(1, 0)});
  const Pseudonyms same({Key(1, 0)});
  const Pseudonyms other({Key(2, 0)});
  EXPECT_EQ(one.Of("email", "a", kNow), same.Of("email", "a", kNow));
  EXPECT_NE(one.Of("email", "a", kNow), other.Of("email", "a", kNow));
  EXPECT_NE(one.Of("email", "a", kNow), one.Of("email", "b", kNow));
  EXPECT_NE(one.Of("email", "a", kNow).substr(6), one.Of("phone", "a", kNow).substr(6));
}

TEST(Pseudonyms, TheKeyInForceMakesThemAndAllAreKnown) {
  const Pseudonyms pseudonyms({Key(1, 0), Key(2, kNow)});
  const std::vector<std::string> all = pseudonyms.AllOf("email", "a");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(pseudonyms.Of("email", "a", kNow - 1), all[0]);
  EXPECT_EQ(pseudonyms.Of("email", "a", kNow), all[1]);
}

TEST_F(KeyFile, IsMadeOnceForItsOwnerOnly) {
  std::vector<std::jthread> threads;
  std::vector<std::string> secrets(8);
  for (std::string& secret : secrets) {
    threads.emplace_back([&] {
      const auto keys = LoadKeyFile(path(), kNow, kLifetime);
      if (keys) secret.assign(keys->front().secret.begin(), keys->front().secret.end());
    });
  }
  threads.clear();
  EXPECT_EQ(std::set<std::string>(secrets.begin(), secrets.end()).size(), 1u);
  EXPECT_EQ(secrets.front().size(), PseudonymKey::kSize);
  struct stat status{};
  ASSERT_EQ(stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  chmod(path().c_str(), 0640);
  EXPECT_EQ(LoadKeyFile(path(), kNow, kLifetime).error().code, base::Code::kPermissionDenied);
}

TEST_F(KeyFile, GetsANewKeyThatStartsLater) {
  ASSERT_TRUE(LoadKeyFile(path(), kNow, kLifetime));
  EXPECT_EQ(LoadKeyFile(path(), kNow + 89 * kDay, kLifetime)->size(), 1u);
  const auto rotated = LoadKeyFile(path(), kNow + 90 * kDay, kLifetime);
  ASSERT_TRUE(rotated);
  ASSERT_EQ(rotated->size(), 2u);
  EXPECT_EQ((*rotated)[1].start, kNow + 90 * kDay + std::chrono::nanoseconds(kKeyLead).count());
  const auto again = LoadKeyFile(path(), kNow + 91 * kDay, kLifetime);
  ASSERT_EQ(again->size(), 2u);
  EXPECT_EQ((*again)[1].secret, (*rotated)[1].secret);
}

TEST_F(KeyFile, NamesTheLineThatIsWrong) {
  std::filesystem::create_directories(std::filesystem::path(path()).parent_path());
  for (const char* text : {"", "# nothing\n", "x\n", "1 00\n"}) {
    ASSERT_TRUE(base::WriteFileAtomically(path(), text, 0600));
    const auto keys = LoadKeyFile(path(), kNow, kLifetime);
    ASSERT_FALSE(keys) << text;
    EXPECT_EQ(keys.error().code, base::Code::kDataLoss);
  }
}

}  // namespace
}  // namespace clew::privacy
