// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

// How a process of the service gets the arena. `clew run` puts into its child's environment
//
//   CLEW_ATTACH=abstract=NAME;path=/run/…/clew.sock;fd=9;token=<32 hexadecimal digits>
//
// any of the first three, tried in the order written; and PYTHONPATH=<prefix>/lib/clew/python in front of what it held.
// Over a socket (SOCK_STREAM): the client sends the 32 digits of the token, the server answers one message of
// kHandoverReply with the memfd as SCM_RIGHTS and closes; for a wrong token it just closes. Whatever descriptor comes,
// by socket or inheritance, is taken only with F_SEAL_SHRINK and F_SEAL_GROW set, kArenaMagic in front and sizes that
// fit. Connecting and waiting take at most kHandoverTimeoutMillis altogether. All failed: nothing is recorded.
// CLEW_DISABLED=1 leaves everything off.
namespace clew::agent::record {

inline constexpr char kAttachVariable[] = "CLEW_ATTACH";
inline constexpr char kDisabledVariable[] = "CLEW_DISABLED";
inline constexpr std::string_view kHandoverReply = "CLEWRING";
inline constexpr size_t kTokenDigits = 32;
inline constexpr int kHandoverTimeoutMillis = 1000;

}  // namespace clew::agent::record
