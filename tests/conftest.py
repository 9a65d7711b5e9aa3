"""Hypothesis profiles: no deadline, since machines differ; ``make fuzz`` digs deeper."""

from hypothesis import HealthCheck, settings

collect_ignore_glob = ["*_plugin"]
"""Distributions of their own: their tests run where they are installed."""

settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("fuzz", settings.get_profile("default"), max_examples=2_000)
settings.load_profile("default")


def pytest_terminal_summary(terminalreporter):
    """Tell what tests measured: each sentence recorded under "measured", also by a worker."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "measured" and report.when == "teardown":
                    terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {value}")
