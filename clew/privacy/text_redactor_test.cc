// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/text_redactor.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "clew/base/json_reader.h"
#include "clew/privacy/detect/values.h"
#include "clew/privacy/redactor.h"

namespace clew::privacy {
namespace {

class TextRedactorTest : public testing::Test {
 protected:
  std::string Of(std::string_view text) {
    std::string redacted;
    return texts_.Redact(text, 0, redacted) ? redacted : std::string(text);
  }
  static Redactor::Options KnownKey() {
    Redactor::Options options;
    options.keys = {PseudonymKey{}};
    return options;
  }

  const Redactor redactor_{KnownKey()};
  TextRedactor texts_{redactor_.rules(), 0};
};

TEST_F(TextRedactorTest, MasksAndGivesPseudonyms) {
  const std::string pseudonym = Of("zoe@example.net");
  EXPECT_TRUE(detect::IsPseudonym(pseudonym));
  EXPECT_EQ(Of("a ZOE@example.NET b"), "a " + pseudonym + " b");
  EXPECT_EQ(Of("/u/zoe%40example.net/x"), "/u/" + pseudonym + "/x");
  EXPECT_EQ(Of("password=hunter2 n=1"), "password=REDACTED n=1");
  EXPECT_EQ(Of("+49 30 1234567"), Of("0049 30 1234567"));
  EXPECT_EQ(Of("clean"), "clean");
  EXPECT_EQ(texts_.counts().detectors[static_cast<size_t>(detect::Detector::kEmail)], 3u);
}

TEST_F(TextRedactorTest, LeavesJsonAsJson) {
  for (const std::string_view json :
       {R"({"card":4111111111111111,"n":[4111111111111111]})", R"({"pin":1234})",
        R"({"password":"a\"b","x":"zoe@example.net"})", R"({"body":"{\"card\":4111111111111111,\"pw\":\"a\\\"b\"}"})",
        R"({"lat":52.52,"lon":-13.405})", R"({"user_id":42,"a":true})"}) {
    const std::string redacted = Of(json);
    EXPECT_NE(redacted, json);
    EXPECT_TRUE(base::ParseJson(redacted)) << redacted;
    EXPECT_EQ(Of(redacted), redacted);
  }
  const auto inner = base::ParseJson(Of(R"({"body":"{\"card\":4111111111111111}"})"));
  ASSERT_TRUE(inner);
  EXPECT_EQ((*inner)["body"].AsString(), R"({"card":"REDACTED"})");
}

TEST_F(TextRedactorTest, ActionsOfAPolicy) {
  Redactor::Options options = KnownKey();
  options.policy.actions[static_cast<size_t>(detect::Detector::kEmail)] = Action::kDrop;
  options.policy.actions[static_cast<size_t>(detect::Detector::kPhone)] = Action::kKeep;
  options.policy.truncate_addresses = true;
  const Redactor redactor(std::move(options));
  TextRedactor texts(redactor.rules(), 0);
  std::string redacted;
  ASSERT_TRUE(texts.Redact("zoe@example.net, +49 30 1234567, 203.0.113.7, 2001:db8:1:2::3", 0, redacted));
  EXPECT_EQ(redacted, ", +49 30 1234567, 203.0.113.0, 2001:db8:1::");
  EXPECT_EQ(texts.found().size(), 4u);
}

TEST_F(TextRedactorTest, CutOffAnywhereNothingOfASecretStays) {
  const std::string_view text = R"({"password":"geheim+geheim","token":"geheim"} pw=geheim&x=1 user[pwd]=geheim)";
  for (size_t size = 0; size <= text.size(); ++size) {
    EXPECT_EQ(Of(text.substr(0, size)).find("geh"), std::string::npos) << text.substr(0, size);
  }
}

TEST_F(TextRedactorTest, TwiceChangesNothingMore) {
  constexpr std::string_view kPieces[] = {"password",
                                          "=",
                                          ":",
                                          "\"",
                                          "\\",
                                          "zoe@example.net",
                                          "4111111111111111",
                                          "4111 1111 1111 1111",
                                          " ",
                                          "1",
                                          "555-123-4567",
                                          "+49 30 1234567",
                                          "203.0.113.7",
                                          "token",
                                          "x1y2",
                                          "&",
                                          "?",
                                          "cookie",
                                          ";",
                                          ",",
                                          "[",
                                          "]",
                                          "{",
                                          "}",
                                          "(",
                                          ")",
                                          "user",
                                          ".",
                                          "-",
                                          "Bearer ",
                                          "a1b2c3d4e5f6",
                                          "phone",
                                          "52.52001",
                                          "lat",
                                          "dob",
                                          "1985-03-12",
                                          "://",
                                          "@",
                                          "%40",
                                          "ssn",
                                          "123456789",
                                          "api key ",
                                          "DE89370400440532013000",
                                          "eyJhbGciOiJIUzI1NiJ9",
                                          "2001:db8::1",
                                          "REDACTED",
                                          "email:0123456789abcdef",
                                          "\n",
                                          "'",
                                          "Cookie: ",
                                          "is "};
  std::mt19937 random(7);
  for (int i = 0; i < 200000; ++i) {
    std::string text;
    for (size_t pieces = random() % 12; pieces > 0; --pieces) text += kPieces[random() % std::size(kPieces)];
    const std::string once = Of(text);
    ASSERT_EQ(Of(once), once) << text;
    ASSERT_LE(once.size(), 33 * text.size());
  }
}

}  // namespace
}  // namespace clew::privacy
