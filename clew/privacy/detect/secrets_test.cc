// SPDX-License-Identifier: Apache-2.0
// What opens doors: tokens, keys, passwords and cookies.
#include "clew/privacy/detect/detect_test_support.h"
#include "clew/privacy/detect/keys.h"
#include "clew/privacy/detect/values.h"

namespace clew::privacy::detect {
namespace {

TEST(Jwt, FoundAndNot) {
  ExpectFound(JwtRule(), {
                             "token "
                             "«eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_"
                             "XgL0n3I9PlFUP0THsR8U» ok",
                             "cut «eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIi»",
                             "cut «eyJhbGciOiJIUzI1NiIsInR5cCI6»",
                             "eyJmb28iOiJiYXIifQ.e30.x",
                             "eyJ",
                             "xeyJhbGciOiJIUzI1NiJ9.e30.x",
                             "«eyJhbGciOiJub25lIn0.eyJzdWIiOiJ6b2UifQ.»",
                         });
}

TEST(ApiKey, FoundAndNot) {
  ExpectFound(ApiKeyRule(), {
                                "«AKIAIOSFODNN7EXAMPLE»",
                                "using «AKIAVWPEDDVJYMEAUTMY» here",
                                "«ghp_16C7e42F292c6912E7710c838347Ae178B4a»",
                                "«glpat-x3Y_z9Q1wE5rT7yU2iOp»",
                                "«xoxb-123456789012-abcdefABCDEF1234»",
                                "«sk_live_4eC39HqLyjWDarjtT1zdp7dc»",
                                "«AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY»",
                                "key=«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»",
                                "task-abcdefghijklmnopqrstuvwxyz0123456789abcdef12",
                                "AKIAIOSFODNN7",
                                "ghp_short",
                                "npm_config_registry",
                                "hf_transformers",
                                "XAKIAIOSFODNN7EXAMPLE",
                                "https://«hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXX1»",
                            });
}

TEST(Credential, FoundAndNot) {
  ExpectFound(CredentialRule(), {
                                    "Authorization: Bearer «abc123def456ghi789»",
                                    "authorization=basic «dXNlcjpwYXNzd29yZA==»",
                                    "Basic «YWxhZGRpbjpvcGVuc2VzYW1l»",
                                    "bearer token expired",
                                    "basic authentication",
                                    "Basic support",
                                    "a forbearer x1y2z3a4b5",
                                    "Bearer REDACTED",
                                });
}

TEST(Cookie, FoundAndNot) {
  ExpectFound(CookieRule(), {
                                "Cookie: sessionid=«38afes7a8»; theme=«dark1»",
                                "Set-Cookie: JSESSIONID=«5A3F»; Path=/; HttpOnly; SameSite=Lax",
                                R"({"cookie":"sid=«abc»; x=«y»"})",
                                "cookie: none",
                                "cookies accepted",
                                "Set-Cookie: id=«a3f»; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Secure",
                            });
}

TEST(PrivateKey, FoundAndNot) {
  ExpectFound(PrivateKeyRule(), {
                                    "a «-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----» b",
                                    R"("«-----BEGIN PRIVATE KEY-----\nMIIE»")",
                                    "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
                                    "-----BEGIN PUBLIC KEY-----\nMIIE",
                                });
}

TEST(UrlPassword, FoundAndNot) {
  ExpectFound(UrlPasswordRule(), {
                                     "postgres://«zoe:s3cret»@db:5432/shop",
                                     "redis://«:s3cret»@cache",
                                     "http://«a:b@c»@h/x",
                                     "amqp://«u:p/w»@h",
                                     "http://h:80/@x",
                                     "http://h/a:b@c",
                                     "https://user@host/",
                                     "http://host:8080",
                                     "x://REDACTED:REDACTED@h",
                                 });
}

TEST(Field, FoundAndNot) {
  ExpectFound(FieldRule(), {
                               "password=«hunter2»",
                               "PASSWORD=«hunter2» user_count=3",
                               R"({"password":"«hunter2»","a":1})",
                               R"({"pin":«1234»})",
                               R"("{\"api_key\":\"«abc\\\"d»\"}")",
                               "/login?a=1&password=«hunter2»&b=2",
                               "db.password: «hunter2»",
                               "access-token='«abc def»'",
                               "user[password]=«x1y2»&a=b",
                               "user%5Bpassword%5D=«x1y2»",
                               "clientSecret=«abc»",
                               "Authorization: Token «abc123»",
                               R"({"tokens":["a"],"token":["«x»","«y»"]})",
                               ":password=>\"«x»\"",
                               "password: «geheim»",
                               "pw=«x1»,a=2",
                               "password=«a,b»",
                               "user_id=«42»",
                               R"({"username":"«zoe»"})",
                               "user.name=«zoe»",
                               "token «9f8A7b6C5d4E3f2A1b0c»",
                               "the API key is «Zx9aB8cD7eF6gH5iJ4»",
                               "password=\"«cut off»",
                               "psql --password «hunter2» -h db",
                               "--token=«abc»",
                               "the password is «hunter2», sorry",
                               "password was changed",
                               "--password --verbose",
                               // None.
                               "token_type=Bearer",
                               "tokens=512",
                               "max_tokens=4096",
                               "password_length=12",
                               "password reset requested",
                               "invalid token: unexpected end",
                               "pass=3 fail=0",
                               "token = next()",
                               "if password == expected:",
                               "password=REDACTED",
                               "password=***",
                               "token=null",
                               "password=${DB_PASSWORD}",
                               "session expired",
                               "std::token::x",
                               "compass=north",
                               "shopping=1",
                               "user logged in",
                               "secret_name=db",
                               "author=zoe",
                               "user-agent: curl/8.0",
                               "session token 550e8400-e29b-41d4-a716-446655440000",
                               "user.email=email:0123456789abcdef",
                               "self.token = token",
                               "bypass: off",
                               "login(user=args.user, password=self.password)",
                               "token=os.environ[\"T\"]",
                               "def f(user, password=None):",
                               "password=password",
                               "{\"auth\": LOG_AUTH}",
                               "pw = pw[:-1]",
                           });
}

TEST(Keys, TellOfSecretsAndPersons) {
  for (const char* key : {"apikey",          "myapikey",   "AUTHORIZATION",  "client_secret",        "sig",
                          "private.key",     "sessionID",  "user[pass]",     "X-Amz-Security-Token", "authtoken",
                          "p_a_s_s_w_o_r_d", "password",   "DB_PASSWORD",    "accessToken",          "X-Api-Key",
                          "authorization",   "aws.secret", "AWSAccessKeyId", "Set-Cookie",           "pw"}) {
    EXPECT_TRUE(IsTellingKey(key)) << key;
  }
  for (const char* key : {"",         "user",    "signal", "design",  "bypass_cache", "keyword",    "page",
                          "sort-key", "id",      "asset",  "sidebar", "obsession",    "token_type", "password.length",
                          "author",   "compass", "tokens", "monkey",  "key",          "passenger",  "secret_version"}) {
    EXPECT_FALSE(IsTellingKey(key)) << key;
  }
  for (const char* key : {"user.id", "enduser.id", "userId", "user_name", "client.address", "http.client_ip",
                          "X-Forwarded-For", "usr.email"}) {
    EXPECT_TRUE(IsPersonKey(key)) << key;
  }
  for (const char* key : {"user_agent.name", "db.user", "process.user.name", "server.address", "name", "user_count"}) {
    EXPECT_FALSE(IsPersonKey(key)) << key;
  }
  EXPECT_TRUE(IsMachineKey("server.address"));
  EXPECT_FALSE(IsMachineKey("client.address"));
}

TEST(Values, Pseudonyms) {
  EXPECT_TRUE(IsPseudonym("email:0123456789abcdef"));
  EXPECT_TRUE(IsPseudonym("user:0123456789abcdef"));
  EXPECT_FALSE(IsPseudonym("email:0123456789abcde"));
  EXPECT_FALSE(IsPseudonym("other:0123456789abcdef"));
}

// Nothing that services write all day.
TEST(AllRules, LeaveWhatIsNobodys) {
  ExpectFound(
      nullptr,
      {
          "2026-11-24T10:11:12.345678Z INFO shop.checkout order 100034 placed in 12.5 ms",
          "GET /api/v1/orders/8841/items?page=2&size=50 HTTP/1.1 200 1532",
          "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 by build 20261124.3",
          "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
          "550e8400-e29b-41d4-a716-446655440000",
          "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
          "python 3.11.2 numpy==1.26.4 linux 6.1.0-18-amd64",
          "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.109 Safari/537.36",
          "for (int i = 0; i < 10; ++i) { sum += values[i]; }",
          "1764000000.123456 [1234] worker 3/8 alive",
          "File \"/usr/lib/python3.11/site-packages/flask/app.py\", line 1455, in wsgi_app",
          "aGVsbG8gd29ybGQsIHRoaXMgaXMgYmFzZTY0",
          "ISBN 978-3-16-148410-0",
          "order 123-4567890-1234567",
          "x = 0x1f4a_22b0",
          "took 1,234,567 ns (p99 2.345678 ms)",
          "jdbc:postgresql://db:5432/shop",
          "0123456789abcdef",
          "memory 16777216 of 4294967296 bytes",
      });
}

}  // namespace
}  // namespace clew::privacy::detect
