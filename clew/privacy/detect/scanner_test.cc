// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/scanner.h"

#include "clew/privacy/detect/detect_test_support.h"

namespace clew::privacy::detect {
namespace {

TEST(Scanner, MakesOneOfWhatOverlaps) {
  const auto scanner = ScannerOf(AllRules());
  Scanner::Pass pass(*scanner);
  const std::string_view text = "password=zoe@example.net user.email=ann@example.net";
  const Findings found = pass.Scan(text);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0], (Finding{9, 24, Detector::kEmail}));
  EXPECT_EQ(found[1], (Finding{36, 51, Detector::kEmail}));
}

TEST(Scanner, LeavesOutWhatIsNotEnabled) {
  Scanner::Enabled enabled{};
  enabled[static_cast<size_t>(Detector::kIp)] = true;
  const auto scanner = Scanner::Make(AllRules(), enabled);
  ASSERT_TRUE(scanner);
  Scanner::Pass pass(**scanner);
  const Findings found = pass.Scan("zoe@example.net from 203.0.113.7");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].detector, Detector::kIp);
}

TEST(Scanner, HintsOfTheKeyCount) {
  const auto scanner = ScannerOf(AllRules());
  Scanner::Pass pass(*scanner);
  EXPECT_TRUE(pass.Scan("5551234567").empty());
  EXPECT_EQ(pass.Scan("5551234567", HintsOfName("contact.phone")).size(), 1u);
  EXPECT_TRUE(pass.Scan("10.1.2.3", Bit(Hint::kMachine)).empty());
}

TEST(Scanner, TakesTenMegabytesInTime) {
  const auto scanner = ScannerOf(AllRules());
  Scanner::Pass pass(*scanner);
  for (const std::string_view piece : {"password=", "token:", "basic+", "eyJ", "a@", "1.", "cookie=",
                                       "-----BEGIN PRIVATE KEY-----", "\\\"pw\\\":\\\"", "://a:", "::1", "+1 ", "(0"}) {
    std::string text;
    while (text.size() < 10'000'000) text += piece;
    pass.Scan(text);
  }
}

TEST(Detector, NamesAreUnique) {
  for (size_t i = 0; i < kDetectorCount; ++i) {
    const auto detector = static_cast<Detector>(i);
    // The rules of a configuration have names of their own.
    if (detector == Detector::kOwn) continue;
    EXPECT_EQ(DetectorOf(DetectorName(detector)), detector);
  }
  EXPECT_FALSE(DetectorOf("nothing"));
  EXPECT_FALSE(DetectorOf(DetectorName(Detector::kOwn)));
}

}  // namespace
}  // namespace clew::privacy::detect
