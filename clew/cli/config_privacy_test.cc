// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/config_privacy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "clew/cli/config_file.h"
#include "clew/privacy/rule_set.h"

namespace clew::cli {
namespace {

using privacy::Action;
using privacy::detect::Detector;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Mistakes(std::string_view text) {
  ServerConfig config;
  std::vector<std::string> texts;
  for (const ConfigMistake& mistake : ReadConfigText(text, config)) texts.push_back(mistake.Describe("c"));
  // Whatever is wrong, what is left can be used.
  EXPECT_TRUE(privacy::RuleSet::Make(config.privacy, {}).has_value()) << text;
  return texts;
}

TEST(ConfigPrivacy, EveryKey) {
  ServerConfig config;
  EXPECT_THAT(ReadConfigText("privacy:\n"
                             "  detectors:\n"
                             "    email: mask\n"
                             "    ip: keep\n"
                             "    phone: off\n"
                             "    card: pseudonym\n"
                             "    cookie: drop\n"
                             "  truncate-addresses: true\n"
                             "  person-keys: [member.nr]\n"
                             "  secret-keys:\n"
                             "    - badge\n"
                             "  rules:\n"
                             "    - name: customer\n"
                             "      pattern: 'CUST-(\\d+)'\n"
                             "      action: pseudonym\n"
                             "      matches: [of CUST-17]\n"
                             "      ignores: [CUSTARD-17, '']\n"
                             "    - name: note\n"
                             "      keys: [note]\n",
                             config),
              testing::SizeIs(1));  // an empty example says nothing
  EXPECT_EQ(config.privacy.of(Detector::kEmail), Action::kMask);
  EXPECT_EQ(config.privacy.of(Detector::kIp), Action::kKeep);
  EXPECT_FALSE(config.privacy.enabled[static_cast<size_t>(Detector::kPhone)]);
  EXPECT_EQ(config.privacy.of(Detector::kCard), Action::kPseudonym);
  EXPECT_EQ(config.privacy.of(Detector::kCookie), Action::kDrop);
  EXPECT_TRUE(config.privacy.truncate_addresses);
  EXPECT_THAT(config.privacy.person_keys, ElementsAre("member.nr"));
  EXPECT_THAT(config.privacy.secret_keys, ElementsAre("badge"));
}

TEST(ConfigPrivacy, RulesAreTaken) {
  ServerConfig config;
  ASSERT_THAT(ReadConfigText("privacy:\n"
                             "  rules:\n"
                             "    - {name: customer, pattern: 'CUST-(\\d+)', action: drop, matches: [of CUST-17]}\n"
                             "    - {name: note, keys: [note]}\n",
                             config),
              IsEmpty());
  ASSERT_EQ(config.privacy.own_rules.size(), 2u);
  EXPECT_EQ(config.privacy.own_rules[0].name, "customer");
  EXPECT_EQ(config.privacy.own_rules[0].action, Action::kDrop);
  EXPECT_THAT(config.privacy.own_rules[1].keys, ElementsAre("note"));
  EXPECT_EQ(config.privacy.own_rules[1].action, Action::kMask);
  EXPECT_THAT(Mistakes("privacy:\n"), IsEmpty());
}

TEST(ConfigPrivacy, NamesLineAndKeyOfEachMistake) {
  EXPECT_THAT(
      Mistakes("privacy:\n"
               "  detectors:\n"
               "    e-mail: mask\n"
               "    email: hide\n"
               "    sql: drop\n"
               "  truncate-addresses: maybe\n"
               "  person-keys: user\n"
               "  rulez: []\n"),
      ElementsAre(HasSubstr("c:3: privacy.detectors.e-mail: there is no such key; expected one of private_key, "),
                  "c:4: privacy.detectors.email: expected keep, mask, pseudonym, drop or off",
                  HasSubstr("c:5: privacy.detectors.sql: expected mask"),
                  "c:6: privacy.truncate-addresses: expected true or false",
                  "c:7: privacy.person-keys: expected a list, such as [a, b]",
                  HasSubstr("c:8: privacy.rulez: there is no such key")));
}

TEST(ConfigPrivacy, TriesTheExamplesOfRules) {
  EXPECT_THAT(Mistakes("privacy:\n"
                       "  rules:\n"
                       "    - name: customer\n"
                       "      pattern: 'CUST-\\d+'\n"
                       "      matches:\n"
                       "        - CUST-1\n"
                       "        - CUST-x\n"
                       "      ignores:\n"
                       "        - of CUST-2\n"
                       "    - name: Bad\n"
                       "      pattern: a\n"
                       "    - name: broken\n"
                       "      keys: [a]\n"
                       "      pattern: '(?<=a)b'\n"
                       "    - name: customer\n"
                       "      pattern: b\n"
                       "    - name: whole\n"
                       "      keys: [a]\n"
                       "      matches: [b]\n"
                       "    - name: all\n"
                       "      pattern: '.*'\n"
                       "      action: hide\n"),
              ElementsAre("c:7: privacy.rules.customer.matches: the pattern does not match this example",
                          "c:9: privacy.rules.customer.ignores: the pattern matches this example at byte 3",
                          HasSubstr("c:10: privacy.rules.Bad.name: expected a small letter"),
                          HasSubstr("c:14: privacy.rules.broken.pattern: "),
                          "c:15: privacy.rules.customer: there is another rule of that name",
                          HasSubstr("c:19: privacy.rules.whole.matches: a rule without a pattern"),
                          "c:22: privacy.rules.all.action: expected keep, mask, pseudonym or drop"));
  EXPECT_THAT(Mistakes("privacy: {rules: [{name: all, pattern: '.*'}]}\n"), ElementsAre(HasSubstr("empty text")));
  EXPECT_THAT(Mistakes("privacy: {rules: [a, {}]}\n"), testing::SizeIs(2));
  EXPECT_THAT(Mistakes("privacy: 1\n"), testing::SizeIs(1));
}

}  // namespace
}  // namespace clew::cli
