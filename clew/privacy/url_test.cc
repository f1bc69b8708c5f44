// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/url.h"

#include <gtest/gtest.h>

namespace clew::privacy {
namespace {

TEST(RedactUrl, UserInfoGoes) {
  EXPECT_EQ(RedactUrl("https://zoe:secret@example.net/a?b=c"), "https://REDACTED:REDACTED@example.net/a?b=c");
  EXPECT_EQ(RedactUrl("redis://:secret@cache:6379/0"), "redis://REDACTED:REDACTED@cache:6379/0");
  EXPECT_EQ(RedactUrl("ftp://zoe@example.net"), "ftp://REDACTED@example.net");
  EXPECT_EQ(RedactUrl("//zoe:secret@example.net"), "//REDACTED:REDACTED@example.net");
  EXPECT_EQ(RedactUrl("http://a:b@c@host/"), "http://REDACTED:REDACTED@host/");
  // A slash that should have been escaped.
  EXPECT_EQ(RedactUrl("amqp://zoe:se/cr@et@host/vhost"), "amqp://REDACTED:REDACTED@host/vhost");
}

TEST(RedactUrl, WhatIsNoUserInfoStays) {
  for (const std::string_view url :
       {"https://example.net/", "http://example.net:8080/a@b", "http://[::1]:80/@x", "http://[::1]/@x", "/path//a:b@c",
        "mailto:zoe", "", "/", "*", "example.net:443", "http://host?mail=a@b", "http://host/p?x=//u:p@h"}) {
    EXPECT_EQ(RedactUrl(url), url);
  }
}

TEST(RedactUrl, ValuesOfTellingKeysGo) {
  EXPECT_EQ(RedactUrl("/login?user=1&password=x%20y&next=/"), "/login?user=1&password=REDACTED&next=/");
  EXPECT_EQ(RedactUrl("http://h/?API-Key=1;a=2#f"), "http://h/?API-Key=REDACTED;a=2#f");
  EXPECT_EQ(RedactUrl("http://h/?pass%77ord=1"), "http://h/?pass%77ord=REDACTED");
  EXPECT_EQ(RedactUrl("http://h/?user[password]=1&a"), "http://h/?user[password]=REDACTED&a");
  EXPECT_EQ(RedactUrl("http://h/cb#access_token=abc&state=1"), "http://h/cb#access_token=REDACTED&state=1");
  EXPECT_EQ(RedactUrl("/s3?AWSAccessKeyId=AKIA&Signature=a%3D&X-Goog-Signature=b&sig=c&Expires=1"),
            "/s3?AWSAccessKeyId=REDACTED&Signature=REDACTED&X-Goog-Signature=REDACTED&sig=REDACTED&Expires=1");
  EXPECT_EQ(RedactUrl("/?token="), "/?token=");
  EXPECT_EQ(RedactUrl("/?token=a=b?c"), "/?token=REDACTED");
  EXPECT_EQ(RedactQuery("?token=1"), "?token=REDACTED");
  EXPECT_EQ(RedactQuery("q=token&token=1"), "q=token&token=REDACTED");
  EXPECT_EQ(RedactQuery(""), "");
}

}  // namespace
}  // namespace clew::privacy
