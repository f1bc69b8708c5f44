# SPDX-License-Identifier: Apache-2.0
"""What the providers of all three signals take an instrumentation scope for."""


def scope(name, version, schema_url):
    """An instrumentation scope as the native functions take it."""
    return (str(name or ""), str(version or ""), str(schema_url or ""))
