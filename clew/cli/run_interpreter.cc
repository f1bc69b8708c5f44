// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/run_interpreter.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>
#include <utility>

#include "clew/base/file.h"

namespace clew::cli {
namespace {

namespace fs = std::filesystem;
// An installed tree has it one level up; a build tree some.
constexpr int kLevelsUp = 4;
constexpr size_t kMostProcesses = 256;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "cpython-311t-x86_64-linux-gnu" is 3.11t; empty where it is not of that form.
std::string VersionOfTag(std::string_view name) {
  const size_t at = name.find("cpython-3");
  if (at == std::string_view::npos) return {};
  std::string_view rest = name.substr(at + 9);
  size_t digits = 0;
  while (digits < rest.size() && IsDigit(rest[digits])) ++digits;
  if (digits == 0) return {};
  std::string version = "3." + std::string(rest.substr(0, digits));
  if (rest.size() > digits && rest[digits] == 't') version += 't';
  return version;
}

// "python3.11", "pypy3.10", "python3": kind and version by a program's name.
Interpreter ByName(std::string_view name) {
  Interpreter result;
  std::string_view rest;
  if (name.starts_with("python")) {
    result.kind = Interpreter::Kind::kPython;
    rest = name.substr(6);
  } else if (name.starts_with("pypy")) {
    result.kind = Interpreter::Kind::kPyPy;
    rest = name.substr(4);
  } else {
    return result;
  }
  size_t end = 0;
  while (end < rest.size() && (IsDigit(rest[end]) || rest[end] == '.')) ++end;
  if (end < rest.size() && rest[end] == 't') ++end;
  // "python-argcomplete-check", "pythonw", "python3-config" are none.
  if (end != rest.size()) return {};
  if (rest.find('.') != std::string_view::npos) {
    result.version = rest;
    if (result.kind == Interpreter::Kind::kPython) result.kind = Interpreter::Kind::kCPython;
  }
  return result;
}

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    const size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return words;
    text.remove_prefix(first);
    const size_t end = text.find_first_of(" \t");
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  }
}

std::string FirstLine(const std::string& file) {
  base::Fd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  char bytes[512];
  const ssize_t count = read(fd.get(), bytes, sizeof bytes);
  if (count < 2) return {};
  const std::string_view text(bytes, static_cast<size_t>(count));
  return std::string(text.substr(0, text.find('\n')));
}

std::vector<std::string> SplitZeros(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = text.find('\0');
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return words;
}

std::string ProcFile(pid_t pid, std::string_view name) {
  auto text = base::ReadFile(fmt::format("/proc/{}/{}", pid, name), 4u << 20);
  return text ? *std::move(text) : std::string();
}

// The process and its descendants, parents first.
std::vector<pid_t> Tree(pid_t root) {
  std::vector<pid_t> result = {root};
  for (size_t i = 0; i < result.size() && result.size() < kMostProcesses; ++i) {
    std::error_code error;
    for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", result[i]), error)) {
      auto children = base::ReadFile(task.path().string() + "/children", 1u << 20);
      if (!children) continue;
      for (const std::string& word : SplitWords(*children)) {
        pid_t pid = 0;
        std::from_chars(word.data(), word.data() + word.size(), pid);
        if (pid > 0) result.push_back(pid);
      }
    }
  }
  return result;
}

// Nothing where the process is no Python, or there is no reason to be seen.
std::string WhyNotAttached(pid_t pid, const std::string& python_folder, const std::vector<PythonExtension>& extensions,
                           bool& is_python) {
  std::error_code error;
  const fs::path file = fs::read_symlink(fmt::format("/proc/{}/exe", pid), error);
  const Interpreter interpreter = ByName(file.filename().string());
  if (interpreter.kind == Interpreter::Kind::kOther) return {};
  is_python = true;
  if (interpreter.kind == Interpreter::Kind::kPyPy) return "it runs on PyPy; only CPython is there yet";
  if (!interpreter.version.empty() &&
      std::ranges::none_of(extensions, [&](const auto& one) { return one.version == interpreter.version; })) {
    return fmt::format("there is no extension for CPython {} here, only for {}", interpreter.version,
                       JoinVersions(extensions));
  }
  const std::string blocker = InjectionBlocker(SplitZeros(ProcFile(pid, "cmdline")));
  if (!blocker.empty()) return fmt::format("Python was started with {}, which keeps injected code out", blocker);
  const std::vector<std::string> environment = SplitZeros(ProcFile(pid, "environ"));
  const bool has_path = std::ranges::any_of(environment, [&](const std::string& entry) {
    return entry.starts_with("PYTHONPATH=") && entry.find(python_folder) != std::string::npos;
  });
  if (!environment.empty() && !has_path) return "PYTHONPATH was changed on the way to the Python process";
  return {};
}

}  // namespace

base::Result<std::string> FindPythonFolder() {
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  const fs::path first = folder.parent_path() / "lib/clew/python";
  for (int level = 0; level < kLevelsUp && folder.has_relative_path(); ++level) {
    folder = folder.parent_path();
    const fs::path candidate = folder / "lib/clew/python";
    if (fs::exists(candidate / "sitecustomize.py", error)) return candidate.string();
  }
  return base::NotFound(fmt::format("the Python part of Clew is not there: expected {}", first.string()));
}

std::vector<PythonExtension> ListExtensions(const std::string& folder) {
  std::vector<PythonExtension> result;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(folder, error); !error && entry != fs::end(entry);
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.ends_with(".so")) continue;
    std::string version = VersionOfTag(name);
    if (!version.empty()) result.push_back({std::move(version), entry->path().string()});
  }
  auto minor = [](const PythonExtension& one) {
    int number = 0;
    std::from_chars(one.version.data() + 2, one.version.data() + one.version.size(), number);
    return std::pair(number, one.version);
  };
  std::ranges::sort(result, {}, minor);
  return result;
}

std::string JoinVersions(const std::vector<PythonExtension>& extensions) {
  std::string result;
  for (const PythonExtension& one : extensions) {
    if (!result.empty()) result += ", ";
    result += one.version;
  }
  return result.empty() ? "none" : result;
}

base::Result<std::string> FindProgram(const std::string& command, std::string_view path) {
  if (command.empty()) return base::InvalidArgument("the command to run is empty");
  bool denied = false;
  auto usable = [&](const std::string& file) {
    struct stat status{};
    if (stat(file.c_str(), &status) != 0 || S_ISDIR(status.st_mode)) return false;
    if (access(file.c_str(), X_OK) == 0) return true;
    denied = true;
    return false;
  };
  if (command.find('/') != std::string::npos) {
    if (usable(command)) return command;
  } else {
    while (true) {
      const size_t colon = path.find(':');
      const std::string_view folder = path.substr(0, colon);
      std::string file = folder.empty() ? command : std::string(folder) + "/" + command;
      if (usable(file)) return file;
      if (colon == std::string_view::npos) break;
      path.remove_prefix(colon + 1);
    }
  }
  if (denied) {
    return base::Fail(base::Code::kPermissionDenied,
                      fmt::format("cannot start {}: it is not executable; try chmod +x", command));
  }
  const bool named = command.find('/') == std::string::npos;
  return base::NotFound(
      fmt::format("cannot start {}: {}", command,
                  named ? "no such command on PATH (is its virtual environment active?)" : "no such file"));
}

Interpreter FindInterpreter(const std::string& program, std::string_view path) {
  std::string file = program;
  std::vector<std::string> options;
  // Scripts may name scripts; the kernel follows five.
  for (int depth = 0; depth < 5; ++depth) {
    const std::string line = FirstLine(file);
    if (!line.starts_with("#!")) break;
    std::vector<std::string> words = SplitWords(std::string_view(line).substr(2));
    if (words.empty()) break;
    size_t next = 1;
    std::string interpreter = words[0];
    if (interpreter.ends_with("/env")) {
      while (next < words.size() && (words[next].starts_with('-') || words[next].find('=') != std::string::npos)) {
        ++next;
      }
      if (next == words.size()) break;
      auto found = FindProgram(words[next], path);
      if (!found) break;
      interpreter = *found;
      ++next;
    }
    options.assign(words.begin() + static_cast<ptrdiff_t>(next), words.end());
    file = interpreter;
  }
  std::error_code error;
  const fs::path real = fs::canonical(file, error);
  Interpreter result = ByName(error ? fs::path(file).filename().string() : real.filename().string());
  if (result.kind == Interpreter::Kind::kOther) result = ByName(fs::path(file).filename().string());
  result.file = file;
  result.options = std::move(options);
  return result;
}

std::string InjectionBlocker(const std::vector<std::string>& arguments) {
  for (size_t i = 1; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word.size() < 2 || word[0] != '-' || word == "--") return {};
    if (word.starts_with("--")) continue;
    for (size_t at = 1; at < word.size(); ++at) {
      const char option = word[at];
      if (option == 'E' || option == 'I' || option == 'S') return fmt::format("-{}", option);
      // -c and -m end the options; -W and -X take the rest, or the next word.
      if (option == 'c' || option == 'm') return {};
      if (option == 'W' || option == 'X') {
        if (at + 1 == word.size()) ++i;
        break;
      }
    }
  }
  return {};
}

std::string WhyNothingAttached(pid_t root, const std::string& python_folder,
                               const std::vector<PythonExtension>& extensions) {
  bool is_python = false;
  for (pid_t pid : Tree(root)) {
    std::string reason = WhyNotAttached(pid, python_folder, extensions, is_python);
    if (!reason.empty()) return reason;
  }
  if (!is_python) return "none of its processes is a Python";
  return "the injected code did not run (a Python without its site module, or one that cannot reach the agent)";
}

}  // namespace clew::cli
