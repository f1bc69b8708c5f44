// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <random>
#include <set>
#include <string>

#include "tools/crash/history.h"

namespace clew::crash {

// What a disk may show of the log after a crash. Of the folder `wal`, while no server runs.

// Puts bytes behind the newest segment: zeros, noise, or the beginning of a record with a flipped bit.
void TearTheEnd(const std::string& wal, std::mt19937_64& random);

// Flips one bit of one record of one segment. A request whose rows it hits is noted as damaged. A cut stands twice in
// the log and bears one damage, so `flipped_cuts` are left alone. False where there was nothing to flip.
bool FlipABit(const std::string& wal, std::mt19937_64& random, History& history, std::set<std::string>& flipped_cuts);

}  // namespace clew::crash
