"""Asserts in what service tests share say what they compared, as those in test modules do."""

import pytest

pytest.register_assert_rewrite("service_cases", "service_fakes", "service_properties", "schedules")
