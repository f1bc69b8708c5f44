// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/config_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "clew/base/file.h"
#include "clew/base/time.h"
#include "clew/cli/config_privacy.h"

namespace clew::cli {
namespace {

constexpr size_t kMaxFileBytes = 4u << 20;

class Reader {
 public:
  explicit Reader(ServerConfig& config) : config_(config) {}

  std::vector<ConfigMistake> Read(std::string_view text) {
    try {
      const YAML::Node root = YAML::Load(std::string(text));
      if (!root.IsNull()) ReadRoot(root);
    } catch (const YAML::Exception& error) {
      // The library's words without its own place.
      reader_.mistakes().push_back({error.mark.line + 1, "", "not YAML: " + error.msg});
    }
    std::vector<ConfigMistake>& mistakes = reader_.mistakes();
    if (config_.tls_certificate_file.empty() != config_.tls_key_file.empty() && mistakes.empty()) {
      mistakes.push_back({0, "tls", "expected both certificate and key"});
    }
    std::ranges::stable_sort(mistakes, {}, &ConfigMistake::line);
    return std::move(mistakes);
  }

 private:
  using Key = ConfigReader::Key;

  ConfigReader::Set Text(std::string& to) {
    return [this, &to](const YAML::Node& node, const std::string& key) { reader_.Text(node, key, to); };
  }
  ConfigReader::Set Texts(std::vector<std::string>& to) {
    return [this, &to](const YAML::Node& node, const std::string& key) { reader_.Texts(node, key, to); };
  }
  template <typename Number>
  ConfigReader::Set Count(Number& to) {
    return [this, &to](const YAML::Node& node, const std::string& key) { reader_.Count(node, key, to); };
  }
  template <typename Parse, typename T>
  ConfigReader::Set Parsed(Parse parse, T& to) {
    return [this, parse, &to](const YAML::Node& node, const std::string& key) { reader_.Parsed(node, key, parse, to); };
  }

  void ReadRoot(const YAML::Node& root) {
    const std::array<Key, 2> tls = {
        {{"certificate", Text(config_.tls_certificate_file)}, {"key", Text(config_.tls_key_file)}}};
    ingest::TenantLimits& limits = config_.tenant_limits;
    const Key keys[] = {
        {"data-dir", Text(config_.data_dir)},
        {"retention", Parsed(ParseRetention, config_.retention)},
        {"disk-share", Parsed(ParseDiskShare, config_.disk_share)},
        {"listen", Parsed(net::Address::Parse, config_.listen)},
        {"otlp-http", Parsed(net::Address::Parse, config_.otlp_http)},
        {"otlp-grpc", Parsed(net::Address::Parse, config_.otlp_grpc)},
        {"tls", [&](const YAML::Node& node, const std::string& key) { reader_.Map(node, key, tls); }},
        {"tokens", Text(config_.token_file)},
        {"allowed-hosts", Texts(config_.allowed_hosts)},
        {"allowed-origins", Texts(config_.allowed_origins)},
        {"privacy",
         [&](const YAML::Node& node, const std::string& key) { ReadPrivacy(reader_, node, key, config_.privacy); }},
        {"tenant-bytes", Count(limits.bytes_per_second)},
        {"tenant-spans", Count(limits.spans_per_second)},
        {"tenant-logs", Count(limits.records_per_second)},
        {"tenant-points", Count(limits.points_per_second)},
        {"tenant-series", Count(limits.series)},
        {"tenants", Count(limits.tenants)},
    };
    reader_.Map(root, "", keys);
  }

  ServerConfig& config_;
  ConfigReader reader_;
};

}  // namespace

base::Result<std::chrono::nanoseconds> ParseRetention(std::string_view text) {
  const auto age = base::ParseDuration(text);
  if (!age || age->count() < 0) {
    return base::InvalidArgument("expected a length of time such as 30d, or 0 for ever");
  }
  return *age;
}

base::Result<double> ParseDiskShare(std::string_view text) {
  const bool is_percent = text.ends_with('%');
  if (is_percent) text.remove_suffix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (is_percent) value /= 100;
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 1)) {
    return base::InvalidArgument("expected a percentage from 0% to 100%, such as 80%");
  }
  return value;
}

std::vector<ConfigMistake> ReadConfigText(std::string_view text, ServerConfig& config) {
  return Reader(config).Read(text);
}

base::Status ReadConfigFile(const std::string& path, ServerConfig& config) {
  CLEW_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path, kMaxFileBytes));
  const std::vector<ConfigMistake> mistakes = ReadConfigText(text, config);
  if (mistakes.empty()) return {};
  std::string message = mistakes.front().Describe(path);
  if (mistakes.size() > 1) message += fmt::format(" (and {} more: `clew check {}`)", mistakes.size() - 1, path);
  return base::InvalidArgument(std::move(message));
}

void AddConfigOption(CLI::App& command, std::string& option) {
  command.add_option("--config", option, "YAML file whose section privacy: holds (CLEW_CONFIG; also a server's)")
      ->type_name("FILE");
}

std::string ConfigPath(const std::string& option) {
  if (!option.empty()) return option;
  const char* path = std::getenv("CLEW_CONFIG");
  return path == nullptr ? std::string() : path;
}

base::Result<privacy::Policy> ReadPrivacyText(std::string_view text) {
  ServerConfig config;
  const std::vector<ConfigMistake> mistakes = ReadConfigText(text, config);
  if (!mistakes.empty()) return base::InvalidArgument(mistakes.front().Describe("config"));
  return std::move(config.privacy);
}

base::Result<privacy::Policy> ReadPrivacyPolicy(const std::string& path) {
  ServerConfig config;
  if (!path.empty()) CLEW_RETURN_IF_ERROR(ReadConfigFile(path, config));
  return std::move(config.privacy);
}

}  // namespace clew::cli
