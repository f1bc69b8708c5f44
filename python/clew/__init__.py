# SPDX-License-Identifier: Apache-2.0
"""Clew's agent: records what a Python service does into memory shared with `clew run`."""
