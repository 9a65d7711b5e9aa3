"""Hypothesis profiles: no deadline, since machines differ; ``make fuzz`` digs deeper."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("fuzz", settings.get_profile("default"), max_examples=2_000)
settings.load_profile("default")
