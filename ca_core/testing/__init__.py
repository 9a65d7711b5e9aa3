"""What a provider author tests with: fakes of what the core lends, and two honest providers."""
