// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/config_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include "clew/base/file.h"
#include "clew/base/time.h"

namespace clew::cli {
namespace {

constexpr size_t kMaxFileBytes = 4u << 20;

class Reader {
 public:
  explicit Reader(ServerConfig& config) : config_(config) {}

  std::vector<ConfigMistake> Read(std::string_view text) {
    try {
      const YAML::Node root = YAML::Load(std::string(text));
      if (!root.IsNull()) Map(root, "", kRootKeys);
    } catch (const YAML::Exception& error) {
      // The library's words without its own place.
      mistakes_.push_back({error.mark.line + 1, "", "not YAML: " + error.msg});
    }
    if (config_.tls_certificate_file.empty() != config_.tls_key_file.empty() && mistakes_.empty()) {
      mistakes_.push_back({0, "tls", "expected both certificate and key"});
    }
    std::ranges::stable_sort(mistakes_, {}, &ConfigMistake::line);
    return std::move(mistakes_);
  }

 private:
  using Set = void (Reader::*)(const YAML::Node& node, const std::string& key);
  struct Key {
    std::string_view name;
    Set set;
  };

  void Wrong(const YAML::Node& node, const std::string& key, std::string text) {
    mistakes_.push_back({node.Mark().line + 1, key, std::move(text)});
  }

  void Map(const YAML::Node& node, const std::string& prefix, std::span<const Key> keys) {
    if (!node.IsMap()) return Wrong(node, prefix, "expected keys, each followed by a colon and a value");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
      const std::string path = prefix.empty() ? name : prefix + "." + name;
      const auto key = std::ranges::find(keys, name, &Key::name);
      if (key == keys.end()) {
        Wrong(entry.first, path, "there is no such key; expected one of " + Names(keys));
      } else if (!seen.insert(name).second) {
        Wrong(entry.first, path, "stands here a second time");
      } else {
        (this->*key->set)(entry.second, path);
      }
    }
  }
  static std::string Names(std::span<const Key> keys) {
    std::string names;
    for (const Key& key : keys) names += (names.empty() ? "" : ", ") + std::string(key.name);
    return names;
  }

  void Text(const YAML::Node& node, const std::string& key, std::string& to) {
    if (!node.IsScalar() || node.Scalar().empty()) return Wrong(node, key, "expected a text");
    to = node.Scalar();
  }
  void Texts(const YAML::Node& node, const std::string& key, std::vector<std::string>& to) {
    if (!node.IsSequence()) return Wrong(node, key, "expected a list, such as [a, b]");
    to.clear();
    for (const YAML::Node& one : node) Text(one, key, to.emplace_back());
  }
  void DataDir(const YAML::Node& node, const std::string& key) { Text(node, key, config_.data_dir); }
  void Listen(const YAML::Node& node, const std::string& key) {
    Parsed<net::Address::Parse>(node, key, config_.listen);
  }
  void OtlpHttp(const YAML::Node& node, const std::string& key) {
    Parsed<net::Address::Parse>(node, key, config_.otlp_http);
  }
  void OtlpGrpc(const YAML::Node& node, const std::string& key) {
    Parsed<net::Address::Parse>(node, key, config_.otlp_grpc);
  }
  template <auto Parse, typename T>
  void Parsed(const YAML::Node& node, const std::string& key, T& to) {
    std::string text;
    Text(node, key, text);
    if (text.empty()) return;
    auto value = Parse(text);
    if (!value) return Wrong(node, key, value.error().message);
    to = *std::move(value);
  }

  void Retention(const YAML::Node& node, const std::string& key) {
    Parsed<ParseRetention>(node, key, config_.retention);
  }
  void DiskShare(const YAML::Node& node, const std::string& key) {
    Parsed<ParseDiskShare>(node, key, config_.disk_share);
  }
  void Tokens(const YAML::Node& node, const std::string& key) { Text(node, key, config_.token_file); }
  void AllowedHosts(const YAML::Node& node, const std::string& key) { Texts(node, key, config_.allowed_hosts); }
  void AllowedOrigins(const YAML::Node& node, const std::string& key) { Texts(node, key, config_.allowed_origins); }
  void Certificate(const YAML::Node& node, const std::string& key) { Text(node, key, config_.tls_certificate_file); }
  void TlsKey(const YAML::Node& node, const std::string& key) { Text(node, key, config_.tls_key_file); }
  void Tls(const YAML::Node& node, const std::string& key) { Map(node, key, kTlsKeys); }

  static constexpr std::array<Key, 2> kTlsKeys = {{{"certificate", &Reader::Certificate}, {"key", &Reader::TlsKey}}};
  static constexpr std::array<Key, 10> kRootKeys = {{{"data-dir", &Reader::DataDir},
                                                     {"retention", &Reader::Retention},
                                                     {"disk-share", &Reader::DiskShare},
                                                     {"listen", &Reader::Listen},
                                                     {"otlp-http", &Reader::OtlpHttp},
                                                     {"otlp-grpc", &Reader::OtlpGrpc},
                                                     {"tls", &Reader::Tls},
                                                     {"tokens", &Reader::Tokens},
                                                     {"allowed-hosts", &Reader::AllowedHosts},
                                                     {"allowed-origins", &Reader::AllowedOrigins}}};

  ServerConfig& config_;
  std::vector<ConfigMistake> mistakes_;
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

std::string ConfigMistake::Describe(std::string_view path) const {
  std::string out(path);
  if (line > 0) out += fmt::format(":{}", line);
  if (!key.empty()) out += ": " + key;
  return out + ": " + text;
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

}  // namespace clew::cli
