// SPDX-License-Identifier: Apache-2.0
#include "clew/govern/person.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clew/base/bytes.h"
#include "clew/privacy/redactor.h"

namespace clew::govern {
namespace {

privacy::Redactor::Options WithKeys() {
  privacy::Redactor::Options options;
  privacy::PseudonymKey second{.start = 1000};
  second.secret.fill(7);
  options.keys = {privacy::PseudonymKey{}, second};
  options.policy.own_rules = {{.name = "customer", .pattern = R"(CUST-(\d+))", .action = privacy::Action::kPseudonym}};
  return options;
}

// Whatever the redactor makes of an identifier, in whatever place, is looked for.
TEST(Person, NeedlesAreWhatTheRedactorWrites) {
  const privacy::Redactor redactor(WithKeys());
  const auto rules = redactor.rules();
  const struct {
    const char* identifier;
    const char* key;
    const char* text;
  } kCases[] = {
      {"Zoe@example.net", "", "mail of zoe@EXAMPLE.net!"},
      {"zoe@example.net", "user.id", "Zoe@example.net"},
      {"zoe", "user.name", "zoe"},
      {"Zoe", "user.name", "zoe"},
      {"+49 30 1234567", "", "call 0049301234567 now"},
      {"203.0.113.7", "client.address", "203.0.113.7"},
      {"001a2b3c4d5e", "", "at 00:1A:2b:3c:4d:5e"},
      {"17", "", "of CUST-17"},
      {"4711", "", "user_id=4711"},
  };
  for (const auto& one : kCases) {
    const std::string redacted = redactor.RedactValue(one.key, one.text);
    const store::PersonPattern pattern(NeedlesOf(*rules, {one.identifier}));
    EXPECT_TRUE(pattern.IsIn(redacted)) << one.identifier << ": " << redacted;
    EXPECT_TRUE(pattern.IsIn(base::ToBase64("x" + redacted))) << one.identifier;
  }
  const store::PersonPattern other(NeedlesOf(*rules, {"joe@example.net"}));
  EXPECT_FALSE(other.IsIn(redactor.RedactValue("", "mail of zoe@example.net")));
}

TEST(Person, CommonWordsAreLookedForUnderTellingKeysOnly) {
  const privacy::Redactor redactor(WithKeys());
  const store::PersonNeedles needles = NeedlesOf(*redactor.rules(), {"42", "Zoe", "zoe@example.net"});
  EXPECT_THAT(needles.values, testing::ElementsAre("42", "zoe"));
  EXPECT_THAT(needles.words,
              testing::UnorderedElementsAre("zoe@example.net", "zoe%40example.net", "zoe\\u0040example.net"));
}

TEST(Person, DigestsDependOnWhoAndNotOnHow) {
  const privacy::Redactor redactor(WithKeys());
  const auto rules = redactor.rules();
  const auto digests = DigestsOf(*rules, {"a@example.net", "B"});
  EXPECT_EQ(digests.size(), 2u);
  EXPECT_EQ(DigestsOf(*rules, {"b", "A@example.net"}), digests);
  EXPECT_NE(DigestsOf(*rules, {"a@example.net"}), digests);
}

TEST(Person, RefusesWhatNamesNobody) {
  EXPECT_FALSE(CheckIdentifiers({}));
  EXPECT_FALSE(CheckIdentifiers({"x"}));
  EXPECT_FALSE(CheckIdentifiers({std::string(300, 'x')}));
  EXPECT_FALSE(CheckIdentifiers(Identifiers(21, "abc")));
  EXPECT_TRUE(CheckIdentifiers({"zoe@example.net", "42"}));
}

}  // namespace
}  // namespace clew::govern
