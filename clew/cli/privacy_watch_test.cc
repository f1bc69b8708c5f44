// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/privacy_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "clew/privacy/pseudonyms.h"
#include "clew/privacy/shared_redactor.h"

namespace clew::cli {
namespace {

class PrivacyWatchTest : public testing::Test {
 protected:
  PrivacyWatchTest() {
    folder_ = testing::TempDir() + "/clew_privacy_watch_XXXXXX";
    CLEW_CHECK(mkdtemp(folder_.data()) != nullptr);
    config_ = folder_ + "/clew.yaml";
    keys_ = folder_ + "/keys";
    setenv("CLEW_PRIVACY_KEYS", keys_.c_str(), 1);
  }
  ~PrivacyWatchTest() override {
    unsetenv("CLEW_PRIVACY_KEYS");
    std::filesystem::remove_all(folder_);
  }

  static void Write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(base::WriteFileAtomically(path, text, 0600));
  }
  PrivacyWatch::Say Saying() {
    return [this](bool is_error, const std::string& text) { said_.emplace_back(is_error, text); };
  }
  // Time for another look has come.
  static void LookAgain(PrivacyWatch& watch) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1010));
    watch.Look();
  }

  std::string folder_;
  std::string config_;
  std::string keys_;
  std::vector<std::pair<bool, std::string>> said_;
};

TEST_F(PrivacyWatchTest, TakesChangedRulesAndKeepsTheOldOnesWhereTheyAreWrong) {
  Write(config_, "privacy: {rules: [{name: seat, pattern: 'SEAT-[0-9]+'}]}\n");
  std::string warning;
  auto redactor = privacy::MakeSharedRedactor({}, warning);
  ASSERT_TRUE(redactor);
  PrivacyWatch watch(config_, *redactor, Saying());
  EXPECT_EQ((*redactor)->RedactValue("", "SEAT-1 ROW-2"), "REDACTED ROW-2");
  EXPECT_TRUE(said_.empty());
  Write(config_, "privacy: {rules: [{name: row, pattern: 'ROW-[0-9]+'}]}\n");
  LookAgain(watch);
  EXPECT_EQ((*redactor)->RedactValue("", "SEAT-1 ROW-2"), "SEAT-1 REDACTED");
  Write(config_, "privacy:\n  rules: [{name: row, pattern: '('}]\n");
  LookAgain(watch);
  EXPECT_EQ((*redactor)->RedactValue("", "SEAT-1 ROW-2"), "SEAT-1 REDACTED");
  ASSERT_EQ(said_.size(), 2u);
  EXPECT_FALSE(said_[0].first);
  EXPECT_TRUE(said_[1].first);
  EXPECT_THAT(said_[1].second, testing::HasSubstr(config_ + ":2: privacy.rules.row.pattern: "));
}

TEST_F(PrivacyWatchTest, TakesUpKeysThatCameIntoTheFile) {
  std::string warning;
  auto redactor = privacy::MakeSharedRedactor({}, warning);
  ASSERT_TRUE(redactor);
  PrivacyWatch watch("", *redactor, Saying());
  const std::string before = (*redactor)->RedactValue("", "zoe@example.net");
  const auto text = base::ReadFile(keys_);
  ASSERT_TRUE(text);
  // One that is in force already.
  Write(keys_, *text + text->substr(0, text->find(' ')) + " " + std::string(64, 'a') + "\n");
  LookAgain(watch);
  const std::string after = (*redactor)->RedactValue("", "zoe@example.net");
  EXPECT_NE(after, before);
  EXPECT_THAT((*redactor)->rules()->pseudonyms().AllOf("email", "zoe@example.net"),
              testing::ElementsAre(before, after));
  Write(keys_, "no key\n");
  LookAgain(watch);
  EXPECT_EQ((*redactor)->RedactValue("", "zoe@example.net"), after);
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_TRUE(said_[0].first);
}

}  // namespace
}  // namespace clew::cli
