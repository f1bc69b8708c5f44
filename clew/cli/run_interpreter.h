// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"

namespace clew::cli {

// One CPython that the agent has an extension for, by the name of its file ("3.11", "3.13t" for a free-threaded one).
struct PythonExtension {
  std::string version;
  std::string file;  // whole path
};

// The folder that goes in front of PYTHONPATH: ../lib/clew/python beside the program, or the same below one of the
// folders above it (a build tree). NOT_FOUND says where it was looked for.
base::Result<std::string> FindPythonFolder();
// The extensions in it, sorted by version.
std::vector<PythonExtension> ListExtensions(const std::string& folder);

// Where `command` is found: itself where it holds a slash, else on `path` (PATH). NOT_FOUND, PERMISSION_DENIED.
base::Result<std::string> FindProgram(const std::string& command, std::string_view path);

// What a program file is, as far as its name and its first line tell.
struct Interpreter {
  enum class Kind {
    kOther,   // no Python, or not known; it may still start one
    kPython,  // some Python, version not known by its name
    kCPython,
    kPyPy,
  };
  Kind kind = Kind::kOther;
  std::string version;               // "3.11" where known
  std::string file;                  // of the interpreter itself
  std::vector<std::string> options;  // from a script's first line
};
// Follows the first lines of scripts (#!) and symbolic links.
Interpreter FindInterpreter(const std::string& program, std::string_view path);

// The option that keeps a Python from running injected code, as its command line has it ("-I", "-E", "-S"), or nothing.
// `arguments` begin with the interpreter.
std::string InjectionBlocker(const std::vector<std::string>& arguments);

// Why none of the processes below `root` (itself included) has taken the agent in, as far as /proc tells. Half a
// sentence for a person.
std::string WhyNothingAttached(pid_t root, const std::string& python_folder,
                               const std::vector<PythonExtension>& extensions);

// "3.9, 3.11".
std::string JoinVersions(const std::vector<PythonExtension>& extensions);

}  // namespace clew::cli
