// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace clew::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Mistakes(std::string_view text) {
  ServerConfig config;
  std::vector<std::string> texts;
  for (const ConfigMistake& mistake : ReadConfigText(text, config)) texts.push_back(mistake.Describe("c"));
  return texts;
}

TEST(ConfigFile, EveryKey) {
  ServerConfig config;
  EXPECT_THAT(ReadConfigText("data-dir: /var/lib/clew\n"
                             "listen: 0.0.0.0:7070\n"
                             "otlp-http: '[::1]:4318'\n"
                             "otlp-grpc: localhost:0\n"
                             "retention: 12h\n"
                             "disk-share: 50%\n"
                             "tls:\n"
                             "  certificate: cert.pem\n"
                             "  key: key.pem\n"
                             "tokens: /etc/clew/tokens  # who may\n"
                             "allowed-hosts: [clew.example]\n"
                             "allowed-origins:\n"
                             "  - https://grafana.example\n"
                             "tenant-bytes: 1000\n"
                             "tenant-spans: 2000\n"
                             "tenant-logs: 3000\n"
                             "tenant-points: 4000\n"
                             "tenant-series: 0\n"
                             "tenants: 6\n"
                             "privacy: {truncate-addresses: true}\n",
                             config),
              IsEmpty());
  EXPECT_EQ(config.data_dir, "/var/lib/clew");
  EXPECT_EQ(config.listen.ToString(), "0.0.0.0:7070");
  EXPECT_EQ(config.otlp_http.ToString(), "[::1]:4318");
  EXPECT_EQ(config.otlp_grpc.ToString(), "localhost:0");
  EXPECT_EQ(config.retention, std::chrono::hours(12));
  EXPECT_EQ(config.disk_share, 0.5);
  EXPECT_EQ(config.tls_certificate_file, "cert.pem");
  EXPECT_EQ(config.tls_key_file, "key.pem");
  EXPECT_EQ(config.token_file, "/etc/clew/tokens");
  EXPECT_THAT(config.allowed_hosts, ElementsAre("clew.example"));
  EXPECT_THAT(config.allowed_origins, ElementsAre("https://grafana.example"));
  EXPECT_EQ(config.tenant_limits.bytes_per_second, 1000u);
  EXPECT_EQ(config.tenant_limits.spans_per_second, 2000u);
  EXPECT_EQ(config.tenant_limits.records_per_second, 3000u);
  EXPECT_EQ(config.tenant_limits.points_per_second, 4000u);
  EXPECT_EQ(config.tenant_limits.series, 0u);
  EXPECT_EQ(config.tenant_limits.tenants, 6u);
  EXPECT_TRUE(config.privacy.truncate_addresses);
}

TEST(ConfigFile, NothingIsFine) {
  EXPECT_THAT(Mistakes(""), IsEmpty());
  EXPECT_THAT(Mistakes("# nothing\n"), IsEmpty());
}

TEST(ConfigFile, NamesLineAndKeyOfEachMistake) {
  EXPECT_THAT(
      Mistakes("listen: nowhere\n"
               "lisen: 127.0.0.1:1\n"
               "tls:\n"
               "  certificate: [a]\n"
               "  cert: b\n"
               "tokens: a\n"
               "tokens: b\n"
               "allowed-hosts: clew.example\n"),
      ElementsAre(HasSubstr("c:1: listen: "), HasSubstr("c:2: lisen: there is no such key; expected one of "),
                  "c:4: tls.certificate: expected a text", HasSubstr("c:5: tls.cert: there is no such key"),
                  "c:7: tokens: stands here a second time", "c:8: allowed-hosts: expected a list, such as [a, b]"));
  EXPECT_THAT(Mistakes("retention: soon\ndisk-share: 120%\n"),
              ElementsAre("c:1: retention: expected a length of time such as 30d, or 0 for ever",
                          "c:2: disk-share: expected a percentage from 0% to 100%, such as 80%"));
  EXPECT_THAT(Mistakes("tenant-bytes: -1\ntenants: many\n"),
              ElementsAre("c:1: tenant-bytes: expected a whole number, or 0 for no bound",
                          "c:2: tenants: expected a whole number, or 0 for no bound"));
  EXPECT_THAT(Mistakes("listen: [\n"), ElementsAre(HasSubstr("not YAML")));
  EXPECT_THAT(Mistakes("just words\n"), ElementsAre(HasSubstr("c:1: expected keys")));
  EXPECT_THAT(Mistakes("tls: {certificate: a}\n"), ElementsAre("c: tls: expected both certificate and key"));
}

TEST(ConfigFile, SaysHowManyMistakesThereAre) {
  const std::string path = testing::TempDir() + "/clew_config_file_test.yaml";
  std::ofstream(path) << "a: 1\nb: 2\nc: 3\n";
  ServerConfig config;
  const auto status = ReadConfigFile(path, config);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, testing::AllOf(HasSubstr(path + ":1: a: "), HasSubstr("and 2 more")));
  EXPECT_EQ(ReadConfigFile("/nonexistent", config).error().code, base::Code::kNotFound);
}

}  // namespace
}  // namespace clew::cli
