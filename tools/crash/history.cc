// SPDX-License-Identifier: Apache-2.0
#include "tools/crash/history.h"

#include <algorithm>
#include <fstream>

namespace clew::crash {

void History::NoteSent(uint64_t number) {
  if (sent.insert(number).second) unanswered.insert(number);
  next = std::max(next, number + 1);
}

base::Status History::Save(const std::string& path) const {
  std::ofstream file(path);
  for (const uint64_t number : sent) file << "sent " << number << '\n';
  for (const uint64_t number : unanswered) file << "unanswered " << number << '\n';
  for (const uint64_t number : damaged) file << "damaged " << number << '\n';
  file.flush();
  if (!file) return base::Internal("cannot write " + path);
  return {};
}

base::Result<History> History::Load(const std::string& path) {
  History history;
  std::ifstream file(path);
  if (!file) return base::NotFound("cannot read " + path);
  std::string word;
  uint64_t number = 0;
  while (file >> word >> number) {
    if (word == "sent") history.sent.insert(number);
    if (word == "unanswered") history.unanswered.insert(number);
    if (word == "damaged") history.damaged.insert(number);
    history.next = std::max(history.next, number + 1);
  }
  return history;
}

}  // namespace clew::crash
