// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/base/thread_annotations.h"
#include "clew/store/log_encoder.h"
#include "clew/store/pending.h"
#include "clew/store/span_encoder.h"

namespace clew::store {

// The encoders that keep their room from INSERT to INSERT; each is held until the block that it made is inserted.
struct InsertEncoders {
  base::Mutex spans_mutex;
  SpanEncoder spans GUARDED_BY(spans_mutex);
  base::Mutex logs_mutex;
  LogEncoder logs GUARDED_BY(logs_mutex);

  // Nothing of that signal was inserted for a while.
  void GiveBackMemory(Signal signal) {
    if (signal == Signal::kSpans) {
      const base::MutexLock lock(spans_mutex);
      spans.GiveBackMemory();
    } else if (signal == Signal::kLogs) {
      const base::MutexLock lock(logs_mutex);
      logs.GiveBackMemory();
    }
  }
};

}  // namespace clew::store
