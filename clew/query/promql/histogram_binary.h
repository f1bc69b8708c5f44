// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/query/promql/annotations.h"
#include "clew/query/promql/ast.h"
#include "clew/query/promql/native_histogram.h"

namespace clew::query::promql {

// One side of an operation: a histogram, or else a number.
struct Operand {
  const HistogramPtr* histogram = nullptr;
  double number = 0;
};

struct HistogramOutcome {
  bool failed = false;  // no value at all, not even that of a comparison with bool
  bool holds = false;   // a comparison's answer; true of arithmetic
  HistogramPtr histogram = nullptr;
};

// An operation with at least one histogram. What cannot be operated on has no value and is told.
HistogramOutcome OperateOnHistograms(TokenKind op, const Operand& left, const Operand& right, PositionRange range,
                                     Annotations& annotations);

}  // namespace clew::query::promql
