# SPDX-License-Identifier: Apache-2.0
"""How an order's total comes about."""

# Rebate in percent by the number of lines in the order.
REBATES = {1: 0, 2: 3, 3: 5}


def list_total(lines: list) -> int:
    return sum(line["price_cents"] * line["quantity"] for line in lines)


def rebate_total(lines: list) -> int:
    return list_total(lines) * (100 - REBATES[len(lines)]) // 100


METHODS = {"list": list_total, "rebate": rebate_total}
