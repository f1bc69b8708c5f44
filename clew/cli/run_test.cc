// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "clew/cli/run_interpreter.h"
#include "clew/cli/supervisor.h"
#include "clew/cli/supervisor_notify.h"

namespace clew::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("clew-run-test-" + std::to_string(getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  std::string Write(const std::string& name, const std::string& text, bool executable = true) const {
    const fs::path file = path_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
    if (executable) fs::permissions(file, fs::perms::owner_all);
    return file.string();
  }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

TEST(Interpreter, FollowsFirstLinesAndLinks) {
  const Folder folder;
  const std::string python = folder.Write("real/python3.9", "ELF");
  fs::create_symlink(python, folder.path() + "/python");
  const std::string direct = folder.Write("direct", "#!" + folder.path() + "/python -sP\nprint()");
  const std::string by_env = folder.Write("by_env", "#!/usr/bin/env -S A=1 python -I\n");
  const std::string twice = folder.Write("twice", "#!" + direct + "\n");
  for (const std::string& file : {python, direct, by_env, twice}) {
    const Interpreter found = FindInterpreter(file, folder.path());
    EXPECT_EQ(found.kind, Interpreter::Kind::kCPython) << file;
    EXPECT_EQ(found.version, "3.9") << file;
  }
  EXPECT_THAT(FindInterpreter(direct, "").options, ElementsAre("-sP"));
  EXPECT_THAT(FindInterpreter(by_env, folder.path()).options, ElementsAre("-I"));
  EXPECT_EQ(FindInterpreter("/bin/sh", "").kind, Interpreter::Kind::kOther);
  EXPECT_EQ(FindInterpreter(folder.Write("pypy3", "x"), "").kind, Interpreter::Kind::kPyPy);
  EXPECT_EQ(FindInterpreter(folder.Write("python3-config", "x"), "").kind, Interpreter::Kind::kOther);
  const Interpreter nameless = FindInterpreter(folder.Write("other/python3", "x"), "");
  EXPECT_EQ(nameless.kind, Interpreter::Kind::kPython);
  EXPECT_EQ(nameless.version, "");
  // A script that names itself ends after a few rounds.
  FindInterpreter(folder.Write("loop", "#!" + folder.path() + "/loop\n"), "");
}

TEST(Interpreter, ProgramsAreFoundAsAShellDoes) {
  const Folder folder;
  const std::string tool = folder.Write("bin/tool", "#!/bin/sh\n");
  folder.Write("plain/tool", "x", false);
  folder.Write("plain/other", "x", false);
  fs::create_directories(folder.path() + "/plain/folder");
  const std::string path = "/nonexistent:" + folder.path() + "/plain:" + folder.path() + "/bin";
  EXPECT_EQ(*FindProgram("tool", path), tool);
  EXPECT_EQ(*FindProgram(tool, ""), tool);
  EXPECT_EQ(FindProgram("other", path).error().code, base::Code::kPermissionDenied);
  EXPECT_EQ(FindProgram("folder", path).error().code, base::Code::kNotFound);
  EXPECT_EQ(FindProgram("", path).error().code, base::Code::kInvalidArgument);
  EXPECT_THAT(FindProgram("nothing", path).error().message, HasSubstr("no such command on PATH"));
}

TEST(Interpreter, ExtensionsAreListedByVersion) {
  const Folder folder;
  for (const char* name :
       {"clew/_native.cpython-311-x86_64-linux-gnu.so", "clew/_native.cpython-39-x86_64-linux-gnu.so",
        "clew/_native.cpython-313t-x86_64-linux-gnu.so", "clew/other.so", "clew/cpython-38.py"}) {
    folder.Write(name, "");
  }
  EXPECT_EQ(JoinVersions(ListExtensions(folder.path())), "3.9, 3.11, 3.13t");
  EXPECT_EQ(JoinVersions(ListExtensions("/nonexistent")), "none");
}

TEST(Interpreter, OptionsThatKeepInjectedCodeOut) {
  const auto blocker = [](std::vector<std::string> words) {
    words.insert(words.begin(), "python");
    return InjectionBlocker(words);
  };
  EXPECT_EQ(blocker({"-I", "x.py"}), "-I");
  EXPECT_EQ(blocker({"-u", "-sE", "x.py"}), "-E");
  EXPECT_EQ(blocker({"-W", "error", "-X", "dev", "-S"}), "-S");
  EXPECT_EQ(blocker({"-Werror", "-Xdev", "-OOS"}), "-S");
  EXPECT_EQ(blocker({"x.py", "-I"}), "");
  EXPECT_EQ(blocker({"-c", "-I"}), "");
  EXPECT_EQ(blocker({"-m", "flask", "-E"}), "");
  EXPECT_EQ(blocker({"-cprint('I')"}), "");
  EXPECT_EQ(blocker({"--check-hash-based-pycs", "always"}), "");
  EXPECT_EQ(blocker({"-"}), "");
  EXPECT_EQ(blocker({}), "");
}

TEST(Notify, MainPidIsTakenOut) {
  EXPECT_EQ(WithoutMainPid("READY=1\nMAINPID=7\nSTATUS=x MAINPID=8"), "READY=1\nSTATUS=x MAINPID=8");
  EXPECT_EQ(WithoutMainPid("MAINPID=7\nMAINPIDFDID=9\n"), "");
  EXPECT_EQ(WithoutMainPid(""), "");
  EXPECT_EQ(WithoutMainPid("WATCHDOG=1\n"), "WATCHDOG=1");
}

TEST(Notify, AddressesThatAreNoneAreRefused) {
  EXPECT_FALSE(NotifyRelay::Create(""));
  EXPECT_FALSE(NotifyRelay::Create("relative"));
  EXPECT_FALSE(NotifyRelay::Create("/" + std::string(200, 'x')));
}

TEST(Environment, OneVariableIsSetReplacedAndRemoved) {
  std::vector<std::string> environment = {"A=1", "AB=2", "A=3"};
  SetVariable(environment, "A", "4");
  EXPECT_THAT(environment, ElementsAre("AB=2", "A=4"));
  SetVariable(environment, "A", nullptr);
  EXPECT_THAT(environment, ElementsAre("AB=2"));
}

}  // namespace
}  // namespace clew::cli
