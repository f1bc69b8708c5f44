// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/own_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "clew/privacy/redactor.h"

namespace clew::privacy {
namespace {

using testing::HasSubstr;

Redactor::Options With(std::vector<OwnRule> rules) {
  Redactor::Options options;
  options.keys = {PseudonymKey{}};
  options.policy.own_rules = std::move(rules);
  return options;
}

std::string Redacted(const Redactor& redactor, std::string_view key, std::string_view value) {
  return redactor.RedactValue(key, value);
}

TEST(OwnRules, FindWhatTheyAreForAndDoWhatTheySay) {
  const Redactor redactor(With({
      {.name = "customer", .pattern = R"(CUST-(\d+))", .action = Action::kPseudonym},
      {.name = "ticket", .pattern = R"(TICKET-\w+)", .action = Action::kMask},
      {.name = "tail", .pattern = R"(;trace=\w+)", .action = Action::kDrop},
  }));
  const std::string first = Redacted(redactor, "", "of CUST-17 and CUST-18");
  EXPECT_THAT(first, testing::MatchesRegex("of CUST-rule.customer:[0-9a-f]{16} and CUST-rule.customer:[0-9a-f]{16}"));
  EXPECT_EQ(Redacted(redactor, "", first), first);
  EXPECT_EQ(Redacted(redactor, "any.key", "of CUST-17 and CUST-18"), first);
  EXPECT_EQ(Redacted(redactor, "", "see TICKET-abc;trace=1 now"), "see REDACTED now");
  EXPECT_EQ(Redacted(redactor, "", "TICKET-"), "TICKET-");
  EXPECT_THAT(Redacted(redactor, "", "TICKET-1 zoe@example.net"), testing::StartsWith("REDACTED email:"));
}

TEST(OwnRules, LookOnlyAtTheirKeys) {
  const Redactor redactor(With({
      {.name = "whole", .pattern = "", .keys = {"badge", "customer_nr"}, .action = Action::kPseudonym},
      {.name = "room", .pattern = "r[0-9]+", .keys = {"place"}, .action = Action::kMask},
      {.name = "public", .pattern = "", .keys = {"user.id"}, .action = Action::kKeep},
  }));
  EXPECT_EQ(Redacted(redactor, "note", "r12"), "r12");
  EXPECT_EQ(Redacted(redactor, "place", "in r12"), "in REDACTED");
  EXPECT_THAT(Redacted(redactor, "badge", "x"), testing::StartsWith("rule.whole:"));
  EXPECT_EQ(Redacted(redactor, "customerNr", "x"), Redacted(redactor, "http.header.customer-nr", "x"));
  EXPECT_EQ(Redacted(redactor, "user.id", "zoe"), "zoe");
  EXPECT_THAT(Redacted(redactor, "user.name", "zoe"), testing::StartsWith("user:"));
}

TEST(OwnRules, KeepFromDetectorsWhatTheyKnow) {
  const Redactor redactor(With({{.name = "orders", .pattern = R"(order \d{16})", .action = Action::kKeep}}));
  EXPECT_EQ(Redacted(redactor, "", "order 4111111111111111"), "order 4111111111111111");
  EXPECT_EQ(Redacted(redactor, "", "card 4111111111111111"), "card REDACTED");
}

TEST(OwnRules, RefuseWhatCannotBe) {
  const auto why = [](OwnRule rule) { return OwnRules::Check(rule).error().message; };
  EXPECT_THAT(why({.name = "Big", .pattern = "a"}), HasSubstr("name: expected"));
  EXPECT_THAT(why({.name = "email", .pattern = "a"}), HasSubstr("a detector has this name"));
  EXPECT_THAT(why({.name = "a", .pattern = "("}), HasSubstr("pattern: missing )"));
  EXPECT_THAT(why({.name = "a", .pattern = "(?=a)"}), HasSubstr("pattern: "));
  EXPECT_THAT(why({.name = "a", .pattern = "a*"}), HasSubstr("empty text"));
  EXPECT_THAT(why({.name = "a", .pattern = ""}), HasSubstr("expected one, or keys"));
  EXPECT_THAT(why({.name = "a", .pattern = "((a{900}){900}){900}"}), HasSubstr("pattern: "));
  EXPECT_THAT(OwnRules::Make({{.name = "a", .pattern = "b"}, {.name = "a", .pattern = "c"}}).error().message,
              HasSubstr("another one of that name"));
}

TEST(OwnRules, MatchingEverythingIsBoundedAndSettles) {
  const std::string long_text(100'000, 'x');
  for (const std::string_view pattern : {".", "(?s).+", "\\w", "E", "D.", "[^x]", "\\b\\w", "REDACTED", "[0-9a-f]"}) {
    for (const Action action : {Action::kMask, Action::kPseudonym, Action::kDrop, Action::kKeep}) {
      const Redactor redactor(With({{.name = "all", .pattern = std::string(pattern), .action = action}}));
      for (const std::string& text :
           {std::string("a b REDACTED zoe@example.net E"), long_text, std::string("\xff\x80")}) {
        const std::string once = Redacted(redactor, "", text);
        EXPECT_EQ(Redacted(redactor, "", once), once) << pattern << " " << ActionName(action);
        EXPECT_LE(once.size(), TextRedactor::kMostGrowth * (text.size() + 1));
      }
    }
  }
}

TEST(OwnRules, CountByTheirNamesAcrossChangesOfRules) {
  Redactor redactor(With({{.name = "ticket", .pattern = R"(TICKET-\d+)", .action = Action::kMask}}));
  const auto take = [&] {
    model::LogBatch batch;
    batch.resources.emplace_back();
    batch.scopes.emplace_back();
    batch.body[batch.AddRow()] = model::Value::String(batch.strings.Intern("TICKET-1 SEAT-2"));
    redactor.Redact(batch);
    return std::string(batch.Text(batch.body[0].string_id()));
  };
  EXPECT_EQ(take(), "REDACTED SEAT-2");
  Policy policy;
  policy.own_rules = {{.name = "seat", .pattern = R"(SEAT-\d+)", .action = Action::kMask}};
  ASSERT_TRUE(redactor.SetPolicy(policy));
  EXPECT_EQ(take(), "TICKET-1 REDACTED");
  policy.own_rules[0].pattern = "(";
  EXPECT_FALSE(redactor.SetPolicy(policy));
  EXPECT_EQ(take(), "TICKET-1 REDACTED");
  const RedactionCounts counts = redactor.counts();
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].rule, "seat");
  EXPECT_EQ(counts[0].count, 2u);
  EXPECT_EQ(counts[1].rule, "ticket");
  EXPECT_EQ(counts[1].signal, Signal::kLogs);
}

TEST(Policy, KeysActionsAndSwitches) {
  Redactor::Options options = With({});
  options.policy.secret_keys = {"badge_code"};
  options.policy.person_keys = {"member"};
  options.policy.enabled[static_cast<size_t>(detect::Detector::kPerson)] = false;
  options.policy.actions[static_cast<size_t>(detect::Detector::kApiKey)] = Action::kPseudonym;
  options.policy.actions[static_cast<size_t>(detect::Detector::kSql)] = Action::kKeep;
  const Redactor redactor(options);
  EXPECT_EQ(Redacted(redactor, "badge.code", "17"), "REDACTED");
  EXPECT_EQ(Redacted(redactor, "", R"({"badgeCode":"seventeen"})"), R"({"badgeCode":"REDACTED"})");
  EXPECT_EQ(Redacted(redactor, "", "badge_code=seventeen"), "badge_code=REDACTED");
  EXPECT_EQ(Redacted(redactor, "url.full", "https://h/?badge_code=seventeen"), "https://h/?badge_code=REDACTED");
  EXPECT_EQ(Redacted(redactor, "user.name", "zoe"), "zoe");
  EXPECT_EQ(Redacted(redactor, "", "user_name=zoe"), "user_name=zoe");
  EXPECT_THAT(Redacted(redactor, "user.name", "zoe@example.net"), testing::StartsWith("email:"));
  // What stands for a key of a service is not taken for the value of a key.
  EXPECT_THAT(Redacted(redactor, "", "of AKIAIOSFODNN7EXAMPLE"), testing::MatchesRegex("of api_key:[0-9a-f]{16}"));
  EXPECT_THAT(Redacted(redactor, "db.query.text", "SELECT 'zoe@example.net', 1"),
              testing::MatchesRegex("SELECT 'email:[0-9a-f]{16}', 1"));
  options.policy.enabled[static_cast<size_t>(detect::Detector::kPerson)] = true;
  EXPECT_THAT(Redacted(Redactor(options), "", "member=zoe"), testing::StartsWith("member=user:"));
}

}  // namespace
}  // namespace clew::privacy
