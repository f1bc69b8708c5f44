# SPDX-License-Identifier: Apache-2.0
import pytest

from shop_runner import Shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("shop"))
    try:
        shop.start()
        yield shop
    finally:
        shop.stop()
