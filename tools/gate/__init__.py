# SPDX-License-Identifier: Apache-2.0
"""The checks behind tools/check, one module a concern; each check is a function from a Tree to an Outcome."""
